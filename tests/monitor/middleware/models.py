"""Models as people write them, with Starlette. Used by the tests of the middleware."""

import asyncio
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket


async def predict(request: Request) -> Response:
    document = await request.json()
    if document.get("rows"):
        return JSONResponse({"label": [row["a"] % 2 for row in document["rows"]]})
    return JSONResponse({"label": document["a"] % 2, "padding": "x" * document.get("padding", 0)})


async def slowly(request: Request) -> Response:
    await asyncio.sleep((await request.json())["seconds"])
    return JSONResponse({"label": 1})


async def broken(request: Request) -> Response:
    raise RuntimeError(str(await request.json()))


async def refused(_: Request) -> Response:
    return JSONResponse({"error": "no"}, 400, {"x-serinus-receipt": "of my own"})


async def half(_: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"label":'
        raise RuntimeError("in the middle")

    return StreamingResponse(pieces(), media_type="application/json")


async def with_work_after_it(_: Request) -> Response:
    async def work() -> None:
        await asyncio.sleep(0.3)
        raise RuntimeError("after the answer")

    return JSONResponse({"label": 1}, background=BackgroundTask(work))


async def home(_: Request) -> Response:
    return PlainTextResponse("hello")


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("heard " + await socket.receive_text())
    await socket.close()


def model() -> Starlette:
    posts = {
        "/predict": predict,
        "/slowly": slowly,
        "/broken": broken,
        "/refused": refused,
        "/half": half,
        "/work": with_work_after_it,
    }
    return Starlette(
        routes=[
            *(Route(path, handler, methods=["POST"]) for path, handler in posts.items()),
            Route("/", home),
            WebSocketRoute("/socket", echo),
        ]
    )
