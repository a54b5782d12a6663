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
    return {"cells": [name, KEY.name, revision, "", promoted, None, "5m"], "object": {"metadata": metadata}}


def page(version: int, *rows: Document) -> Document:
    return {"metadata": {"resourceVersion": str(version)}, "rows": list(rows) or None}


def event(kind: str, *rows: Document) -> Document:
    return {"type": kind, "object": {"kind": "Table", "rows": list(rows)}}


def bookmark(version: int) -> Document:
    """Return a bookmark as the server sends it: the row of an object that has a version and nothing else."""
    metadata = {"resourceVersion": str(version), "creationTimestamp": None}
    return event("BOOKMARK", {"cells": ["", "", "", "", "", "", "<unknown>"], "object": {"metadata": metadata}})


class Bench:
    """A watch that runs."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.cache = Cache()
        self.queue = Queue()
        self.client = FakeClient()
        self.lists(page(10))
        self.health = Health()
        self.watch = ReleaseWatch(self.cache, self.queue, self.client, self.health)
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
async def test_when_its_version_is_too_old_it_lists_anew(bench: Bench, stream: list[Document] | Exception) -> None:
    bench.client.streams = [stream]
    await bench.known_after()
    bench.lists(page(20, row(A, 13)))
    assert await bench.known_after(PAUSE_SECONDS) == {A: 13}
    assert bench.client.watched_since == ["10", "20"]


@pytest.mark.parametrize("error", [EXPIRED, Retry("busy"), ForbiddenError(403, "Forbidden", "no")], ids=repr)
async def test_a_watch_that_cannot_be_opened_is_tried_less_and_less_often(bench: Bench, error: Exception) -> None:
    bench.client.streams = [error] * 100
    for _ in range(100):
        await bench.known_after(1)
    assert 5 <= len(bench.client.watched_since) <= 10


async def test_a_server_that_says_when_to_come_again_is_heeded(bench: Bench) -> None:
    bench.client.streams = [Retry("busy", after=20), []]
    for _ in range(19):
        await bench.known_after(1)
    assert len(bench.client.watched_since) == 1


async def test_a_failed_watch_goes_on_where_it_was_without_a_list(bench: Bench) -> None:
    bench.client.streams = [[event("ADDED", row(A, 11))], Retry("busy")]
    await bench.known_after()
    bench.lists(page(20))
    for _ in range(4):
        await bench.known_after(PAUSE_SECONDS)
    assert bench.client.watched_since == ["10", "11", "11"]


async def test_one_that_fails_for_long_lists_anew(bench: Bench) -> None:
    """The version it has may be of a server that was restored since."""
    bench.client.streams = [Retry("too large resource version")] * 5
    await bench.known_after()
    bench.lists(page(4, row(A, 3)))
    for _ in range(60):
        await bench.known_after(1)
    assert bench.client.watched_since[-1] == "4"


async def test_it_catches_up_with_what_a_silent_stream_has_missed(bench: Bench) -> None:
    await bench.known_after()
    bench.client.missed = [event("ADDED", row(A, 11)), event("MODIFIED", row(A, 12))]
    await bench.watch.catch_up()
    assert await bench.known_after() == {A: 12}
    assert bench.client.watched_since == ["10"], "the stream itself goes on"


async def test_it_catches_up_by_a_list_when_it_is_too_far_behind(bench: Bench) -> None:
    await bench.known_after()
    bench.client.missed = [{"type": "ERROR", "object": {"code": 410}}]
    bench.lists(page(30, row(B, 29)))
    await bench.watch.catch_up()
    assert await bench.known_after() == {B: 29}


async def test_only_a_watch_that_was_opened_is_a_sign_of_life(bench: Bench) -> None:
    bench.client.streams = [Retry("busy")] * 100
    before = bench.health.watch_age_seconds()
    for _ in range(100):
        await bench.known_after(1)
    assert bench.health.watch_age_seconds() - before == 100


async def test_a_release_that_cannot_be_read_stops_no_other(bench: Bench) -> None:
    bench.lists(page(10, row(A, 3, promoted="2026-11-21T12:05:00+99:00"), row(B, 4)))
    assert await bench.known_after() == {B: 4}


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
