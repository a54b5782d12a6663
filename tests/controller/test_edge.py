"""The edge: what a watch saw enters the cache, and whoever it concerns is queued."""

import asyncio
import logging
from dataclasses import replace
from itertools import islice

import kopf
import pytest
from kopf._cogs.aiokits.aiotasks import create_guarded_task
from kopf._core.reactor import orchestration

from serinus.cluster.cache import Cache
from serinus.cluster.objects import Identity, Key, PodCount, seen
from serinus.controller import edge
from serinus.controller.edge import note_sight, take
from serinus.controller.queue import Queue
from tests.cluster_layer.sightings import KEY, child

OTHER = Key(KEY.namespace, "other")


@pytest.fixture
def cache() -> Cache:
    return Cache()


@pytest.fixture
async def queue() -> Queue:
    return Queue()


async def queued(queue: Queue) -> set[Key]:
    keys = set()
    while queue.oldest_seconds() or queue._tickets.qsize():  # noqa: SLF001 - get() would wait
        keys.add(await queue.get())
    return keys


async def test_news_is_queued(cache: Cache, queue: Queue) -> None:
    take(child(version=1), cache, queue, gone=False)
    assert cache.children(KEY) == [child(version=1)]
    assert await queued(queue) == {KEY}


async def test_what_our_own_write_told_already_is_no_news(cache: Cache, queue: Queue) -> None:
    cache.put(child(version=2))
    for version in (1, 2):
        take(child(version=version), cache, queue, gone=False)
    assert await queued(queue) == set()


async def test_the_end_of_an_object_is_news_once(cache: Cache, queue: Queue) -> None:
    cache.put(child(version=1))
    take(child(version=2), cache, queue, gone=True)
    assert cache.children(KEY) == []
    assert await queued(queue) == {KEY}
    queue.done(KEY)
    take(child(version=2), cache, queue, gone=True)
    assert await queued(queue) == set()


async def test_a_label_that_was_changed_is_news_to_both(cache: Cache, queue: Queue) -> None:
    """The one that lost the object must put it right; nobody else would tell it."""
    cache.put(child(version=1))
    take(child(version=2, deployment="other"), cache, queue, gone=False)
    assert await queued(queue) == {KEY, OTHER}


async def test_what_is_urgent_is_queued_before_the_rest(cache: Cache, queue: Queue) -> None:
    queue.add(OTHER)
    lost = replace(child("Deployment"), pods=PodCount(wanted=1, ready=0, trouble=None))
    take(lost, cache, queue, gone=False)
    assert [await queue.get(), await queue.get()] == [KEY, OTHER]


async def test_an_object_that_cannot_be_read_is_passed_over(cache: Cache, queue: Queue) -> None:
    metadata = {"name": "fraud-x", "namespace": KEY.namespace, "uid": "of-x", "resourceVersion": "7"}
    note_sight(lambda: seen("Service", {"metadata": metadata}), metadata, cache, queue, gone=False)
    assert await queued(queue) == set()
    assert cache.has_seen(Identity("Service", KEY.namespace, "fraud-x"), "of-x", 7), "nobody need wait for it"
    assert not cache.has_seen(Identity("Service", KEY.namespace, "fraud-x"), "of-x", 8)


class _Gone(Exception):  # noqa: N818 - as Kopf has it
    status = 404


@pytest.mark.parametrize(("error", "ends"), [(RuntimeError("etcdserver: no leader"), True), (_Gone(), False)], ids=repr)
async def test_it_ends_when_a_watcher_of_kopf_ends(error: Exception, *, ends: bool) -> None:
    async def watch() -> None:
        raise error

    watchers = asyncio.create_task(edge.Watchers().run())
    await asyncio.sleep(0)
    watcher = create_guarded_task(watch(), "watcher for pods", logger=logging.getLogger(orchestration.__name__))
    await asyncio.wait([watcher])
    await asyncio.wait([watchers], timeout=0)
    assert watchers.done() == ends
    watchers.cancel()
    results = await asyncio.gather(watchers, watcher, return_exceptions=True)
    assert not ends or list(results) == [error, error]


def test_kopf_tries_again_for_ever_and_from_the_start_for_each_request() -> None:
    backoffs = edge.settings().networking.error_backoffs
    assert not isinstance(backoffs, int | float)
    assert backoffs is not None
    for _ in range(2):
        first = list(islice(backoffs, 100))
        assert first[0] < first[-1] == 10
        assert len(first) == 100


def test_kopf_writes_nothing() -> None:
    chosen = edge.settings()
    assert not chosen.posting.enabled
    assert chosen.peering.standalone


def test_kopf_copies_no_object_to_compare_it() -> None:
    built = edge.settings().persistence.diffbase_storage.build(body=kopf.Body({"spec": {"replicas": 3}}))
    assert built == {}


def test_only_what_bears_our_label_is_watched_but_for_model_deployments() -> None:
    selectors = edge.settings().watching.label_selectors
    assert len(selectors) == len(edge.WATCHED) - 1
    assert not any("modeldeployments" in str(selector) for selector in selectors)
    assert set(selectors.values()) == {"serinus.dev/deployment"}
