"""The middleware in real servers, over loopback."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.requests import Request

from serinus.api.sidecars import SERVING
from serinus.monitor.asgi import Monitored
from serinus.monitor.labels.outcomes import PARTS
from serinus.monitor.middleware.connection import Receive, Scope, Send
from tests.monitor.middleware.models import model
from tests.monitor.middleware.served import ADDRESS, MODEL, STAMP, Served, monitored, served, server


@pytest.fixture
async def fraud(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(model(), tmp_path) as it:
        yield it


async def test_a_prediction_has_a_receipt_and_counts(fraud: Served) -> None:
    reply = await fraud.ask({"a": 3})
    assert (reply.status, reply.json["label"]) == (200, 1)
    receipt = fraud.read(reply.receipt)
    assert (receipt.address, receipt.revision, receipt.sequence) == (ADDRESS, MODEL.revision, 1)
    assert receipt.prediction == "1"
    counts = await fraud.counts()
    assert counts["requests"] == {"ANSWERED": 1}
    assert counts["predictions"] == {"1": PARTS}


async def test_what_asks_for_no_prediction_passes_without_a_receipt(fraud: Served) -> None:
    async with fraud.session.get(fraud.url, headers={"x-serinus-split": STAMP}) as response:
        assert await response.text() == "hello"
        assert "x-serinus-receipt" not in response.headers
    counts = await fraud.counts()
    assert (counts["routed"], counts["others"]) == (1, 1)


async def test_a_websocket_passes(fraud: Served) -> None:
    async with fraud.session.ws_connect(f"{fraud.url}/socket") as socket:
        await socket.send_str("you")
        assert await socket.receive_str() == "heard you"
    assert await fraud.counts() == {}


async def test_concurrent_requests_are_not_mixed_up(fraud: Served) -> None:
    replies = await asyncio.gather(*(fraud.ask({"a": number, "padding": number * 100}) for number in range(200)))
    receipts = [fraud.read(reply.receipt) for reply in replies]
    assert [receipt.prediction for receipt in receipts] == ["0", "1"] * 100
    assert {receipt.sequence for receipt in receipts} == set(range(1, 201))
    items = [{"receipt": reply.receipt, "label": reply.json["label"]} for reply in replies]
    assert await fraud.label(*items) == ["counted"] * 200
    assert "errors" not in (await fraud.counts())["outcomes"]


async def test_fastapi_takes_it_as_any_middleware(tmp_path: Path) -> None:
    told = monitored(model(), tmp_path)
    app = FastAPI()
    environment = {SERVING: msgspec.json.encode(MODEL).decode()}
    app.add_middleware(Monitored, environment=environment, place=told.place)

    @app.middleware("http")
    async def with_a_header(request: Request, call_next):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return await call_next(request)

    @app.post("/predict")
    async def predict(document: dict[str, int]) -> JSONResponse:
        return JSONResponse({"label": document["a"]})

    async with server(app) as port, aiohttp.ClientSession() as session:
        it = Served(port, told.place, session, told)
        reply = await it.ask({"a": 1})
        assert it.read(reply.receipt).prediction == "1"
        assert (await it.ask({"a": "x"})).status == 422
        await it.requests({"ANSWERED": 1, "CLIENT_ERROR": 1})


async def test_a_bug_of_ours_costs_no_answer(fraud: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a value")

    monkeypatch.setattr("serinus.monitor.middleware.signing.Signing.sign", broken)
    reply = await fraud.ask({"a": 1})
    assert (reply.status, reply.receipt) == (200, "")
    assert (await fraud.evidence())["faults"] == 1


async def test_its_path_is_what_the_application_sees(tmp_path: Path) -> None:
    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        root = "/v7"
        await inner(
            {**scope, "root_path": root, "path": root + scope["path"]} if "path" in scope else scope, receive, send
        )

    inner = monitored(model(), tmp_path)
    async with server(mounted) as port, aiohttp.ClientSession() as session:
        it = Served(port, inner.place, session, inner)
        receipt = (await it.ask({"a": 1})).receipt
        assert await it.label({"receipt": receipt, "label": 1}) == ["counted"]
