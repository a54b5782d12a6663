"""The moment at which a watch first shows what somebody waits for: there the clock of every latency stops."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from statistics import quantiles
from typing import Any, Final

from benchmarks.requests import Requests
from benchmarks.setting import NAMESPACE
from serinus.api.names import LABEL_REVISION
from serinus.cluster.resources import Resource
from tests.cluster.api import Api, Json

DEADLINE_SECONDS: Final = 30

Matches = Callable[[str, Json], bool]
"""Whether an event, its type and its object, is what is waited for."""


class Sightings:
    """Follows one kind of object. `first` is asked before the change is made that is to be seen."""

    def __init__(self) -> None:
        self._awaited: list[tuple[Matches, asyncio.Future[float]]] = []

    @classmethod
    @asynccontextmanager
    async def of(cls, connection: Requests, api: Api, resource: Resource) -> AsyncIterator["Sightings"]:
        """Follow until the block ends."""
        path = resource.path(NAMESPACE)
        listed = await asyncio.to_thread(api.request, "GET", path, query={"limit": "1"})
        sightings = cls()
        task = asyncio.create_task(sightings._follow(connection, path, listed["metadata"]["resourceVersion"]))
        try:
            yield sightings
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def first(self, matches: Matches) -> asyncio.Future[float]:
        """Return when, by the clock of `time.perf_counter`, the next event came that matches."""
        arrival: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._awaited.append((matches, arrival))
        return arrival

    async def _follow(self, connection: Requests, path: str, since: str) -> None:
        async for event in connection.watch(path, since):
            now = time.perf_counter()
            for entry in [each for each in self._awaited if each[0](event["type"], event["object"])]:
                self._awaited.remove(entry)
                entry[1].set_result(now)


async def seen(arrival: asyncio.Future[float]) -> float:
    """Return when something was seen; it takes no longer than anybody would wait."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await arrival


async def timed(write: Awaitable[Any], arrival: asyncio.Future[float]) -> float:
    """Return the milliseconds from before a write until what it brings about is seen."""
    started = time.perf_counter()
    await write
    return milliseconds(started, await seen(arrival))


def leads_to_one_revision(name: str) -> Matches:
    """Return what tells the Service at a model's address when it leads to one revision alone."""
    return lambda change, item: (
        change != "DELETED" and item["metadata"]["name"] == name and LABEL_REVISION in item["spec"]["selector"]
    )


def milliseconds(start: float, end: float) -> float:
    """Return how far two times of `time.perf_counter` lie apart."""
    return (end - start) * 1000


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent of the values do not exceed."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]
