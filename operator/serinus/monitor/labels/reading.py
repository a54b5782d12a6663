"""Bodies are read within bounds: of one, and of all that are under way. Used by feedback.py and handover.py."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web

BODY_SECONDS: Final = 10.0
MOST_REQUESTS: Final = 64
MOST_UNDER_WAY: Final = 8 * 2**20


class TooLargeError(Exception):
    """A body is longer than it may be."""


class BrokenOffError(Exception):
    """A body ended before its end, or is not encoded as its head says."""


class BusyError(Exception):
    """So much is under way that no more can be taken now."""


async def read_at_most(pieces: AsyncIterator[bytes], most: int) -> bytes:
    """Return a whole body, or raise TooLargeError as soon as it is too long."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > most:
            raise TooLargeError
    return bytes(body)


class Room:
    """What the requests under way may take together."""

    def __init__(self, requests: int = MOST_REQUESTS, size: int = MOST_UNDER_WAY) -> None:
        self._requests = requests
        self._size = size

    @contextmanager
    def admit(self) -> Iterator["Place"]:
        """Give a request a place, or raise BusyError."""
        if not self._requests:
            raise BusyError
        self._requests -= 1
        place = Place(self)
        try:
            yield place
        finally:
            self._requests += 1
            self._size += place.size

    def grow(self, size: int) -> None:
        """Take that many bytes, or raise BusyError."""
        if size > self._size:
            raise BusyError
        self._size -= size


class Place:
    """What one request takes."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = 0

    async def read(self, request: web.Request, most: int, seconds: float) -> bytes:
        """Return a body that arrives in time and is not too long; else TimeoutError or TooLargeError."""
        if (request.content_length or 0) > most:
            raise TooLargeError
        try:
            async with asyncio.timeout(seconds):
                return await read_at_most(self._pieces(request), most)
        except (web.RequestPayloadError, ConnectionError):
            raise BrokenOffError from None

    async def _pieces(self, request: web.Request) -> AsyncIterator[bytes]:
        async for piece in request.content.iter_any():
            self._room.grow(len(piece))
            self.size += len(piece)
            yield piece
