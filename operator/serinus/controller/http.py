"""The operator's one port: /healthz, /readyz and /metrics."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Complaint = Callable[[], str | None]

_SHUTDOWN_SECONDS: Final = 1.0


async def serve(port: int, *, alive: Complaint, ready: Complaint) -> web.AppRunner:
    """Serve until the runner is cleaned up; a probe fails with the complaint as its text."""

    async def healthz(_: web.Request) -> web.Response:
        return _answer(alive())

    async def readyz(_: web.Request) -> web.Response:
        return _answer(alive() or ready())

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner


def _answer(complaint: str | None) -> web.Response:
    if complaint is None:
        return web.Response(text="ok\n")
    return web.Response(text=f"{complaint}\n", status=HTTPStatus.SERVICE_UNAVAILABLE)
