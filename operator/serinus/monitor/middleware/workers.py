"""The worker processes of one pod: one of them counts what all have seen, and has the monitor's port. Used by watch.py.

It is the one that could listen at the ring's port, which no proxy needs here. When it ends another takes its place.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from serinus.monitor.exchange import Exchange
from serinus.monitor.protocols.bodies import LARGEST_BODY
from serinus.monitor.records.ring import LOOPBACK

logger: Final = logging.getLogger(__name__)

AGAIN_SECONDS: Final = 1.0
SIZE_BYTES: Final = 4
LONGEST: Final = 2 * LARGEST_BODY + 64 * 1024
MOST_WAITING: Final = 8 * 2**20
"""Bytes that the other process has not taken yet. What comes then is lost."""

_exchanges: Final = msgspec.msgpack.Decoder(Exchange)


class Workers:
    """This process among those of its pod. `show` opens the monitor's port, or raises OSError."""

    def __init__(self, port: int, count: Callable[[Exchange], None], show: Callable[[], Awaitable[None]]) -> None:
        self.lost = 0
        """Exchanges that the process which counts had no time for."""
        self._port = port
        self._count = count
        self._show = show
        self._server: asyncio.Server | None = None
        self._colleagues: set[asyncio.StreamWriter] = set()
        self._leader: asyncio.StreamWriter | None = None
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Return when it is known who counts."""
        self._task = asyncio.create_task(self._run())
        await self._settled.wait()

    async def end(self) -> None:
        """Let another take over."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._server:
            self._server.close()
        for each in self._colleagues:
            each.close()

    def take(self, exchange: Exchange) -> None:
        """Have an exchange counted, here or by the process that counts."""
        if self._leader is None:
            self._count(exchange)
        elif self._leader.transport.get_write_buffer_size() > MOST_WAITING:
            self.lost += 1
        else:
            told = msgspec.msgpack.encode(exchange)
            self._leader.writelines((len(told).to_bytes(SIZE_BYTES, "big"), told))

    async def _run(self) -> None:
        while not await self._leads():
            await self._follow()
        while True:
            if await self._has_port():
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def _leads(self) -> bool:
        try:
            self._server = await asyncio.start_server(self._hear, LOOPBACK, self._port)
        except OSError:
            return False
        return True

    async def _follow(self) -> None:
        """Tell the process that counts what this one sees, until that ends."""
        try:
            reader, self._leader = await asyncio.open_connection(LOOPBACK, self._port)
        except OSError:  # it is about to end
            self._settled.set()
            await asyncio.sleep(AGAIN_SECONDS)
            return
        logger.info("another process of this pod counts what this one sees")
        self._settled.set()
        try:
            await reader.read()
        except OSError:
            logger.info("the process that counted broke off")
        finally:
            leader, self._leader = self._leader, None
            leader.close()

    async def _has_port(self) -> bool:
        try:
            await self._show()
        except OSError as error:
            if not self._settled.is_set():
                logger.warning("the monitor cannot be asked, and tries again: %s", error)
            return False
        finally:
            self._settled.set()
        return True

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._colleagues.add(writer)
        try:
            while (size := int.from_bytes(await reader.readexactly(SIZE_BYTES), "big")) <= LONGEST:
                self._count(_exchanges.decode(await reader.readexactly(size)))
        except (asyncio.IncompleteReadError, OSError, msgspec.DecodeError):
            pass  # it has ended, or is none of us
        finally:
            self._colleagues.discard(writer)
            writer.close()
