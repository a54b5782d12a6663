"""The proxy as it stands beside a model: a real HAProxy by our configuration, before a real server."""

import asyncio
import io
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from aiohttp import web

from serinus.api.sidecars import HEADER_RECEIPT, HEADER_SPLIT, PATH_FEEDBACK
from serinus.monitor.exchange import Exchange
from serinus.monitor.proxy import haproxy as proxy
from serinus.monitor.receipts.keys import Keys
from serinus.monitor.receipts.receipts import Receipt, digest_of, verify
from serinus.monitor.records.ring import Ring
from serinus.monitor.serving import Serving
from tests.cluster.eventually import eventually, eventually_async
from tests.cluster.parts import debian
from tests.cluster.ports import free_port
from tests.monitor.keyring import KEY_ONE, keys_in

pytestmark = pytest.mark.control_plane
"""It needs a Debian package, which `make test` installs."""

SECONDS: Final = 20.0
ADDRESS: Final = "127.0.0.1"
BIG: Final = 5_000_000
STAMP: Final = "3-0011223344556677"


@dataclass
class Pod:
    """A model, its proxy, and what stands in for the monitor."""

    ports: proxy.Ports
    keys: Path
    serving: Serving
    exchanges: list[Exchange] = field(default_factory=list)
    session: aiohttp.ClientSession = field(init=False)

    def url(self, path: str, port: int | None = None) -> str:
        return f"http://{ADDRESS}:{port or self.ports.clients}{path}"

    async def post(self, path: str, body: object = None, **headers: str) -> aiohttp.ClientResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.session.post(self.url(path), json=body, headers=named)
        await answer.read()
        return answer

    async def ready(self) -> int:
        try:
            async with self.session.get(self.url("/ready", self.ports.health)) as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0

    async def becomes_ready(self, status: int = 200) -> None:
        async def is_so() -> bool:
            return await self.ready() == status

        await eventually_async(is_so, SECONDS, f"the proxy answers {status} to the probe", interval=0.02)

    async def record(self) -> Exchange:
        async def came() -> bool:
            return bool(self.exchanges)

        await eventually_async(came, SECONDS, "a record comes", interval=0.01)
        return self.exchanges.pop(0)

    def receipt(self, answer: aiohttp.ClientResponse) -> Receipt:
        found = verify(answer.headers[HEADER_RECEIPT], Keys(self.keys))
        assert isinstance(found, Receipt), found
        return found


async def _model(request: web.Request) -> web.StreamResponse:
    match request.path:
        case "/slowly":
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            for number in range(3):
                await response.write(f"data: {number}\n\n".encode())
                await asyncio.sleep(0.3)
            return response
        case "/socket":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for message in socket:
                await socket.send_str(message.data)
            return socket
        case "/big":
            return web.Response(body=b"x" * len(await request.read()))
        case "/broken":
            return web.json_response({"error": "no"}, status=500)
        case "/headers":
            return web.json_response(dict(request.headers))
    body = await request.read()
    return web.json_response(
        {"class": "fraud", "size": len(body)}, headers={HEADER_RECEIPT: "the model's own", "x-seen": "by the model"}
    )


async def _feedback(request: web.Request) -> web.Response:
    return web.json_response({"path": request.path})


@asynccontextmanager
async def serving(port: int, handler: "type[web.Application] | object") -> AsyncIterator[None]:
    application = web.Application(client_max_size=2 * BIG)
    application.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, ADDRESS, port).start()
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def pod(tmp_path: Path, **told: str) -> AsyncIterator[Pod]:
    """A pod without its model."""
    debian.ensure("haproxy")
    keys_in(tmp_path)
    ports = proxy.Ports(free_port(), free_port(), free_port(), free_port())
    told = {"prediction": "class", **told}
    found = Pod(ports, tmp_path, Serving("fraud", "risk", "0123456789", free_port(), **told))  # type: ignore[arg-type]
    ring = Ring(found.exchanges.append, time.monotonic)
    async with aiohttp.ClientSession(auto_decompress=False) as found.session, serving(ports.monitor, _feedback):
        server = await ring.serve(ports.ring)
        haproxy = proxy.start(found.serving, ADDRESS, keys=tmp_path, ports=ports)
        try:
            await found.becomes_ready(503)
            yield found
        finally:
            haproxy.kill()
            haproxy.wait()
            server.close()
            ring.hang_up()


@asynccontextmanager
async def whole_pod(tmp_path: Path, **told: str) -> AsyncIterator[Pod]:
    async with pod(tmp_path, **told) as found, serving(found.serving.model_port, _model):
        await found.becomes_ready()
        yield found


async def test_the_model_answers_through_it_and_the_answer_has_a_receipt(tmp_path: Path) -> None:
    async with whole_pod(tmp_path) as found:
        answer = await found.post("/predict", {"amount": 3}, **{HEADER_SPLIT: STAMP})
        assert (answer.status, answer.headers["x-seen"]) == (200, "by the model")
        receipt = found.receipt(answer)
        assert (receipt.address, receipt.revision, receipt.prediction) == (ADDRESS, "0123456789", "fraud")
        assert receipt.split == digest_of(STAMP, KEY_ONE)

        record = await found.record()
        assert (record.sequence, record.boot, record.stamp) == (receipt.sequence, str(receipt.boot), STAMP)
        assert record.request == b'{"amount": 3}'
        assert record.response is not None and b"fraud" in record.response  # noqa: PT018 - one fact
        assert (record.method, record.path, record.status) == ("POST", "/predict", 200)


@pytest.mark.parametrize("path", ["/broken", "/predict"])
async def test_no_receipt_but_for_a_prediction(tmp_path: Path, path: str) -> None:
    async with whole_pod(tmp_path) as found:
        if path == "/broken":
            answer = await found.post(path)
        else:
            async with found.session.get(found.url(path)) as answer:
                await answer.read()
        assert HEADER_RECEIPT not in answer.headers


@pytest.mark.parametrize(
    ("protocol", "path", "has_one"),
    [
        ("OpenInferenceV2", "/v2/models/fraud/infer", True),
        ("OpenInferenceV2", "/v2/models/fraud/versions/1/infer", True),
        ("OpenInferenceV2", "/v2/repository/index", False),
        ("KServeV1", "/v1/models/fraud:predict", True),
        ("KServeV1", "/v1/models/fraud:explain", False),
        ("OpenAI", "/v1/chat/completions", True),
        ("OpenAI", "/v1/models", False),
    ],
)
async def test_what_asks_for_a_prediction_depends_on_the_protocol(
    tmp_path: Path, protocol: str, path: str, *, has_one: bool
) -> None:
    async with whole_pod(tmp_path, protocol=protocol, prediction="") as found:
        assert (HEADER_RECEIPT in (await found.post(path)).headers) is has_one


async def test_a_request_has_an_id_its_own_or_one_of_ours(tmp_path: Path) -> None:
    async with whole_pod(tmp_path) as found:
        assert (await found.post("/headers", x_request_id="mine")).headers["x-request-id"] == "mine"
        answer = await found.post("/headers")
        told = {name.lower(): value for name, value in (await answer.json()).items()}
        assert answer.headers["x-request-id"] == told["x-request-id"]
        assert "accept-encoding" not in told


async def test_feedback_goes_to_the_monitor_and_nothing_else_of_ours_is_there(tmp_path: Path) -> None:
    async with whole_pod(tmp_path) as found:
        assert await (await found.post(PATH_FEEDBACK)).json() == {"path": PATH_FEEDBACK}
        for path in ("/serinus/labels", "/serinus/", "/serinus/feedback/more"):
            assert (await found.post(path)).status == 404
        await found.post("/predict")
        while (record := await found.record()).path != "/predict":
            assert record.path != PATH_FEEDBACK


async def test_it_is_ready_when_the_models_port_answers(tmp_path: Path) -> None:
    async with pod(tmp_path) as found:
        assert (await found.post("/predict")).status == 503
        async with serving(found.serving.model_port, _model):
            await found.becomes_ready()
        await found.becomes_ready(503)
        async with serving(found.serving.model_port, _model):
            await found.becomes_ready()
            assert (await found.post("/predict")).status == 200


async def test_a_stream_is_passed_on_as_it_comes(tmp_path: Path) -> None:
    async with whole_pod(tmp_path) as found:
        began = time.monotonic()
        async with found.session.post(found.url("/slowly")) as answer:
            first = await answer.content.readany()
            assert (first, time.monotonic() - began < 0.3) == (b"data: 0\n\n", True)
            assert await answer.read() == b"data: 1\n\ndata: 2\n\n"


async def test_a_websocket_is_left_alone(tmp_path: Path) -> None:
    async with whole_pod(tmp_path) as found, found.session.ws_connect(found.url("/socket")) as socket:
        await socket.send_str("hello")
        assert await socket.receive_str() == "hello"


async def test_large_bodies_pass_both_ways_and_are_told_as_not_kept(tmp_path: Path) -> None:
    async with whole_pod(tmp_path) as found:
        async with found.session.post(found.url("/big"), data=io.BytesIO(b"x" * BIG)) as answer:
            assert len(await answer.read()) == BIG
        record = await found.record()
        assert (record.request, record.request_size) == (None, BIG)


async def test_without_keys_requests_pass_and_are_counted(tmp_path: Path) -> None:
    debian.ensure("haproxy")
    async with whole_pod(tmp_path) as found:
        (tmp_path / "current").unlink()
        other = found.ports._replace(clients=free_port(), health=free_port())
        second = proxy.start(found.serving, ADDRESS, keys=tmp_path, ports=other)
        try:
            async with asyncio.timeout(SECONDS):
                while True:
                    try:
                        answer = await found.session.post(found.url("/predict", other.clients))
                        break
                    except aiohttp.ClientError:
                        await asyncio.sleep(0.02)
            assert (answer.status, answer.headers.get(HEADER_RECEIPT)) == (200, None)
            assert (await found.record()).status == 200
        finally:
            second.kill()
            second.wait()


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /predict HTTP/1.1\r\nHost: m\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
        b"POST /predict HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked, what\r\n\r\n0\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: m\r\nContent-Length: -1\r\n\r\n",
    ],
    ids=["two lengths", "an unknown encoding", "a negative length"],
)
async def test_what_two_servers_would_read_differently_is_refused(tmp_path: Path, request_: bytes) -> None:
    async with whole_pod(tmp_path) as found:
        reader, writer = await asyncio.open_connection(ADDRESS, found.ports.clients)
        writer.write(request_)
        assert b" 400 " in await asyncio.wait_for(reader.readline(), SECONDS)
        writer.close()


async def test_a_length_beside_chunks_smuggles_nothing(tmp_path: Path) -> None:
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: m\r\n\r\n"
    both = b"POST /predict HTTP/1.1\r\nHost: m\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    async with whole_pod(tmp_path) as found:
        _, writer = await asyncio.open_connection(ADDRESS, found.ports.clients)
        writer.write(both % (5 + len(smuggled)) + smuggled)
        await writer.drain()
        assert (await found.record()).path == "/predict"
        writer.close()
        await found.post("/after")
        assert (await found.record()).path == "/after"


def test_the_configuration_is_in_no_file(tmp_path: Path) -> None:
    """The key stands in it."""
    debian.ensure("haproxy")
    keys_in(tmp_path)
    ports = proxy.Ports(free_port(), free_port(), free_port(), free_port())
    process = proxy.start(Serving("fraud", "risk", "0123456789", 1), ADDRESS, keys=tmp_path, ports=ports)
    try:
        arguments = Path(f"/proc/{process.pid}/cmdline")
        eventually(lambda: b"-f\0/proc/self/fd/" in arguments.read_bytes(), SECONDS, "it runs")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
    finally:
        process.kill()
        process.wait()
