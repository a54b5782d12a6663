"""Says when a replica that leads may decide: once it knows all that whoever led before it did. Asked by the workers."""

import asyncio
import logging
from typing import Final, Protocol

from serinus.cluster.errors import ApiError, Retry

logger = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 1.0


class Source(Protocol):
    """One of those who keep the cache current."""

    begun: bool
    """Whether its first look is under way or over."""
    synced: asyncio.Event

    async def catch_up(self) -> object:
        """Return when the cache holds everything that the server has now."""


class Office:
    """Taken each time that this replica comes to lead.

    A watch may have been silent for a while, and a standby does not notice. What it would delete may serve since.
    """

    def __init__(self, *sources: Source) -> None:
        self._sources = sources
        self._called = asyncio.Event()
        self._fresh: list[Source] = []
        """Whose first look was still to begin when this replica came to lead."""
        self._taken = asyncio.Event()

    def call(self) -> None:
        """Note that this replica leads from now on."""
        self._taken.clear()
        self._fresh = [source for source in self._sources if not source.begun]
        self._called.set()

    async def wait(self) -> None:
        """Return when the office is taken."""
        await self._taken.wait()

    async def run(self) -> None:
        """Take the office whenever it is called, until cancelled."""
        while True:
            await self._called.wait()
            self._called.clear()
            for source in self._sources:
                # A look that began before we led may have missed what our predecessor wrote since.
                await (source.synced.wait() if source in self._fresh else _caught_up(source))
            if not self._called.is_set():
                self._taken.set()


async def _caught_up(source: Source) -> None:
    while True:
        try:
            await source.catch_up()
        except (Retry, ApiError) as error:
            logger.warning("the cache could not be compared with the cluster", extra={"error": str(error)})
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return
