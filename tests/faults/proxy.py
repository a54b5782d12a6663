"""A reverse proxy before the API server that does to chosen requests what networks, servers and power cuts do.

    with Proxy(plane) as proxy:
        proxy.fault = lambda request: lose_reply if request.method == "DELETE" else None

What a proxy is told to do is a fault: a coroutine function that gets the exchange and may forward it, or not.
"""

import asyncio
import json
import ssl
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

import aiohttp
from aiohttp import web

from tests.cluster.control_plane import ControlPlane

WRITES: Final = ("POST", "PUT", "PATCH", "DELETE")
BYSTANDERS: Final = ("leases", "selfsubjectaccessreviews")
"""What is written all the time, or changes nothing."""
HOP_BY_HOP: Final = ("connection", "content-length", "host", "transfer-encoding", "accept-encoding", "content-encoding")
ANY_SIZE: Final = 0


@dataclass(frozen=True)
class Request:
    """What the operator asked for."""

    method: str
    namespace: str
    plural: str
    name: str
    part: str
    watches: bool

    @property
    def writes(self) -> bool:
        """Whether it changes an object that matters."""
        return self.method in WRITES and self.plural not in BYSTANDERS

    @property
    def what(self) -> str:
        """What is asked of which kind."""
        return " ".join(filter(None, (self.method, self.plural, self.part)))

    def __str__(self) -> str:
        return " ".join(filter(None, (self.method, self.plural, self.name, self.part)))

    @classmethod
    def of(cls, request: web.Request) -> "Request":
        """Read the parts of a path such as /apis/apps/v1/namespaces/risk/deployments/fraud/scale."""
        words = request.path.strip("/").split("/")
        words = words[2:] if words[0] == "api" else words[3:]
        namespace = words[1] if words[:1] == ["namespaces"] and len(words) > 2 else ""
        plural, name, part, *_ = [*(words[2:] if namespace else words), "", "", ""]
        return cls(request.method, namespace, plural, name, part, "watch" in request.query)


@dataclass(frozen=True)
class Change:
    """One event of a watch."""

    plural: str
    type: str
    namespace: str
    name: str

    @classmethod
    def of(cls, plural: str, line: bytes) -> "Change":
        """Read an event; a row of a table has its object inside."""
        event = json.loads(line)
        item = event["object"]
        rows = item.get("rows") or ({"object": item},)
        metadata = rows[0]["object"].get("metadata") or {}
        return cls(plural, event["type"], metadata.get("namespace", ""), metadata.get("name", ""))


Arrivals = Sequence[float]
"""After how many seconds an event arrives: once for each of them, never where there is none."""
ON_TIME: Final[Arrivals] = (0.0,)


class Exchange:
    """One request under way, which a fault may forward, answer itself or leave unanswered."""

    def __init__(
        self,
        request: web.Request,
        upstream: aiohttp.ClientSession,
        arrivals: Callable[[Change], Arrivals] | None = None,
    ) -> None:
        self._request = request
        self._upstream = upstream
        self._arrivals = arrivals

    @property
    def address(self) -> tuple[str, str]:
        """What is asked for, and in which form."""
        return self._request.path_qs, self._request.headers.get("Accept", "")

    async def forward(self) -> web.StreamResponse:
        """Let the API server answer."""
        headers = {name: value for name, value in self._request.headers.items() if name.lower() not in HOP_BY_HOP}
        async with self._upstream.request(
            self._request.method, self._request.path_qs, headers=headers, data=await self._request.read() or None
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            if "watch" not in self._request.query:
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)
            stream = web.StreamResponse(status=answer.status, headers=kept)
            await stream.prepare(self._request)
            if self._arrivals:
                await self._pass_events(answer.content, stream, self._arrivals)
            else:
                async for chunk in answer.content.iter_any():
                    await stream.write(chunk)
            return stream

    async def _pass_events(
        self, events: aiohttp.StreamReader, stream: web.StreamResponse, arrivals: Callable[[Change], Arrivals]
    ) -> None:
        plural = Request.of(self._request).plural
        late: set[asyncio.Task[None]] = set()
        try:
            async for line in _lines(events):
                for seconds in arrivals(Change.of(plural, line)):
                    if seconds:
                        late.add(asyncio.create_task(_write_later(stream, line, seconds)))
                    else:
                        await stream.write(line)
        finally:
            for task in late:
                task.cancel()

    def hang_up(self) -> web.Response:
        """End the connection without an answer."""
        if self._request.transport:
            self._request.transport.abort()
        return web.Response()


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length, each with its end."""
    rest = b""
    async for chunk in stream.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in filter(None, lines):
            yield line + b"\n"


async def _write_later(stream: web.StreamResponse, line: bytes, seconds: float) -> None:
    await asyncio.sleep(seconds)
    with suppress(ConnectionError):
        await stream.write(line)


Fault = Callable[[Exchange], Awaitable[web.StreamResponse]]


async def drop(exchange: Exchange) -> web.StreamResponse:
    """The request never arrives."""
    return exchange.hang_up()


async def lose_reply(exchange: Exchange) -> web.StreamResponse:
    """The request is done, and nobody hears of it."""
    await exchange.forward()
    return exchange.hang_up()


def answer(status: int, reason: str = "", headers: Mapping[str, str] | None = None) -> Fault:
    """The API server refuses, as it does: with a Status."""

    async def refuse(_: Exchange) -> web.StreamResponse:
        body = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": status, "reason": reason}
        text = json.dumps(body | {"message": f"{reason}: made by a test"})
        return web.Response(status=status, text=text, content_type="application/json", headers=headers)

    return refuse


def error_event(status: int, reason: str, message: str) -> Fault:
    """A watch brings an error and ends."""

    async def fail(_: Exchange) -> web.StreamResponse:
        body = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": status, "reason": reason}
        event = {"type": "ERROR", "object": body | {"message": message}}
        return web.Response(text=json.dumps(event) + "\n", content_type="application/json")

    return fail


forget_the_past: Final = error_event(410, "Expired", "too old resource version")
"""A watch cannot go on from where it was."""


def delay(seconds: float) -> Fault:
    """The request arrives late."""

    async def wait(exchange: Exchange) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await exchange.forward()

    return wait


def before(act: Callable[[], None]) -> Fault:
    """Something happens to the operator, and its request never arrives."""

    async def act_first(exchange: Exchange) -> web.StreamResponse:
        act()
        return exchange.hang_up()

    return act_first


def after(act: Callable[[], None]) -> Fault:
    """The request is done; then something happens to the operator, and it never learns of it."""

    async def act_then(exchange: Exchange) -> web.StreamResponse:
        await exchange.forward()
        act()
        return exchange.hang_up()

    return act_then


class Proxy:
    """A context manager; works in a thread of its own, in which it also calls `fault` and `done`."""

    def __init__(self, plane: ControlPlane) -> None:
        self.fault: Callable[[Request], Fault | None] = lambda _: None
        """What to do to a request; None lets it pass. Called once for each, in the order in which they arrive."""
        self.done: Callable[[Request, int], None] = lambda *_: None
        """Told of every request that the API server answered, with the status code."""
        self.arrivals: Callable[[Change], Arrivals] | None = None
        """When an event of a watch arrives; to be set before the watch is opened, and None lets all pass unread."""
        self._server = plane.place.server
        self._trust = ssl.create_default_context(cafile=plane.authority)
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._port: Future[int] = Future()
        self._watches: dict[asyncio.Transport, str] = {}
        self._expired: Counter[str] = Counter()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="proxy", daemon=True)

    @property
    def url(self) -> str:
        """Where the operator finds it."""
        return f"http://127.0.0.1:{self._port.result(timeout=10)}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self.url
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=30)

    def call(self, act: Callable[[], object]) -> None:
        """Do something in the proxy's thread, soon."""
        self._loop.call_soon_threadsafe(act)

    def break_watches(self) -> None:
        """End every watch there is, without a word; to be called in the proxy's thread, as a fault is."""
        for connection in self._watches:
            connection.abort()

    def expire_watches(self) -> None:
        """End every watch there is and refuse the first try to go on: the API server has forgotten what came before."""
        self._expired += Counter(self._watches.values())
        self.break_watches()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        connector = aiohttp.TCPConnector(limit=0, ssl=self._trust)
        unhurried = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(self._server, connector=connector, timeout=unhurried) as upstream:

            async def handle(incoming: web.Request) -> web.StreamResponse:
                return await self._handle(incoming, upstream)

            application = web.Application(client_max_size=ANY_SIZE)
            application.router.add_route("*", "/{path:.*}", handle)
            # A watch ends with the operator that watched.
            runner = web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self._port.set_result(runner.addresses[0][1])
            await self._stop.wait()
            await runner.cleanup()

    async def _handle(self, incoming: web.Request, upstream: aiohttp.ClientSession) -> web.StreamResponse:
        request = Request.of(incoming)
        exchange = _Counted(incoming, upstream, self.arrivals, lambda status: self.done(request, status))
        fault = self._fault_of_watch(request) if request.watches else self.fault(request)
        if request.watches and incoming.transport:
            self._watches[incoming.transport] = request.plural
        try:
            return await (fault(exchange) if fault else exchange.forward())
        except (aiohttp.ClientError, ConnectionError):
            return exchange.hang_up()
        finally:
            if incoming.transport:
                self._watches.pop(incoming.transport, None)

    def _fault_of_watch(self, request: Request) -> Fault | None:
        if not self._expired[request.plural]:
            return self.fault(request)
        self._expired[request.plural] -= 1
        return forget_the_past


class _Counted(Exchange):
    """An exchange that tells when the API server has answered."""

    def __init__(
        self,
        request: web.Request,
        upstream: aiohttp.ClientSession,
        arrivals: Callable[[Change], Arrivals] | None,
        answered: Callable[[int], None],
    ) -> None:
        super().__init__(request, upstream, arrivals)
        self._answered = answered

    async def forward(self) -> web.StreamResponse:
        response = await super().forward()
        self._answered(response.status)
        return response
