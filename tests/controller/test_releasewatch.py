"""The watch of ModelReleases: what enters the cache, and what makes it list anew."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from serinus.api.names import LABEL_DEPLOYMENT, child_name
from serinus.cluster.cache import Cache
from serinus.cluster.errors import ExpiredError, ForbiddenError, Retry
from serinus.controller.health import Health
from serinus.controller.queue import Queue
from serinus.controller.releasewatch import PAUSE_SECONDS, ReleaseWatch
from tests.cluster_layer import sightings
from tests.cluster_layer.clock import Clock
from tests.cluster_layer.sightings import KEY
from tests.controller.fake_client import FakeClient

Document = dict[str, Any]

A, B, C = "a" * 10, "b" * 10, "c" * 10
EXPIRED = ExpiredError(410, "Expired", "too old resource version")


def row(revision: str, version: int, promoted: str | None = None) -> Document:
    name = child_name(KEY.name, revision)
    metadata = {
        "name": name,
        "namespace": KEY.namespace,
        "uid": f"ModelRelease-{name}",
        "resourceVersion": str(version),
        "creationTimestamp": "2026-11-21T12:00:00Z",
        "labels": {LABEL_DEPLOYMENT: KEY.name},
    }
    return {"cells": [name, KEY.name, revision, "", promoted, "5m"], "object": {"metadata": metadata}}


def page(version: int, *rows: Document) -> Document:
    return {"metadata": {"resourceVersion": str(version)}, "rows": list(rows) or None}


def event(kind: str, *rows: Document) -> Document:
    return {"type": kind, "object": {"kind": "Table", "rows": list(rows)}}


def bookmark(version: int) -> Document:
    """Return a bookmark as the server sends it: the row of an object that has a version and nothing else."""
    metadata = {"resourceVersion": str(version), "creationTimestamp": None}
    return event("BOOKMARK", {"cells": ["", "", "", "", "", "<unknown>"], "object": {"metadata": metadata}})


class Bench:
    """A watch that runs."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.cache = Cache()
        self.queue = Queue()
        self.client = FakeClient()
        self.lists(page(10))
        self.watch = ReleaseWatch(self.cache, self.queue, self.client, Health())
        self.running: asyncio.Task[None] | None = None

    def lists(self, *pages: Document | Exception) -> None:
        self.client.collections = {"ModelRelease": list(pages)}

    async def known_after(self, seconds: float = 0) -> dict[str, int]:
        """Return the versions of the releases in the cache, by revision."""
        self.running = self.running or asyncio.create_task(self.watch.run())
        await self.clock.advance(seconds)
        return {found.revision: found.version for found in self.cache.releases(KEY)}


@pytest.fixture
async def bench(clock: Clock) -> AsyncIterator[Bench]:
    opened = Bench(clock)
    yield opened
    assert opened.running
    assert not opened.running.done(), "the watch has ended"
    opened.running.cancel()
    await asyncio.wait([opened.running])


async def test_it_lists_page_by_page_and_goes_on_from_there(bench: Bench) -> None:
    bench.lists(page(10, row(A, 3), row(B, 4)), page(10, row(C, 5)))
    assert await bench.known_after() == {A: 3, B: 4, C: 5}
    assert bench.client.watched_since == ["10"]
    assert await bench.queue.get() == KEY


async def test_a_cluster_without_releases_is_watched_too(bench: Bench) -> None:
    assert await bench.known_after() == {}
    assert bench.client.watched_since == ["10"]


async def test_events_enter_the_cache_and_have_their_model_deployment_looked_at(bench: Bench) -> None:
    promoted = "2026-11-21T12:05:00Z"
    bench.client.streams = [[event("ADDED", row(A, 11)), event("MODIFIED", row(A, 12, promoted))]]
    assert await bench.known_after() == {A: 12}
    (found,) = bench.cache.releases(KEY)
    assert found.promoted_at is not None
    assert await bench.queue.get() == KEY


async def test_what_is_deleted_leaves_the_cache(bench: Bench) -> None:
    bench.lists(page(10, row(A, 3)))
    bench.client.streams = [[event("DELETED", row(A, 11))]]
    assert await bench.known_after() == {}


async def test_a_stream_that_ends_is_taken_up_where_it_ended(bench: Bench) -> None:
    bench.client.streams = [[event("ADDED", row(A, 11))], [event("ADDED", row(B, 14))], []]
    for _ in range(4):
        await bench.known_after(PAUSE_SECONDS)
    assert bench.client.watched_since == ["10", "11", "14", "14"]


async def test_a_bookmark_moves_on_and_enters_nothing(bench: Bench) -> None:
    bench.client.streams = [[bookmark(20)]]
    assert await bench.known_after() == await bench.known_after(PAUSE_SECONDS) == {}
    assert bench.client.watched_since == ["10", "20"]


@pytest.mark.parametrize(
    "stream",
    [EXPIRED, [{"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}]],
    ids=["as the answer", "as an event"],
)
async def test_when_its_version_is_too_old_it_lists_anew_at_once(
    bench: Bench, stream: list[Document] | Exception
) -> None:
    bench.client.streams = [stream]
    await bench.known_after()
    assert bench.client.watched_since == ["10", "10"]


async def test_what_went_between_two_lists_is_dropped_and_looked_at(bench: Bench) -> None:
    bench.cache.put(sightings.release(A, 3))
    bench.lists(page(10, row(B, 4)))
    assert await bench.known_after() == {B: 4}
    assert await bench.queue.get() == KEY


async def test_what_was_written_after_the_list_was_made_is_kept(bench: Bench) -> None:
    bench.cache.put(sightings.release(A, 11))
    assert await bench.known_after() == {A: 11}


async def test_a_list_never_takes_the_cache_back(bench: Bench) -> None:
    bench.cache.put(sightings.release(A, 9))
    bench.lists(page(10, row(A, 3)))
    assert await bench.known_after() == {A: 9}


@pytest.mark.parametrize("error", [Retry("busy"), ForbiddenError(403, "Forbidden", "no")], ids=repr)
async def test_a_failure_is_waited_out_and_then_it_lists_anew(bench: Bench, error: Exception) -> None:
    bench.lists(error)
    assert await bench.known_after() == {}
    bench.lists(page(10, row(A, 3)))
    assert await bench.known_after(PAUSE_SECONDS / 2) == {}
    assert await bench.known_after(PAUSE_SECONDS) == {A: 3}
