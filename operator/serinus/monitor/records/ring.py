"""Takes the proxy's records: a server on loopback that HAProxy's ring connects to. Started by process.py."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from serinus.monitor.exchange import Exchange
from serinus.monitor.records.losses import Losses
from serinus.monitor.records.record import read_record

LOOPBACK: Final = "127.0.0.1"
LONGEST_FRAME: Final = 70_000
LONGEST_LENGTH: Final = len(str(LONGEST_FRAME))
REST_SECONDS: Final = 0.01
"""The proxy sends each record by itself: to be woken for each costs more than to count it."""
MUCH: Final = 65_536
"""After so many bytes at once more are waiting, and no rest is taken."""

Count = Callable[[Exchange], None]


class BrokenFrameError(Exception):
    """What came is no frame: nobody knows where the next one begins."""


class Frames:
    """Cuts a stream of `<length> <message>` into messages, however it arrives."""

    def __init__(self) -> None:
        self._rest = b""

    def cut(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that are complete now."""
        data = self._rest + data
        start = 0
        while (space := data.find(b" ", start, start + LONGEST_LENGTH + 1)) >= 0:
            end = space + 1 + _length(data[start:space])
            if end > len(data):
                break
            yield data[space + 1 : end]
            start = end
        self._rest = data[start:]
        if space < 0 and len(self._rest) > LONGEST_LENGTH:
            raise BrokenFrameError


class Ring:
    """The server, and what it has heard."""

    def __init__(self, count: Count, clock: Callable[[], float]) -> None:
        self.records = 0
        self.unreadable = 0
        """Messages that are no record."""
        self.broken = 0
        """Connections that were closed since what came was no message."""
        self.losses = Losses()
        self.connections: set[asyncio.Transport] = set()
        self._count = count
        self._clock = clock

    async def serve(self, port: int) -> asyncio.Server:
        """Listen until the server is closed."""
        return await asyncio.get_running_loop().create_server(lambda: _Connection(self), LOOPBACK, port)

    def hang_up(self) -> None:
        """Close the connections, which outlive the server."""
        for connection in self.connections:
            connection.close()

    def numbers(self) -> dict[str, int]:
        """Return how many messages came, and how many did not."""
        return {
            "read": self.records,
            "unreadable": self.unreadable,
            "lost": self.losses.lost,
            "broken connections": self.broken,
        }

    def take(self, message: bytes) -> None:
        """Count what a message says."""
        exchange = read_record(message)
        if exchange is None:
            self.unreadable += 1
            return
        self.records += 1
        if exchange.sequence:
            self.losses.note(exchange.boot, exchange.sequence, self._clock())
        self._count(exchange)


class _Connection(asyncio.Protocol):
    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker: it is TCP
        self._transport = transport
        self._ring.connections.add(transport)

    def connection_lost(self, _: Exception | None) -> None:
        if self._transport:
            self._ring.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._frames.cut(data):
                self._ring.take(message)
        except BrokenFrameError:
            self._ring.broken += 1
            if self._transport:
                self._transport.close()
        else:
            if len(data) < MUCH:
                self._rest()

    def _rest(self) -> None:
        """Let some records come together."""
        if self._transport:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(REST_SECONDS, self._transport.resume_reading)


def _length(digits: bytes) -> int:
    with suppress(ValueError):
        if digits.isdigit() and 0 < (length := int(digits)) <= LONGEST_FRAME:
            return length
    raise BrokenFrameError
