"""The middleware in real servers, over loopback."""

import asyncio
import io
import logging
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import msgspec
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.requests import Request

from serinus.api.sidecars import SERVING
from serinus.monitor.asgi import Monitored
from serinus.monitor.connection import Receive, Scope, Send
from serinus.monitor.outcomes import PARTS
from tests.monitor.models import model
from tests.monitor.served import ADDRESS, MODEL, STAMP, Served, monitored, served, server


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


async def test_a_label_at_the_models_address_is_held_against_the_receipt(fraud: Served) -> None:
    right, wrong = (await fraud.ask({"a": 3})).receipt, (await fraud.ask({"a": 4})).receipt
    items = [{"receipt": right, "label": 1}, {"receipt": wrong, "label": 1, "prediction": 1}]
    assert await fraud.label(*items) == ["counted", "counted"]
    assert await fraud.label(*items) == ["duplicate", "duplicate"]
    assert (await fraud.counts())["outcomes"]["cells"] == [["0", "1", PARTS], ["1", "1", PARTS]]


async def test_a_batch_is_signed_and_labelled_as_a_whole(fraud: Served) -> None:
    reply = await fraud.ask({"rows": [{"a": 1}, {"a": 2}]})
    assert fraud.read(reply.receipt).prediction == [1, 0]
    await fraud.label({"receipt": reply.receipt, "label": [1, 1], "prediction": [1, 1]})
    assert (await fraud.counts())["outcomes"]["errors"] == PARTS // 2


async def test_a_batch_that_does_not_fit_is_labelled_with_its_predictions_and_no_others(fraud: Served) -> None:
    reply = await fraud.ask({"rows": [{"a": number} for number in range(600)]})
    assert len(reply.receipt) < 400
    item = {"receipt": reply.receipt, "label": [1] * 600}
    assert await fraud.label(item | {"prediction": [1] * 600}) == ["unfit"]
    assert await fraud.label(item | {"prediction": reply.json["label"]}) == ["counted"]


async def test_labels_need_the_token(fraud: Served) -> None:
    url = f"{fraud.url}/serinus/feedback"
    for body in (b"[]", b"[" + b" " * 2**20 + b"]"):
        async with fraud.session.post(
            url, data=io.BytesIO(body), headers={"Authorization": "Bearer other"}
        ) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_labels_wait_for_a_monitor_that_is_not_there(tmp_path: Path) -> None:
    made = monitored(model(), tmp_path)
    async with AsyncExitStack() as running:
        with socket.create_server((ADDRESS, made.place.port)):
            port = await running.enter_async_context(server(made))
        session = await running.enter_async_context(aiohttp.ClientSession())
        response = await session.post(f"http://{ADDRESS}:{port}/serinus/feedback", json=[])
        assert (response.status, "send the labels again" in await response.text()) == (503, True)


async def test_a_sender_of_labels_who_leaves_harms_nobody(fraud: Served, caplog: pytest.LogCaptureFixture) -> None:
    _, writer = await asyncio.open_connection(ADDRESS, fraud.port)
    head = "POST /serinus/feedback HTTP/1.1\r\nHost: model\r\nAuthorization: Bearer feedback-token\r\n"
    writer.write(f"{head}Content-Length: 100\r\n\r\n[{{".encode())
    await asyncio.sleep(0.05)
    writer.close()
    await asyncio.sleep(0.05)
    receipt = (await fraud.ask({"a": 1})).receipt
    assert await fraud.label({"receipt": receipt, "label": 1}) == ["counted"]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("path", ["/serinus/labels", "/serinus/", "/serinus/feedback/", "/serinus/evidence"])
async def test_nothing_else_of_serinus_is_at_the_models_address(fraud: Served, path: str) -> None:
    async with fraud.session.post(fraud.url + path, data=b"[]") as response:
        assert response.status == 404


async def test_only_posts_are_feedback(fraud: Served) -> None:
    async with fraud.session.get(f"{fraud.url}/serinus/feedback") as response:
        assert response.status == 404


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


async def test_a_server_without_lifespan_begins_with_the_first_request(tmp_path: Path) -> None:
    async with served(model(), tmp_path, lifespan="off") as fraud:
        await asyncio.gather(*(fraud.ask({"a": 1}) for _ in range(5)))
        assert (await fraud.counts())["requests"] == {"ANSWERED": 5}


async def test_the_lifespan_of_the_application_goes_on(tmp_path: Path) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while scope["type"] == "lifespan":
            message = await receive()
            seen.append(message["type"])
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async with served(app, tmp_path) as it:
        assert (await it.evidence())["counts"] == {}
    assert seen == ["lifespan.startup", "lifespan.shutdown"]
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection(ADDRESS, it.place.port)


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


@pytest.mark.parametrize("environment", [{}, {SERVING: "nonsense"}])
async def test_where_nothing_is_told_everything_passes(
    environment: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with server(Monitored(model(), environment=environment)) as port, aiohttp.ClientSession() as session:
        for path in ("/predict", "/serinus/feedback", "/predict"):
            async with session.post(f"http://{ADDRESS}:{port}{path}", json={"a": 1}) as response:
                assert response.status == (200 if path == "/predict" else 404)
                assert "x-serinus-receipt" not in response.headers
    told = [record.getMessage() for record in caplog.records if record.name == "serinus.monitor.asgi"]
    assert len(told) == 1
    assert SERVING in told[0]


async def test_without_a_key_answers_go_without_receipts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = monitored(model(), tmp_path)
    (tmp_path / "keys" / "current").unlink()
    async with server(made) as port, aiohttp.ClientSession() as session:
        it = Served(port, made.place, session, made)
        reply = await it.ask({"a": 1})
        assert (reply.status, reply.receipt) == (200, "")
        await it.requests({"ANSWERED": 1})
    assert "answers get no receipt" in caplog.text


async def test_of_two_processes_in_a_pod_the_second_takes_the_port_when_the_first_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serinus.monitor.watch.AGAIN_SECONDS", 0.02)
    first = monitored(model(), tmp_path)
    second = monitored(model(), tmp_path, port=first.place.port)
    async with aiohttp.ClientSession() as session, AsyncExitStack() as running:
        async with server(first):
            it = Served(await running.enter_async_context(server(second)), second.place, session, second)
            assert (await it.ask({"a": 1})).status == 200
            assert await it.counts() == {}
        await _until_open(it)
        assert (await it.counts())["requests"] == {"ANSWERED": 1}
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [text for text in told if f"port {first.place.port} is taken" in text] == told


async def _until_open(it: Served) -> None:
    for _ in range(250):
        try:
            await it.evidence()
        except aiohttp.ClientError:
            await asyncio.sleep(0.02)
        else:
            return
    raise AssertionError("the port stays closed")


async def test_a_bug_of_ours_costs_no_answer(fraud: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a value")

    monkeypatch.setattr("serinus.monitor.signing.Signing.sign", broken)
    reply = await fraud.ask({"a": 1})
    assert (reply.status, reply.receipt) == (200, "")
    assert (await fraud.evidence())["faults"] == 1


async def test_what_cannot_begin_costs_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a value")

    monkeypatch.setattr("serinus.monitor.asgi.Watch", broken)
    made = monitored(model(), tmp_path)
    async with server(made) as port, aiohttp.ClientSession() as session:
        it = Served(port, made.place, session, made)
        assert [(await it.ask({"a": 1})).status for _ in range(2)] == [200, 200]


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


async def test_a_models_process_gets_neither_pydantic_nor_kopf_by_it() -> None:
    program = (
        "import sys, serinus.monitor.asgi\n"
        "heavy = {'pydantic', 'kopf', 'prometheus_client', 'kubernetes'}\n"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out == b"[]\n"
