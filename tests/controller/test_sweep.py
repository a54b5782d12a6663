"""The sweep: when all was seen, and what changed or went without anybody saying so."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from serinus.cluster.cache import Cache
from serinus.cluster.errors import ForbiddenError, NotFoundError, Retry
from serinus.cluster.objects import Seen
from serinus.cluster.resources import HTTP_ROUTE
from serinus.controller.health import Health
from serinus.controller.queue import Queue
from serinus.controller.sweep import LATE_SECONDS, LOOK_SECONDS, PATIENCE_SECONDS, PAUSE_SECONDS, Sweep
from tests.cluster_layer import documents
from tests.cluster_layer.clock import Clock
from tests.cluster_layer.sightings import KEY, child, model, pod, route
from tests.controller.fake_client import FakeClient

INTERVAL = 300.0


LISTED_AT = 100


def page(*items: Seen, at: int = LISTED_AT) -> dict[str, Any]:
    """Return the metadata of objects as a page of a list has it; an empty one has no list at all."""
    listed = [
        {
            "metadata": {
                "uid": item.uid,
                "namespace": item.identity.namespace,
                "name": item.identity.name,
                "resourceVersion": str(item.version),
            }
        }
        for item in items
    ]
    return {"metadata": {"resourceVersion": str(at)}, "items": listed or None}


class Bench:
    """A sweep that runs."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.cache = Cache()
        self.queue = Queue()
        self.client = FakeClient()
        self.health = Health()
        self.sweep = Sweep(self.cache, self.queue, self.client, self.health, INTERVAL)
        self.running: asyncio.Task[None] | None = None

    async def is_synced_after(self, seconds: float) -> bool:
        self.running = self.running or asyncio.create_task(self.sweep.run())
        await self.clock.advance(seconds)
        return self.sweep.synced.is_set()

    def queued(self) -> bool:
        return self.queue.oldest_seconds() > 0


@pytest.fixture
async def bench(clock: Clock) -> AsyncIterator[Bench]:
    opened = Bench(clock)
    yield opened
    assert opened.running
    opened.running.cancel()
    await asyncio.wait([opened.running])


async def test_an_empty_cluster_is_seen_at_once(bench: Bench) -> None:
    assert await bench.is_synced_after(0)


@pytest.mark.parametrize("known", [None, model(4)], ids=["missing", "older"])
async def test_it_waits_for_what_the_watches_have_not_brought(bench: Bench, known: Seen | None) -> None:
    bench.client.collections = {"ModelDeployment": [page(model(5))]}
    if known:
        bench.cache.put(known)
    for seconds in (0, 1, 10, 100):
        assert not await bench.is_synced_after(seconds)
    bench.cache.put(model(5))
    assert await bench.is_synced_after(LOOK_SECONDS)


async def test_it_does_not_wait_for_what_cannot_be_read(bench: Bench) -> None:
    bench.client.collections = {"ModelDeployment": [page(model(5))]}
    bench.cache.pass_over(model(5).uid, 5)
    assert await bench.is_synced_after(0)


async def test_it_waits_for_objects_of_every_page(bench: Bench) -> None:
    bench.client.collections = {"Pod": [page(pod("a")), page(pod("b")), page()]}
    bench.cache.put(pod("a"))
    assert not await bench.is_synced_after(0)
    bench.cache.put(pod("b"))
    assert await bench.is_synced_after(LOOK_SECONDS)


async def test_while_the_watches_bring_what_a_list_has_nothing_is_listed_again(bench: Bench) -> None:
    pods = [pod(f"pod-{number}") for number in range(9)]
    lists = 0

    def count() -> None:
        nonlocal lists
        lists += 1

    bench.client.collections, bench.client.while_listing = {"Pod": [page(*pods)]}, count
    for each in pods:
        assert not await bench.is_synced_after(0.9 * PATIENCE_SECONDS)
        bench.cache.put(each)
    assert await bench.is_synced_after(LOOK_SECONDS)
    assert lists == 1


async def test_what_went_before_a_watch_could_bring_it_is_not_waited_for(bench: Bench) -> None:
    bench.client.collections = {"Pod": [page(pod("a"))]}
    assert not await bench.is_synced_after(0)
    bench.client.collections = {}
    assert await bench.is_synced_after(PATIENCE_SECONDS)


async def test_what_a_watch_brought_as_gone_is_not_waited_for(bench: Bench) -> None:
    bench.client.collections = {"Pod": [page(pod("a"))]}
    bench.cache.remove(pod("a", version=2))
    assert await bench.is_synced_after(0)


async def test_what_the_cache_has_newer_is_no_reason_to_wait(bench: Bench) -> None:
    bench.client.collections = {"ModelDeployment": [page(model(5))]}
    bench.cache.put(model(6))
    assert await bench.is_synced_after(0)


@pytest.mark.parametrize("error", [Retry("busy"), ForbiddenError(403, "Forbidden", "no")], ids=repr)
async def test_a_server_that_does_not_answer_is_asked_again(bench: Bench, error: Exception) -> None:
    bench.client.collections = {"Service": [error]}
    assert not await bench.is_synced_after(0)
    bench.client.collections = {}
    assert await bench.is_synced_after(PAUSE_SECONDS)


async def test_what_has_gone_is_dropped_and_its_model_deployment_looked_at(bench: Bench) -> None:
    kept, gone = child(name="fraud"), child()
    bench.cache.put(kept)
    bench.cache.put(gone)
    bench.client.collections = {"Service": [page(kept)]}
    assert await bench.is_synced_after(0)
    assert bench.cache.children(KEY) == [kept]
    assert await bench.queue.get() == KEY


async def test_later_deletions_are_found_too(bench: Bench) -> None:
    bench.cache.put(child())
    bench.client.collections = {"Service": [page(child())]}
    assert await bench.is_synced_after(0)
    bench.client.collections = {"Service": [page()]}
    await bench.is_synced_after(INTERVAL - 1)
    assert bench.cache.children(KEY)
    await bench.is_synced_after(2)
    assert bench.cache.children(KEY) == []


async def test_an_interval_without_answers_drops_nothing(bench: Bench) -> None:
    bench.cache.put(child())
    bench.client.collections = {"Service": [page(child())]}
    await bench.is_synced_after(0)
    bench.client.collections = {"Service": [page(), Retry("busy")]}
    await bench.is_synced_after(2 * INTERVAL)
    assert bench.cache.children(KEY)
    assert not bench.queued()


async def test_what_changed_while_the_list_was_under_way_is_kept(bench: Bench) -> None:
    bench.cache.put(child(version=1))
    bench.client.collections = {"Service": [page()]}

    def change() -> None:
        bench.cache.put(child(version=2))

    bench.client.while_listing = change
    await bench.is_synced_after(0)
    assert bench.cache.children(KEY) == [child(version=2)]
    await bench.clock.advance(1)
    assert not bench.queued()


NO_SUCH_KIND = NotFoundError(404, "", "Not Found")


async def test_a_kind_that_a_cluster_may_be_without_is_not_waited_for(bench: Bench) -> None:
    bench.client.collections = {"HTTPRoute": [NO_SUCH_KIND]}
    assert await bench.is_synced_after(0)


async def test_any_other_kind_is(bench: Bench) -> None:
    bench.client.collections = {"Pod": [NO_SUCH_KIND]}
    assert not await bench.is_synced_after(100)


async def test_what_was_of_a_kind_that_went_is_forgotten_and_its_watch_not_missed(bench: Bench) -> None:
    bench.cache.put(route())
    bench.health.heard(HTTP_ROUTE.path())
    bench.client.collections = {"HTTPRoute": [NO_SUCH_KIND]}
    assert await bench.is_synced_after(0)
    assert bench.cache.find(route().identity) is None
    bench.clock.now += 10_000
    assert bench.queued()
    assert bench.health.watch_age_seconds() == 0


async def test_the_watch_of_a_kind_that_came_is_missed_if_nobody_opens_it(bench: Bench) -> None:
    bench.client.collections = {"HTTPRoute": [NO_SUCH_KIND]}
    assert await bench.is_synced_after(0)
    bench.client.collections = {"HTTPRoute": [page()]}
    await bench.is_synced_after(INTERVAL)
    bench.clock.now += 100
    assert bench.health.watch_age_seconds() == 100


async def test_what_is_newer_than_the_list_is_not_gone(bench: Bench) -> None:
    """An API server may lag behind the one that the watches are from."""
    bench.cache.put(child(version=7))
    bench.client.collections = {"Service": [page(at=6)]}
    await bench.is_synced_after(0)
    assert bench.cache.children(KEY) == [child(version=7)]


async def test_a_change_that_no_watch_brought_is_read_and_its_model_deployment_looked_at(bench: Bench) -> None:
    assert await bench.is_synced_after(0)
    _changes_unseen(bench, version=7)
    await bench.is_synced_after(INTERVAL)
    await bench.is_synced_after(LATE_SECONDS)
    (found,) = bench.cache.children(KEY)
    assert found.version == 7
    assert await bench.queue.get() == KEY


async def test_a_watch_is_given_time_to_bring_what_has_just_changed(bench: Bench) -> None:
    assert await bench.is_synced_after(0)
    _changes_unseen(bench, version=7)
    await bench.is_synced_after(INTERVAL)
    bench.cache.put(child(version=7))
    await bench.is_synced_after(LATE_SECONDS)
    assert bench.client.reads == []


async def test_what_went_before_it_could_be_read_stays_unknown(bench: Bench) -> None:
    assert await bench.is_synced_after(0)
    bench.client.collections = {"Service": [page(child(version=7))]}
    await bench.is_synced_after(INTERVAL)
    await bench.is_synced_after(LATE_SECONDS)
    assert bench.cache.children(KEY) == []


async def test_who_comes_to_lead_reads_what_the_watches_have_lost(bench: Bench) -> None:
    assert await bench.is_synced_after(0)
    _changes_unseen(bench, version=7)
    catching_up = asyncio.create_task(bench.sweep.catch_up())
    await bench.clock.advance()
    await bench.clock.advance(LATE_SECONDS)
    assert catching_up.done()
    assert [found.version for found in bench.cache.children(KEY)] == [7]


def _changes_unseen(bench: Bench, version: int) -> None:
    """The server has a later state of a child, of which no watch tells."""
    changed = child(version=version)
    bench.client.collections = {"Service": [page(changed)]}
    name = changed.identity.name
    bench.client.documents = {changed.identity: documents.child(name, uid=changed.uid, version=version)}
