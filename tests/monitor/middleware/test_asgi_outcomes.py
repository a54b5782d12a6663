"""How the middleware tells what came of a request: errors, clients that leave, large bodies, work after the answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

from serinus.monitor.counts.latency import EDGES
from serinus.monitor.labels.outcomes import PARTS
from serinus.monitor.middleware.calls import stamp_of
from serinus.monitor.middleware.connection import Message, Receive, Scope, Send
from serinus.monitor.protocols.bodies import LARGEST_BODY
from tests.monitor.middleware.models import model
from tests.monitor.middleware.served import ADDRESS, STAMP, Served, served

HEAD = "POST {path} HTTP/1.1\r\nHost: model\r\nx-serinus-split: {stamp}\r\nContent-Length: {length}\r\n\r\n"


@pytest.fixture
async def fraud(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(model(), tmp_path) as it:
        yield it


@pytest.mark.parametrize(
    ("path", "status", "outcome"),
    [
        ("/broken", 500, "SERVER_ERROR"),
        ("/refused", 400, "CLIENT_ERROR"),
        ("/nowhere", 404, "CLIENT_ERROR"),
        ("/work", 200, "ANSWERED"),
    ],
)
async def test_an_outcome(fraud: Served, path: str, status: int, outcome: str) -> None:
    reply = await fraud.ask({"a": 1}, path)
    assert (reply.status, bool(reply.receipt)) == (status, outcome == "ANSWERED")
    await fraud.requests({outcome: 1})


async def test_an_answer_that_breaks_off_is_a_server_error(fraud: Served) -> None:
    with pytest.raises(Exception, match="payload"):
        await fraud.ask({"a": 1}, "/half")
    await fraud.requests({"SERVER_ERROR": 1})


async def test_work_after_the_answer_is_no_part_of_its_time(fraud: Served) -> None:
    await fraud.ask({"a": 1}, "/work")
    await fraud.requests({"ANSWERED": 1})
    assert slowest(await fraud.counts()) < 0.25
    await asyncio.sleep(0.4)
    await fraud.requests({"ANSWERED": 1})


async def test_the_time_in_which_a_client_sends_is_not_the_models(fraud: Served) -> None:
    body = b'{"a": 1}'
    reader, writer = await connected(fraud, "/predict", len(body))
    writer.write(body[:3])
    await asyncio.sleep(0.3)
    writer.write(body[3:])
    assert b"200 OK" in await reader.readline()
    writer.close()
    await fraud.requests({"ANSWERED": 1})
    assert slowest(await fraud.counts()) < 0.25


async def test_a_client_that_leaves_before_it_has_asked_is_aborted(fraud: Served) -> None:
    _, writer = await connected(fraud, "/predict", 100)
    writer.write(b'{"a": ')
    await writer.drain()
    writer.close()
    await fraud.requests({"ABORTED": 1})


async def test_large_bodies_pass_whole_and_are_counted_as_not_captured(fraud: Served) -> None:
    reply = await fraud.ask({"a": 1, "unused": "x" * LARGEST_BODY, "padding": LARGEST_BODY})
    assert len(reply.json["padding"]) == LARGEST_BODY
    assert fraud.read(reply.receipt).prediction == ""
    await fraud.requests({"ANSWERED": 1})
    counts = await fraud.counts()
    assert counts["undecoded"] == {"RequestNotCaptured": 1, "AnswerNotCaptured": 1}


async def test_a_body_up_to_the_limit_is_read(fraud: Served) -> None:
    reply = await fraud.ask({"a": 1, "padding": LARGEST_BODY - 1000})
    assert fraud.read(reply.receipt).prediction == "1"
    counts = await fraud.counts()
    assert counts["predictions"] == {"1": PARTS}


async def test_an_answer_in_pieces_whose_length_is_told_is_not_held_up(tmp_path: Path) -> None:
    """The head goes with the first piece, signed without the prediction."""
    go_on = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await receive()
        head = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"12")]}
        await send(head)
        await send({"type": "http.response.body", "body": b'{"lab', "more_body": True})
        await go_on.wait()
        await send({"type": "http.response.body", "body": b'el": 1}'})

    async with served(app, tmp_path, lifespan="off") as it:
        async with asyncio.timeout(5), it.session.post(f"{it.url}/predict", json={"a": 1}) as response:
            assert await response.content.readexactly(5) == b'{"lab'
            go_on.set()
            assert await response.content.read() == b'el": 1}'
            assert it.read(response.headers["x-serinus-receipt"]).prediction == ""
        assert (await it.counts(""))["predictions"] == {"1": PARTS}


async def test_an_answer_that_has_its_length_is_whole_though_its_end_is_yet_to_be_told(tmp_path: Path) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await receive()
        head = {"type": "http.response.start", "status": 200, "headers": [(b"Content-Length", b"12")]}
        await send(head)
        await send({"type": "http.response.body", "body": b'{"label": 1}', "more_body": True})
        await send({"type": "http.response.body"})

    async with served(app, tmp_path, lifespan="off") as it:
        reply = await it.ask({"a": 1})
        assert it.read(reply.receipt).prediction == "1"
        await it.requests({"ANSWERED": 1})


class Connection:
    """A server's side of one request, where the test says what it does."""

    scope: ClassVar[Scope] = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "headers": [(b"x-serinus-split", STAMP.encode())],
    }

    def __init__(self, error: OSError | None = None) -> None:
        self.sent: list[str] = []
        self.error = error
        self._told = False

    async def receive(self) -> Message:
        if self._told:
            return {"type": "http.disconnect"}
        self._told = True
        return {"type": "http.request", "body": b"{}"}

    async def send(self, message: Message) -> None:
        self.sent.append(message["type"])
        await asyncio.sleep(0.01)
        if self.error:
            raise self.error


async def test_a_file_that_the_server_sends_itself_is_an_answer(tmp_path: Path) -> None:
    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.pathsend", "path": "/a/picture"})

    connection = Connection()
    async with served(app, tmp_path, lifespan="off") as it:
        await it.monitored(connection.scope, connection.receive, connection.send)
        await it.requests({"ANSWERED": 1})
    assert connection.sent == ["http.response.start", "http.response.pathsend"]


@pytest.mark.parametrize(("error", "outcome"), [(None, "ANSWERED"), (OSError("gone"), "ABORTED")])
async def test_the_end_of_an_answer_is_not_taken_for_a_client_that_left(
    tmp_path: Path, error: OSError | None, outcome: str
) -> None:
    """A server says that the client is gone whenever the answer is out, also while it sends the last piece."""

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200})
        await asyncio.gather(send({"type": "http.response.body", "body": b"{}"}), receive())

    connection = Connection(error)
    async with served(app, tmp_path, lifespan="off") as it:
        with suppress(OSError):
            await it.monitored(connection.scope, connection.receive, connection.send)
        await it.requests({outcome: 1})


async def test_a_request_that_the_server_cancels_is_aborted(fraud: Served) -> None:
    class Endless(Connection):
        async def receive(self) -> Message:
            await asyncio.sleep(60)
            raise AssertionError

    connection = Endless()
    under_way = asyncio.create_task(fraud.monitored(connection.scope, connection.receive, connection.send))
    await asyncio.sleep(0.01)
    under_way.cancel()
    await asyncio.wait([under_way])
    assert under_way.cancelled()
    await fraud.requests({"ABORTED": 1})


def test_a_stamp_that_is_too_long_is_cut() -> None:
    assert stamp_of({"headers": [(b"X-Serinus-Split", b"9" * 1000)]}) == "9" * 64


async def connected(it: Served, path: str, length: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(ADDRESS, it.port)
    writer.write(HEAD.format(path=path, stamp=STAMP, length=length).encode())
    return reader, writer


def slowest(counts: dict[str, Any]) -> float:
    """Return the upper edge of the last bin that holds a request."""
    return EDGES[max(map(int, counts["latency"]))]
