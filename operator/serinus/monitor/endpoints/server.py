"""The monitor's port: /metrics, /healthz, /evidence, and what feedback.py mounts. Started by parts.py."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from serinus.api.sidecars import PATH_EVIDENCE
from serinus.monitor.endpoints.evidence import Evidence, EvidenceError
from serinus.monitor.endpoints.exposition import CONTENT_TYPE
from serinus.monitor.endpoints.metrics import Metrics
from serinus.monitor.logs import described

logger = logging.getLogger(__name__)

SHUTDOWN_SECONDS: Final = 2.0

Admits = Callable[[str], bool]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(
    metrics: Metrics, evidence: Evidence, admits: Admits, more: Iterable[web.RouteDef] = ()
) -> web.Application:
    """Return what answers; `admits` says whether a value of the header Authorization opens the evidence."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(body=await metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def give_evidence(request: web.Request) -> web.Response:
        if not admits(request.headers.get("Authorization", "")):
            return web.Response(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
        query = request.query
        try:
            body = await evidence.answer(query.get("since", ""), query.getall("split", []), query.get("unstamped", ""))
        except EvidenceError as error:
            return web.Response(text=f"{error}\n", status=HTTPStatus.BAD_REQUEST)
        return web.Response(body=body, content_type="application/json")

    made = web.Application(middlewares=[_without_traces])
    made.add_routes(
        [
            web.get("/healthz", healthz),
            web.get("/metrics", show_metrics),
            web.get(PATH_EVIDENCE, give_evidence),
            *more,
        ]
    )
    return made


@web.middleware
async def _without_traces(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what breaks with 500, and log where, not what."""
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except Exception as error:  # noqa: BLE001 - a bug of ours
        logger.error("a request to the monitor broke", extra=described(error))  # noqa: TRY400 - its text may hold a value
        return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)


async def serve(made: web.Application, port: int, host: str | None = None) -> web.AppRunner:
    """Serve until the runner is cleaned up; OSError where the port is taken."""
    runner = web.AppRunner(made, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host=host, port=port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner
