"""The Lease: who leads, and that two never do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from serinus.cluster.errors import ApiError, ConflictError, ForbiddenError, NotFoundError, Retry
from serinus.cluster.lease import Lease, LeaseSettings
from tests.cluster_layer.clock import Clock

Document = dict[str, Any]

SECONDS = 15


class Server:
    """The one Lease, with optimistic locking as the API server has it."""

    def __init__(self) -> None:
        self.lease: Document | None = None
        self.requests: list[str] = []
        self.answers: Callable[[], Awaitable[None]] | None = None
        """What happens before an answer: a delay, or an error."""

    async def unfenced(self, method: str, path: str, body: Document | None = None) -> Document:
        del path
        self.requests.append(method)
        if self.answers:
            await self.answers()
        if method == "POST":
            if self.lease is not None:
                raise ConflictError(409, "AlreadyExists", "it is there")
            assert body
            return self._store(body, 1)
        if self.lease is None:
            raise NotFoundError(404, "NotFound", "no such Lease")
        if method == "GET":
            return self.lease
        assert body
        version = self.lease["metadata"]["resourceVersion"]
        if body["metadata"]["resourceVersion"] != version:
            raise ConflictError(409, "Conflict", "it changed")
        return self._store(body, int(version) + 1)

    def _store(self, body: Document, version: int) -> Document:
        self.lease = {**body, "metadata": {**body["metadata"], "resourceVersion": str(version)}}
        return self.lease

    @property
    def spec(self) -> Document:
        assert self.lease
        spec: Document = self.lease["spec"]
        return spec


class World:
    """A server and replicas that want its Lease."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.server = Server()
        self.keeping: dict[Lease, asyncio.Task[None]] = {}
        self.gains: dict[str, int] = {}
        """How often each replica was told that it leads from now on."""

    async def replica(self, identity: str) -> Lease:
        self.gains.setdefault(identity, 0)
        lease = Lease(LeaseSettings("serinus-system", "serinus", identity, SECONDS))
        self.keeping[lease] = asyncio.create_task(lease.keep(self.server, lambda: self._gained(identity)))
        await self.clock.advance()
        return lease

    def _gained(self, identity: str) -> None:
        self.gains[identity] += 1

    async def ends(self, lease: Lease) -> None:
        """End a replica without a word, as a node that loses power does."""
        self.keeping[lease].cancel()
        await asyncio.wait([self.keeping[lease]])

    async def passes(self, seconds: float) -> None:
        """Let time pass in steps, and see at each that no two replicas lead."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            await self.clock.advance(min(0.5, end - self.clock.now))
            assert sum(lease.seconds_left() > 0 for lease in self.keeping) <= 1


@pytest.fixture
async def world(clock: Clock) -> AsyncIterator[World]:
    started = World(clock)
    yield started
    for lease, task in started.keeping.items():
        if not task.done():
            await started.ends(lease)
        with suppress(asyncio.CancelledError):
            task.result()


def leads(lease: Lease) -> bool:
    return lease.seconds_left() > 0


async def test_the_first_replica_makes_the_lease_and_leads(world: World) -> None:
    first = await world.replica("first")
    assert leads(first)
    assert world.server.spec["holderIdentity"] == "first"
    assert world.server.spec["leaseTransitions"] == 1
    await asyncio.wait_for(first.wait(), 1)


async def test_it_is_known_whether_it_leads_from_the_start_once_that_was_tried(world: World) -> None:
    """Whoever waits for that waits for a server that does not answer no longer than for one that does."""
    first, second = await world.replica("first"), await world.replica("second")
    assert first.tried.is_set()
    assert second.tried.is_set()
    world.server.answers = asyncio.Event().wait  # type: ignore[assignment]
    third = await world.replica("third")
    assert not third.tried.is_set()
    await world.passes(SECONDS / 3)
    assert third.tried.is_set()


async def test_it_is_told_once_that_it_leads_and_not_at_renewals(world: World) -> None:
    await world.replica("first")
    await world.replica("second")
    await world.passes(4 * SECONDS)
    assert world.gains == {"first": 1, "second": 0}


async def test_it_is_told_again_when_it_leads_again(world: World) -> None:
    await world.replica("first")
    world.clock.now += 3 * SECONDS  # frozen: it woke up with its Lease long over
    await world.passes(SECONDS)
    assert world.gains == {"first": 2}


async def test_it_goes_on_leading_by_renewals(world: World) -> None:
    first = await world.replica("first")
    acquired = world.server.spec["acquireTime"]
    for _ in range(20):
        await world.passes(SECONDS / 3)
        assert leads(first)
    assert world.server.spec["acquireTime"] == acquired
    assert world.server.spec["leaseTransitions"] == 1


async def test_another_replica_waits_while_the_first_renews(world: World) -> None:
    await world.replica("first")
    second = await world.replica("second")
    await world.passes(10 * SECONDS)
    assert not leads(second)


async def test_another_replica_takes_over_when_the_lease_has_run_out_by_its_own_clock(world: World) -> None:
    first = await world.replica("first")
    await world.ends(first)
    world.server.spec["renewTime"] = "1999-01-01T00:00:00.000000Z"  # a clock that was set wrong decides nothing
    second = await world.replica("second")
    await world.passes(SECONDS - 1)
    assert not leads(second)
    await world.passes(3)
    assert leads(second)
    assert world.server.spec["holderIdentity"] == "second"
    assert world.server.spec["leaseTransitions"] == 2


async def test_a_renewal_starts_the_wait_anew(world: World) -> None:
    first = await world.replica("first")
    second = await world.replica("second")
    await world.passes(SECONDS - 1)
    await world.ends(first)
    await world.passes(SECONDS / 3)
    assert not leads(second)
    await world.passes(SECONDS)
    assert leads(second)


async def test_a_lease_deleted_under_its_holder_makes_no_second_leader(world: World) -> None:
    first = await world.replica("first")
    second = await world.replica("second")
    world.server.lease = None
    await world.passes(2 * SECONDS)
    assert leads(first)
    assert not leads(second)


async def test_the_holder_of_a_longer_lease_is_given_its_time(world: World) -> None:
    first = await world.replica("first")
    await world.ends(first)
    world.server.spec["leaseDurationSeconds"] = 4 * SECONDS
    second = await world.replica("second")
    await world.passes(4 * SECONDS - 1)
    assert not leads(second)
    await world.passes(3)
    assert leads(second)


async def test_a_process_that_restarts_in_its_pod_goes_on_at_once(world: World) -> None:
    await world.ends(await world.replica("first"))
    again = await world.replica("first")
    assert leads(again)
    assert world.server.spec["leaseTransitions"] == 1


async def test_a_lease_that_is_given_up_is_taken_at_the_next_look(world: World) -> None:
    first = await world.replica("first")
    second = await world.replica("second")
    await world.ends(first)
    await first.release(world.server)
    assert not leads(first)
    await world.passes(2)
    assert leads(second)


async def test_who_never_led_gives_nothing_up(world: World) -> None:
    await world.replica("first")
    second = await world.replica("second")
    await world.ends(second)
    await second.release(world.server)
    assert world.server.spec["holderIdentity"] == "first"


async def test_a_lease_that_cannot_be_given_up_runs_out(world: World) -> None:
    first = await world.replica("first")
    await world.ends(first)
    world.server.answers = failing(Retry("no connection"))
    await first.release(world.server)
    assert not leads(first)
    assert world.server.spec["holderIdentity"] == "first"


def failing(error: Exception) -> Callable[[], Awaitable[None]]:
    async def fail() -> None:
        raise error

    return fail


async def silence() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    "answers",
    [
        failing(Retry("503")),
        failing(ForbiddenError(403, "Forbidden", "no")),
        failing(ApiError(418, "", "")),
        silence,
    ],
    ids=["busy", "forbidden", "any other error", "silence"],
)
async def test_who_cannot_renew_leads_to_the_end_of_the_lease_and_no_longer(
    world: World, answers: Callable[[], Awaitable[None]]
) -> None:
    first = await world.replica("first")
    world.server.answers = answers
    await world.passes(SECONDS - 1)
    assert leads(first)
    await world.passes(2)
    assert not leads(first)
    waiting = asyncio.create_task(first.wait())
    await world.passes(1)
    assert not waiting.done()
    world.server.answers = None
    await world.passes(SECONDS)
    assert leads(first)
    assert waiting.done()


async def test_the_lease_counts_from_the_request_and_not_from_its_answer(world: World) -> None:
    async def slow() -> None:
        await asyncio.sleep(4)

    world.server.lease = {"metadata": {"resourceVersion": "1"}, "spec": {"holderIdentity": "first"}}
    first = Lease(LeaseSettings("serinus-system", "serinus", "first", SECONDS))
    world.keeping[first] = asyncio.create_task(first.keep(world.server, lambda: None))
    await world.clock.advance()
    assert first.seconds_left() == pytest.approx(SECONDS)
    world.server.answers = slow
    await world.clock.advance(SECONDS / 3)
    await world.clock.advance(4)
    assert first.seconds_left() == pytest.approx(SECONDS - 4)


async def test_who_finds_that_another_has_written_the_lease_does_not_write_over_it(world: World) -> None:
    await world.replica("first")
    assert world.server.lease
    taken = {**world.server.spec, "holderIdentity": "second"}
    world.server.lease = {"metadata": {"resourceVersion": "77"}, "spec": taken}
    await world.passes(10)
    assert world.server.spec["holderIdentity"] == "second"


async def test_of_two_that_come_at_once_one_leads(world: World) -> None:
    leases = [await world.replica(f"replica-{number}") for number in range(5)]
    await world.passes(5)
    assert [leads(lease) for lease in leases].count(True) == 1
