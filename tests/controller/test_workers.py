"""The workers: what they do with each outcome of a reconcile."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from serinus.cluster.errors import ApiError, Retry
from serinus.cluster.objects import Key
from serinus.controller.queue import Queue
from serinus.controller.workers import RECONCILE_SECONDS, work
from tests.cluster_layer.clock import Clock

A, B = Key("risk", "a"), Key("risk", "b")
BACKOFF = 0.07
"""The first back-off ends within."""

Outcome = float | Exception | None


class Leadership:
    """Leads as a test says."""

    def __init__(self) -> None:
        self.leads = asyncio.Event()
        self.leads.set()

    async def wait(self) -> None:
        await self.leads.wait()


class Script:
    """A reconciler that ends as a test says, one outcome after the other and then well."""

    def __init__(self) -> None:
        self.outcomes: dict[Key, list[Outcome]] = {}
        self.hangs: set[Key] = set()
        self.seen: list[Key] = []

    def then(self, key: Key, outcomes: Iterable[Outcome]) -> None:
        self.outcomes[key] = list(outcomes)

    async def reconcile(self, key: Key) -> float | None:
        self.seen.append(key)
        if key in self.hangs:
            await asyncio.Event().wait()
        outcomes = self.outcomes.get(key)
        outcome = outcomes.pop(0) if outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Office:
    """One worker with all that it works with."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.queue = Queue()
        self.leadership = Leadership()
        self.script = Script()
        self.worker = asyncio.create_task(work(self.queue, self.leadership, self.script))

    async def seen_after(self, seconds: float) -> list[Key]:
        """Return what is reconciled in the next seconds."""
        self.script.seen.clear()
        await self.clock.advance(seconds)
        return list(self.script.seen)


@pytest.fixture
async def office(clock: Clock) -> AsyncIterator[Office]:
    opened = Office(clock)
    yield opened
    assert not opened.worker.done(), "the worker has ended"
    opened.worker.cancel()
    await asyncio.wait([opened.worker])


async def test_a_key_is_reconciled_once_and_then_left_alone(office: Office) -> None:
    office.queue.add(A)
    assert await office.seen_after(0) == [A]
    assert await office.seen_after(3600) == []


async def test_it_looks_again_when_the_reconcile_says(office: Office) -> None:
    office.script.then(A, [20.0])
    office.queue.add(A)
    await office.seen_after(0)
    assert await office.seen_after(19.9) == []
    assert await office.seen_after(0.2) == [A]


async def test_a_reconcile_that_needs_no_other_look_takes_an_earlier_wish_back(office: Office) -> None:
    office.script.then(A, [20.0, None])
    office.queue.add(A)
    await office.seen_after(0)
    office.queue.add(A)
    assert await office.seen_after(0) == [A]
    assert await office.seen_after(60) == []


async def test_a_retry_that_says_when_comes_then(office: Office) -> None:
    office.script.then(A, [Retry("a namesake goes", after=5)])
    office.queue.add(A)
    await office.seen_after(0)
    assert await office.seen_after(4.9) == []
    assert await office.seen_after(0.2) == [A]


@pytest.mark.parametrize(
    "error",
    [
        Retry("the server is busy"),
        ApiError(418, "Teapot", "short and stout"),
        TimeoutError(),
        KeyError("a bug"),
        AssertionError(),
    ],
    ids=repr,
)
async def test_what_failed_comes_again_with_back_off(office: Office, error: Exception) -> None:
    office.script.then(A, [error])
    office.queue.add(A)
    await office.seen_after(0)
    assert await office.seen_after(0.03) == []
    assert await office.seen_after(BACKOFF) == [A]


async def test_a_bug_in_one_key_stops_no_other(office: Office) -> None:
    office.script.then(A, [KeyError("a bug")])
    office.queue.add(A)
    office.queue.add(B)
    assert await office.seen_after(0) == [A, B]


async def test_a_reconcile_that_hangs_is_given_up_and_tried_again(office: Office) -> None:
    office.script.hangs.add(A)
    office.queue.add(A)
    office.queue.add(B)
    assert await office.seen_after(0) == [A]
    assert await office.seen_after(RECONCILE_SECONDS - 1) == []
    office.script.hangs.clear()
    assert await office.seen_after(2) == [B]
    assert await office.seen_after(BACKOFF) == [A]


async def test_a_success_ends_the_back_off(office: Office) -> None:
    office.script.then(A, [*[Retry("busy")] * 10, None, Retry("busy")])
    office.queue.add(A)
    for _ in range(11):
        await office.seen_after(60)
    office.queue.add(A)
    await office.seen_after(0)
    assert await office.seen_after(BACKOFF) == [A]


async def test_nothing_is_reconciled_before_this_replica_leads(clock: Clock) -> None:
    office = Office(clock)
    office.leadership.leads.clear()
    office.queue.add(A)
    assert await office.seen_after(100) == []
    assert office.queue.oldest_seconds() == 100, "it waits in the queue, where the metrics see it"
    office.leadership.leads.set()
    assert await office.seen_after(0) == [A]
    office.worker.cancel()
    await asyncio.wait([office.worker])


async def test_a_key_that_comes_after_the_lead_was_lost_waits_for_the_next(office: Office) -> None:
    await office.seen_after(0)
    office.leadership.leads.clear()
    office.queue.add(A)
    assert await office.seen_after(100) == []
    office.leadership.leads.set()
    assert await office.seen_after(0) == [A]
