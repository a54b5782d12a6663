"""A real HAProxy before a real server: what its ring tells of all that can happen to a request."""

import asyncio
import io
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from aiohttp import web

from serinus.monitor.exchange import Exchange, Outcome
from serinus.monitor.proxy.receipt_lines import haproxy_lines
from serinus.monitor.proxy.record_lines import record_lines
from serinus.monitor.receipts.receipts import Signer
from serinus.monitor.records.ring import Ring
from tests.cluster.parts import debian
from tests.cluster.ports import free_port
from tests.monitor.keyring import KEY_ONE, keys_in, text_of

pytestmark = pytest.mark.control_plane
"""It needs a Debian package, which `make test` installs."""

HAPROXY: Final = "/usr/sbin/haproxy"
BOOT: Final = 1764095000000
DEADLINE: Final = 10.0
CONFIGURATION: Final = """
global
    tune.bufsize 65536
    {in_global}
defaults
    mode http
    timeout client 2s
    timeout server 1s
    timeout connect 1s
    option http-keep-alive
    option dontlognull
{ring}
{backends}
frontend traffic
    bind 127.0.0.1:{port}
    {frontend}
    {on_request}
    {on_response}
    default_backend model
backend model
    server model 127.0.0.1:{model}
"""


@dataclass
class Front:
    """The proxy, and the records that came from it."""

    port: int
    exchanges: list[Exchange] = field(default_factory=list)
    ring: Ring = field(init=False)

    def __post_init__(self) -> None:
        self.ring = Ring(self.exchanges.append, time.monotonic)

    async def record(self) -> Exchange:
        """Return the next record."""
        deadline = time.monotonic() + DEADLINE
        while not self.exchanges:
            assert time.monotonic() < deadline, f"no record came; {self.ring.unreadable} were unreadable"
            await asyncio.sleep(0.01)
        return self.exchanges.pop(0)

    async def post(self, path: str = "/predict", body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Ask the model through the proxy."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"http://127.0.0.1:{self.port}{path}", data=io.BytesIO(body), headers=names) as answer,
        ):
            return answer.status, await answer.read()

    async def raw(self, text: bytes, wait: float = 0.0) -> None:
        """Send what no client library would, and hang up after a while."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(text)
        await writer.drain()
        await asyncio.sleep(wait)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()  # by a reset: an end alone may be that of the request


async def answer(request: web.Request) -> web.StreamResponse:
    """Serve as the path says."""
    body = await request.read()
    match request.path:
        case "/predict":
            return web.json_response({"label": 1})
        case "/echo":
            return web.Response(body=body, content_type="application/octet-stream")
        case "/status":
            return web.json_response({}, status=int(request.query["is"]))
        case "/slow":
            await asyncio.sleep(float(request.query["seconds"]))
            return web.json_response({"label": 0})
        case "/stream":
            stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await stream.prepare(request)
            await stream.write(b"data: {}\n\n")
            return stream
    assert request.transport
    request.transport.abort()  # /dies
    return web.Response()


@asynccontextmanager
async def model(port: int) -> AsyncIterator[None]:
    application = web.Application(client_max_size=10**8)
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield
    await runner.cleanup()


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    debian.ensure("haproxy")
    front, ring_port, model_port = Front(free_port()), free_port(), free_port()
    receipt = haproxy_lines(Signer(keys_in(tmp_path), "192.0.2.7", "0a1b2c3d4e", BOOT), text_of(KEY_ONE))
    lines = record_lines(str(BOOT), port=ring_port)
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(
        CONFIGURATION.format(
            port=front.port,
            model=model_port,
            in_global="\n    ".join(receipt.in_global),
            backends="\n".join(receipt.backends),
            ring="\n".join(lines.ring),
            frontend="\n    ".join(lines.frontend),
            on_request="\n    ".join((*receipt.on_request, *lines.on_request)),
            on_response="\n    ".join((*receipt.on_response, *lines.on_response)),
        )
    )
    server = await front.ring.serve(ring_port)
    async with model(model_port):
        proxy = await asyncio.create_subprocess_exec(HAPROXY, "-db", "-q", "-f", str(configuration))
        try:
            await _listens(front.port, proxy)
            yield front
        finally:
            proxy.kill()
            await proxy.wait()
            server.close()
            front.ring.hang_up()


async def _listens(port: int, proxy: asyncio.subprocess.Process) -> None:
    deadline = time.monotonic() + DEADLINE
    while True:
        assert proxy.returncode is None, "HAProxy ended"
        assert time.monotonic() < deadline
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return


async def test_a_prediction_is_told_whole(front: Front) -> None:
    before = time.time()
    status, _ = await front.post(body=b'{"age": 41}', x_serinus_split="3-00ff00ff00ff00ff")
    record = await front.record()
    assert status == 200
    assert (record.boot, record.sequence, record.stamp) == ("1764095000000", 1, "3-00ff00ff00ff00ff")
    assert (record.method, record.path, record.status, record.outcome) == ("POST", "/predict", 200, Outcome.ANSWERED)
    assert (record.request, record.request_size) == (b'{"age": 41}', 11)
    assert (record.response, record.response_size) == (b'{"label": 1}', 12)
    assert before - 0.1 < record.at < time.time() + 0.1
    assert record.seconds < 0.5


async def test_sequences_go_on_and_unstamped_requests_say_so(front: Front) -> None:
    for _ in range(3):
        await front.post(body=b"{}")
    records = [await front.record() for _ in range(3)]
    assert [(record.sequence, record.stamp) for record in records] == [(1, ""), (2, ""), (3, "")]


async def test_a_body_of_any_bytes_arrives_as_it_is(front: Front) -> None:
    body = bytes(range(256)) * 80
    await front.post("/echo", body)
    record = await front.record()
    assert record.request == record.response == body


@pytest.mark.parametrize("size", [23_000, 46_000, 70_000, 5_000_000])
async def test_bodies_that_are_too_large_together_are_not_kept_and_their_size_is(front: Front, size: int) -> None:
    status, echoed = await front.post("/echo", b"x" * size)
    record = await front.record()
    assert (status, len(echoed)) == (200, size)
    assert record.response is None
    assert record.request_size == record.response_size == size


async def test_the_time_is_the_models_and_not_that_of_a_slow_client(front: Front) -> None:
    head = b"POST /slow?seconds=0.2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(head + b"{")
    await asyncio.sleep(0.5)
    writer.write(b"}")
    await reader.readuntil(b"}")
    writer.close()
    assert 0.19 < (await front.record()).seconds < 0.45


Happening = Callable[[Front], Awaitable[object]]


@pytest.mark.parametrize(
    ("happens", "outcome"),
    [
        (lambda front: front.post("/status?is=500", b"{}"), Outcome.SERVER_ERROR),
        (lambda front: front.post("/status?is=422", b"{}"), Outcome.CLIENT_ERROR),
        (lambda front: front.post("/dies", b"{}"), Outcome.CONNECTION_FAILED),
        (lambda front: front.post("/slow?seconds=1.5", b"{}"), Outcome.CONNECTION_FAILED),
        (lambda front: front.post("/stream", b"{}"), Outcome.ANSWERED),
        (lambda front: front.raw(b"nonsense\r\n\r\n", 0.2), Outcome.CLIENT_ERROR),
        (
            lambda front: front.raw(b"POST /slow?seconds=0.8 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", 0.1),
            Outcome.ABORTED,
        ),
        (
            lambda front: front.raw(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n{}", 0.1),
            Outcome.ABORTED,
        ),
    ],
    ids=["500", "422", "dies", "times out", "streams", "no HTTP", "aborted", "aborted in the body"],
)
async def test_how_a_request_ended(front: Front, happens: Happening, outcome: Outcome) -> None:
    await happens(front)
    record = await front.record()
    assert record.outcome == outcome, record
    assert front.ring.unreadable == 0


async def test_a_stamp_cannot_write_fields(front: Front) -> None:
    forged = "1-aa - 0 0 0 -- 200 0 POST /x - - - -"
    await front.post(body=b"{}", x_serinus_split=forged)
    record = await front.record()
    assert record.status == 200
    assert record.path == "/predict"
    assert forged.startswith(record.stamp)
