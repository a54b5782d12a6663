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


class Cluster:
    """A server and replicas that want its Lease."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.server = Server()
        self.keeping: dict[Lease, asyncio.Task[None]] = {}

    async def replica(self, identity: str) -> Lease:
        lease = Lease(LeaseSettings("serinus-system", "serinus", identity, SECONDS))
        self.keeping[lease] = asyncio.create_task(lease.keep(self.server))
        await self.clock.advance()
        return lease

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
async def cluster(clock: Clock) -> AsyncIterator[Cluster]:
    started = Cluster(clock)
    yield started
    for lease, task in started.keeping.items():
        if not task.done():
            await started.ends(lease)
        with suppress(asyncio.CancelledError):
            task.result()


def leads(lease: Lease) -> bool:
    return lease.seconds_left() > 0


async def test_the_first_replica_makes_the_lease_and_leads(cluster: Cluster) -> None:
    first = await cluster.replica("first")
    assert leads(first)
    assert cluster.server.spec["holderIdentity"] == "first"
    assert cluster.server.spec["leaseTransitions"] == 1
    await asyncio.wait_for(first.wait(), 1)


async def test_it_goes_on_leading_by_renewals(cluster: Cluster) -> None:
    first = await cluster.replica("first")
    acquired = cluster.server.spec["acquireTime"]
    for _ in range(20):
        await cluster.passes(SECONDS / 3)
        assert leads(first)
    assert cluster.server.spec["acquireTime"] == acquired
    assert cluster.server.spec["leaseTransitions"] == 1


async def test_another_replica_waits_while_the_first_renews(cluster: Cluster) -> None:
    await cluster.replica("first")
    second = await cluster.replica("second")
    await cluster.passes(10 * SECONDS)
    assert not leads(second)


async def test_another_replica_takes_over_when_the_lease_has_run_out_by_its_own_clock(cluster: Cluster) -> None:
    first = await cluster.replica("first")
    await cluster.ends(first)
    cluster.server.spec["renewTime"] = "1999-01-01T00:00:00.000000Z"  # a clock that was set wrong decides nothing
    second = await cluster.replica("second")
    await cluster.passes(SECONDS - 1)
    assert not leads(second)
    await cluster.passes(3)
    assert leads(second)
    assert cluster.server.spec["holderIdentity"] == "second"
    assert cluster.server.spec["leaseTransitions"] == 2


async def test_a_renewal_starts_the_wait_anew(cluster: Cluster) -> None:
    first = await cluster.replica("first")
    second = await cluster.replica("second")
    await cluster.passes(SECONDS - 1)
    await cluster.ends(first)
    await cluster.passes(SECONDS / 3)
    assert not leads(second)
    await cluster.passes(SECONDS)
    assert leads(second)


async def test_a_lease_deleted_under_its_holder_makes_no_second_leader(cluster: Cluster) -> None:
    first = await cluster.replica("first")
    second = await cluster.replica("second")
    cluster.server.lease = None
    await cluster.passes(2 * SECONDS)
    assert leads(first)
    assert not leads(second)


async def test_the_holder_of_a_longer_lease_is_given_its_time(cluster: Cluster) -> None:
    first = await cluster.replica("first")
    await cluster.ends(first)
    cluster.server.spec["leaseDurationSeconds"] = 4 * SECONDS
    second = await cluster.replica("second")
    await cluster.passes(4 * SECONDS - 1)
    assert not leads(second)
    await cluster.passes(3)
    assert leads(second)


async def test_a_process_that_restarts_in_its_pod_goes_on_at_once(cluster: Cluster) -> None:
    await cluster.ends(await cluster.replica("first"))
    again = await cluster.replica("first")
    assert leads(again)
    assert cluster.server.spec["leaseTransitions"] == 1


async def test_a_lease_that_is_given_up_is_taken_at_the_next_look(cluster: Cluster) -> None:
    first = await cluster.replica("first")
    second = await cluster.replica("second")
    await cluster.ends(first)
    await first.release(cluster.server)
    assert not leads(first)
    await cluster.passes(2)
    assert leads(second)


async def test_who_never_led_gives_nothing_up(cluster: Cluster) -> None:
    await cluster.replica("first")
    second = await cluster.replica("second")
    await cluster.ends(second)
    await second.release(cluster.server)
    assert cluster.server.spec["holderIdentity"] == "first"


async def test_a_lease_that_cannot_be_given_up_runs_out(cluster: Cluster) -> None:
    first = await cluster.replica("first")
    await cluster.ends(first)
    cluster.server.answers = failing(Retry("no connection"))
    await first.release(cluster.server)
    assert not leads(first)
    assert cluster.server.spec["holderIdentity"] == "first"


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
    cluster: Cluster, answers: Callable[[], Awaitable[None]]
) -> None:
    first = await cluster.replica("first")
    cluster.server.answers = answers
    await cluster.passes(SECONDS - 1)
    assert leads(first)
    await cluster.passes(2)
    assert not leads(first)
    waiting = asyncio.create_task(first.wait())
    await cluster.passes(1)
    assert not waiting.done()
    cluster.server.answers = None
    await cluster.passes(SECONDS)
    assert leads(first)
    assert waiting.done()


async def test_the_lease_counts_from_the_request_and_not_from_its_answer(cluster: Cluster) -> None:
    async def slow() -> None:
        await asyncio.sleep(4)

    cluster.server.lease = {"metadata": {"resourceVersion": "1"}, "spec": {"holderIdentity": "first"}}
    first = Lease(LeaseSettings("serinus-system", "serinus", "first", SECONDS))
    cluster.keeping[first] = asyncio.create_task(first.keep(cluster.server))
    await cluster.clock.advance()
    assert first.seconds_left() == pytest.approx(SECONDS)
    cluster.server.answers = slow
    await cluster.clock.advance(SECONDS / 3)
    await cluster.clock.advance(4)
    assert first.seconds_left() == pytest.approx(SECONDS - 4)


async def test_who_finds_that_another_has_written_the_lease_does_not_write_over_it(cluster: Cluster) -> None:
    await cluster.replica("first")
    assert cluster.server.lease
    taken = {**cluster.server.spec, "holderIdentity": "second"}
    cluster.server.lease = {"metadata": {"resourceVersion": "77"}, "spec": taken}
    await cluster.passes(10)
    assert cluster.server.spec["holderIdentity"] == "second"


async def test_of_two_that_come_at_once_one_leads(cluster: Cluster) -> None:
    leases = [await cluster.replica(f"replica-{number}") for number in range(5)]
    await cluster.passes(5)
    assert [leads(lease) for lease in leases].count(True) == 1
