"""What comes for Serinus at the model's own address: labels go on to the monitor's port. Called by asgi.py."""

from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Final

import aiohttp

from serinus.api.sidecars import PATH_FEEDBACK
from serinus.monitor.middleware.connection import Receive, Scope, Send, header_of, path_of

PREFIX: Final = "/serinus/"
THERE: Final = (b"authorization", b"content-type", b"content-encoding")
BACK: Final = ("content-type", "www-authenticate", "retry-after", "x-serinus-summary")
SECONDS: Final = aiohttp.ClientTimeout(total=60)


async def relay(scope: Scope, receive: Receive, send: Send, monitor: aiohttp.ClientSession) -> None:
    """Answer for Serinus."""
    if scope["method"] != "POST" or path_of(scope) != PATH_FEEDBACK:
        await _answer(send, HTTPStatus.NOT_FOUND, b"")
        return
    headers = {name.decode(): value.decode("latin-1") for name in THERE if (value := header_of(scope["headers"], name))}
    try:
        async with monitor.post(PATH_FEEDBACK, data=_pieces(receive), headers=headers, timeout=SECONDS) as response:
            await _answer(send, response.status, await response.read(), response.headers)
    except (aiohttp.ClientError, TimeoutError):
        await _answer(send, HTTPStatus.SERVICE_UNAVAILABLE, b"The monitor does not answer: send the labels again.\n")


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise aiohttp.ClientConnectionError  # the sender is gone
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _answer(send: Send, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
    told = [(name.encode(), headers[name].encode("latin-1")) for name in BACK if headers and name in headers]
    told.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})
