"""The middleware for models that Python serves: the monitor in the model's own process, without a proxy.

    app.add_middleware(Monitored)             # Starlette and FastAPI
    app = Monitored(app)                      # any other ASGI application

Where the operator has not said what is served (`monitoring.mode: Middleware`), everything passes untouched.
"""

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import Final

from serinus.api.sidecars import POD_ADDRESS, SERVING
from serinus.monitor.logs import described
from serinus.monitor.middleware.calls import Call, stamp_of
from serinus.monitor.middleware.connection import App, Message, Receive, Scope, Send, path_of
from serinus.monitor.middleware.relay import PREFIX, relay
from serinus.monitor.middleware.watch import Watch
from serinus.monitor.parts import HERE, Place
from serinus.monitor.records.ring import LOOPBACK
from serinus.monitor.serving import Serving, read_serving

logger: Final = logging.getLogger(__name__)


class Monitored:
    """An application, and the monitor of what it serves."""

    def __init__(self, app: App, *, environment: Mapping[str, str] = os.environ, place: Place = HERE) -> None:
        self._app = app
        self.place = place
        self._address = environment.get(POD_ADDRESS, LOOPBACK)
        self._serving = _serving_of(environment)
        self._watch: Watch | None = None
        self._beginning = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._app(scope, self._with_our_life(receive), send)
            return
        watch = await self._watching() if scope["type"] == "http" else None
        if watch is None:
            await self._app(scope, receive, send)
        elif path_of(scope).startswith(PREFIX):
            await relay(scope, receive, send, watch.session)
        elif watch.predicts(scope["method"], path_of(scope)):
            await Call(watch, scope, receive, send).answered_by(self._app)
        else:
            watch.count_other(scope, stamp_of(scope))
            await self._app(scope, receive, send)

    async def end(self) -> None:
        """Close what was opened. For servers that tell of no end, before their loop closes."""
        if self._watch:
            await self._watch.end()

    def _with_our_life(self, receive: Receive) -> Receive:
        async def received() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._watching()
            elif message["type"] == "lifespan.shutdown":
                await self.end()
            return message

        return received

    async def _watching(self) -> Watch | None:
        """Begin with the first request where the server tells of no start."""
        if self._watch or not self._serving:
            return self._watch
        async with self._beginning:
            if self._serving and not self._watch:
                await self._begin(self._serving)
        return self._watch

    async def _begin(self, serving: Serving) -> None:
        try:
            watch = Watch(serving, self.place, self._address)
            await watch.begin()
        except Exception as error:  # noqa: BLE001 - the model serves, whatever breaks here
            self._serving = None
            logger.error("the monitor cannot begin: nothing is counted", extra=described(error))  # noqa: TRY400 - the text of an exception may hold a value
        else:
            self._watch = watch


def _serving_of(environment: Mapping[str, str]) -> Serving | None:
    if SERVING not in environment:
        logger.warning("%s is not set: nothing is monitored; the operator sets it in the cluster", SERVING)
        return None
    try:
        return read_serving(environment[SERVING])
    except ValueError as error:
        logger.error("%s says nothing that can be monitored: %s", SERVING, error)  # noqa: TRY400 - it says all
        return None
