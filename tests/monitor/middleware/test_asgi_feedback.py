"""Labels at the address of a model that has the middleware."""

import asyncio
import io
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import msgspec
import pytest

from serinus.monitor.labels.outcomes import PARTS
from serinus.monitor.middleware.connection import Receive, Scope, Send
from serinus.monitor.serving import Assumption, Feedback
from tests.monitor.middleware.models import model
from tests.monitor.middleware.served import ADDRESS, MODEL, STAMP, Served, monitored, served, server


@pytest.fixture
async def fraud(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(model(), tmp_path) as it:
        yield it


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


async def test_rows_without_a_prediction_are_assumed_to_be_nothing(tmp_path: Path) -> None:
    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b'{"label": [1, null, {}]}'})

    told = msgspec.structs.replace(MODEL, feedback=Feedback(assume=Assumption("0", 1_000)))
    async with served(app, tmp_path, told, "off") as it:
        await it.ask({"rows": [{"a": 1}] * 3})
        evidence = await it.evidence()
    assert (evidence["faults"], evidence["counts"][STAMP]["requests"]) == (0, {"ANSWERED": 1})
