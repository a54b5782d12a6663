"""The records of revisions: when one is read, written, made anew, adopted and deleted."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from serinus.api.modeldeployment import Rollout
from serinus.api.modelrelease import Attempt, Outcome, Result
from serinus.api.names import ANNOTATION_VERSION, child_name
from serinus.api.reasons import Reason
from serinus.cluster.cache import Cache
from serinus.cluster.errors import ConflictError, NotFoundError, Refused, Retry
from serinus.cluster.objects import Identity, SeenRelease, release_row, seen_release
from serinus.controller.releases import Releases, releases_of
from serinus.render.children import Owner, deployment, release, service
from serinus.rollout.view import Size
from tests.cluster_layer import sightings
from tests.cluster_layer.sightings import CREATED, KEY, MODEL_UID, NAMESAKE, OURS, REVISION, SOMEBODY
from tests.controller.fake_client import FakeClient, Write, served
from tests.render.samples import MINIMAL, MONITORED, RENDERER, RICH, parsed, snapshot

Document = dict[str, Any]

OWNER = Owner(KEY.name, KEY.namespace, MODEL_UID)
MODEL = sightings.model(spec=json.dumps(RICH).encode())
MODEL_DOCUMENT: Document = {
    "kind": "ModelDeployment",
    "metadata": {"name": KEY.name, "namespace": KEY.namespace, "uid": MODEL_UID},
}
SPEC = parsed(RICH)
SNAPSHOT = snapshot(RICH, revision=REVISION)
RECORD = Identity("ModelRelease", KEY.namespace, child_name(KEY.name, REVISION))
OTHER = "9876543210"


def record() -> Document:
    return served(release(OWNER, SNAPSHOT), version=7)


class Bench:
    """Releases with a cache and a server."""

    def __init__(self, *documents: Document, seen: SeenRelease | None = None) -> None:
        self.cache = Cache()
        self.client = FakeClient(MODEL_DOCUMENT, *documents)
        if seen:
            self.cache.put(seen)
        self.releases = Releases(self.cache, self.client, RENDERER)

    async def snapshot(self, revision: str = REVISION) -> Any:  # noqa: ANN401 - compared with the sample
        return await self.releases.snapshot(MODEL, SPEC, revision)

    def requests(self) -> int:
        return len(self.client.reads) + len(self.client.writes)


def of_rich(snapshot_of_it: Any) -> bool:  # noqa: ANN401
    """Return whether it is the sample, whichever version rendered it."""
    return bool(snapshot_of_it.model_copy(update={"rendered_by": SNAPSHOT.rendered_by}) == SNAPSHOT)


async def test_a_revision_is_recorded_when_it_is_first_asked_for() -> None:
    bench = Bench()
    assert of_rich(await bench.snapshot())
    assert bench.client.writes == [Write("apply", RECORD, force=False)]
    assert releases_of(bench.cache, MODEL)


async def test_a_record_is_read_once() -> None:
    bench = Bench(record(), seen=sightings.release())
    for _ in range(3):
        assert await bench.snapshot() == SNAPSHOT
    assert (bench.client.reads, bench.client.writes) == ([RECORD], [])


async def test_a_record_outlives_a_change_of_the_spec() -> None:
    bench = Bench(record(), seen=sightings.release())
    read = await bench.releases.snapshot(MODEL, parsed(MINIMAL), REVISION)
    assert read == SNAPSHOT


async def test_a_record_that_was_forgotten_is_read_again() -> None:
    bench = Bench(record(), seen=sightings.release())
    await bench.snapshot()
    bench.releases.drop(KEY, keep=frozenset({REVISION}))
    await bench.snapshot()
    assert bench.client.reads == [RECORD]
    bench.releases.drop(KEY)
    await bench.snapshot()
    assert bench.client.reads == [RECORD, RECORD]


async def test_a_record_that_goes_while_it_is_read_is_looked_for_again() -> None:
    with pytest.raises(Retry):
        await Bench(seen=sightings.release()).snapshot()


async def test_a_record_that_was_deleted_is_written_anew_as_it_was() -> None:
    bench = Bench(record(), seen=sightings.release())
    await bench.snapshot()
    bench.cache.remove(sightings.release(version=8))
    assert await bench.releases.snapshot(MODEL, parsed(MINIMAL), REVISION) == SNAPSHOT
    assert bench.client.writes == [Write("apply", RECORD, force=False)]


def running() -> list[Document]:
    return [
        served(deployment(OWNER, SNAPSHOT, Size(3)), version=3),
        served(service(OWNER, SNAPSHOT), version=4),
    ]


async def test_a_record_that_was_deleted_unread_is_made_from_what_runs() -> None:
    bench = Bench(*running())
    bench.cache.put(sightings.child("Deployment"))
    read = await bench.releases.snapshot(MODEL, parsed(MINIMAL), REVISION)
    assert of_rich(read)
    assert running()[0]["metadata"]["annotations"] == {ANNOTATION_VERSION: read.version}
    assert bench.client.writes == [Write("apply", RECORD, force=False)]


async def test_one_of_a_revision_with_sidecars_is_made_from_what_runs_too() -> None:
    monitored = snapshot(MONITORED, revision=REVISION)
    bench = Bench(
        served(deployment(OWNER, monitored, Size(3)), version=3), served(service(OWNER, monitored), version=4)
    )
    bench.cache.put(sightings.child("Deployment"))
    read = await bench.releases.snapshot(MODEL, parsed(MINIMAL), REVISION)
    assert (read.endpoint, read.template) == (monitored.endpoint, monitored.template)


async def test_a_record_cannot_be_made_from_half_of_what_ran() -> None:
    bench = Bench(running()[0])
    bench.cache.put(sightings.child("Deployment"))
    with pytest.raises(Refused, match=r"services .* not found it cannot be made anew: apply a changed spec"):
        await bench.snapshot()
    assert bench.client.writes == []


async def test_a_record_is_not_made_from_somebody_elses_pods() -> None:
    bench = Bench(*running())
    bench.cache.put(sightings.child("Deployment", controller=SOMEBODY))
    assert of_rich(await bench.snapshot())
    assert bench.client.reads == []


async def test_a_revision_of_which_nothing_is_left_is_looked_at_again() -> None:
    bench = Bench()
    with pytest.raises(Retry, match="neither a record nor pods"):
        await bench.snapshot(OTHER)
    assert bench.requests() == 0


async def test_a_spec_that_cannot_be_rendered_is_refused() -> None:
    bench = Bench()
    with pytest.raises(Refused, match=r"endpoint\.port") as refused:
        await bench.releases.snapshot(MODEL, parsed({**RICH, "endpoint": {"port": "nowhere"}}), REVISION)
    assert refused.value.reason is Reason.RENDER_FAILED
    assert bench.requests() == 0


async def test_a_record_that_is_there_though_unseen_is_not_overwritten() -> None:
    bench = Bench()
    bench.client.refusals = [ConflictError(409, "Conflict", "another manager")]
    with pytest.raises(Retry, match="is there already"):
        await bench.snapshot()


@pytest.mark.parametrize(
    ("seen", "error"),
    [
        (sightings.release(controller=SOMEBODY), Refused),
        (sightings.release(controller=None, deployment="another"), Refused),
        (sightings.release(controller=NAMESAKE), Retry),
        (sightings.release(deleting=True), Retry),
    ],
    ids=["somebody's", "of another model", "a namesake's", "being deleted"],
)
async def test_a_record_that_is_not_ours_to_use_is_left_alone(seen: SeenRelease, error: type[Exception]) -> None:
    bench = Bench(record(), seen=seen)
    with pytest.raises(error):
        await bench.snapshot()
    with pytest.raises(error):
        await bench.releases.forget(MODEL, REVISION)
    assert bench.requests() == 0
    if error is Refused or seen.deleting:
        assert releases_of(bench.cache, MODEL) == []


async def test_a_record_that_lost_its_owner_is_adopted() -> None:
    bench = Bench(record(), seen=sightings.release(version=7, controller=None))
    await bench.releases.adopt(MODEL)
    (write,) = bench.client.writes
    assert write == Write("merge", RECORD)
    assert write.body["metadata"]["resourceVersion"] == "7"
    await bench.releases.adopt(MODEL)
    assert len(bench.client.writes) == 1
    assert [found.controller for found in releases_of(bench.cache, MODEL)] == [OURS]


async def test_a_record_that_has_its_owner_costs_no_request() -> None:
    bench = Bench(record(), seen=sightings.release())
    await bench.releases.adopt(MODEL)
    assert bench.requests() == 0


async def test_no_record_is_adopted_for_a_model_deployment_that_has_gone() -> None:
    bench = Bench(record(), seen=sightings.release(controller=None))
    del bench.client.documents[Identity("ModelDeployment", *KEY)]
    with pytest.raises(Retry):
        await bench.releases.adopt(MODEL)
    assert bench.client.writes == []


@pytest.mark.parametrize("error", [ConflictError(409, "Conflict", "changed"), NotFoundError(404, "NotFound", "gone")])
async def test_a_record_that_changes_while_it_is_adopted_is_looked_at_again(error: Exception) -> None:
    bench = Bench(record(), seen=sightings.release(controller=None))
    bench.client.refusals = [error]
    with pytest.raises(Retry, match="changed meanwhile"):
        await bench.releases.adopt(MODEL)


async def test_a_promotion_is_written_into_the_record_and_known_at_once() -> None:
    bench = Bench(record(), seen=sightings.release(version=7))
    at = datetime(2026, 11, 21, 12, 5, 0, 250_000, tzinfo=UTC)
    await bench.releases.record(MODEL, REVISION, None, at)
    (write,) = bench.client.writes
    assert (write.verb, write.body) == ("status", {"promotedAt": "2026-11-21T12:05:00.250000Z"})
    assert [found.promoted_at for found in releases_of(bench.cache, MODEL)] == [at]


async def test_the_record_that_is_deleted_is_the_one_that_was_seen() -> None:
    bench = Bench(record(), seen=sightings.release())
    await bench.releases.forget(MODEL, REVISION)
    await bench.releases.forget(MODEL, OTHER)
    assert bench.client.writes == [Write("delete", RECORD, uid=f"ModelRelease-{RECORD.name}")]


async def test_a_record_that_was_deleted_counts_no_more_before_the_watch_says_so() -> None:
    bench = Bench(record(), seen=sightings.release())
    await bench.releases.forget(MODEL, REVISION)
    assert releases_of(bench.cache, MODEL) == []


class TestAttempts:
    """The record of what was tried: written in one patch, and read only where somebody else wrote it."""

    def attempt(self, number: int = 1, **fields: Any) -> Attempt:  # noqa: ANN401 - passed on
        first = Attempt(
            number=number, started_at=CREATED, policy=Rollout(), stable=OTHER, stable_replicas=3, step=1, since=CREATED
        )
        return first.model_copy(update=fields)

    def ended(self, number: int = 1) -> Attempt:
        outcome = Outcome(result=Result.PROMOTED, reason="Serving", message="it serves", at=CREATED)
        return self.attempt(number, outcome=outcome)

    def bench(self) -> Bench:
        return Bench(record(), seen=sightings.release(version=7))

    async def test_are_known_after_they_were_written_without_a_read(self) -> None:
        bench = self.bench()
        await bench.releases.record(MODEL, REVISION, self.attempt(), None)
        assert await bench.releases.attempts(MODEL, REVISION) == (self.attempt(),)
        assert bench.client.reads == []
        assert bench.client.documents[RECORD]["status"]["result"] == "Running"

    async def test_are_read_again_when_somebody_else_wrote_the_record(self) -> None:
        bench = self.bench()
        await bench.releases.record(MODEL, REVISION, self.attempt(), None)
        document = bench.client.documents[RECORD]
        document["metadata"]["resourceVersion"] = "5000"
        bench.cache.put(seen_release(release_row(document)))
        assert await bench.releases.attempts(MODEL, REVISION) == (self.attempt(),)
        assert bench.client.reads == [RECORD]

    async def test_that_are_read_as_they_were_before_decide_nothing(self) -> None:
        """An API server may lag behind the one that the watch is from."""
        bench = self.bench()
        await bench.releases.record(MODEL, REVISION, self.attempt(), None)
        document = bench.client.documents[RECORD]
        seen = {**document, "metadata": {**document["metadata"], "resourceVersion": "5000"}}
        bench.cache.put(seen_release(release_row(seen)))
        with pytest.raises(Retry, match="as it was before"):
            await bench.releases.attempts(MODEL, REVISION)

    async def test_one_that_goes_on_takes_the_place_of_itself_and_another_comes_after_it(self) -> None:
        bench = self.bench()
        for each in (self.attempt(), self.attempt(weight=10), self.attempt(2), self.attempt(3), self.attempt(4)):
            await bench.releases.record(MODEL, REVISION, each, None)
        kept = bench.client.documents[RECORD]["status"]["attempts"]
        assert [each["number"] for each in kept] == [2, 3, 4]

    async def test_a_promotion_and_the_end_of_its_attempt_are_one_write(self) -> None:
        bench = self.bench()
        await bench.releases.record(MODEL, REVISION, self.attempt(), None)
        bench.client.writes.clear()
        await bench.releases.record(MODEL, REVISION, self.ended(), CREATED)
        (write,) = bench.client.writes
        assert (write.body["result"], write.body["promotedAt"]) == ("Promoted", "2026-11-21T12:00:00Z")
        assert await bench.releases.attempts(MODEL, REVISION) == (), "hardly anybody needs to know"
        assert bench.client.reads == []

    async def test_of_a_promoted_revision_are_read_for_who_needs_them(self) -> None:
        bench = self.bench()
        await bench.releases.record(MODEL, REVISION, self.ended(), CREATED)
        assert await bench.releases.attempts(MODEL, REVISION, also_promoted=True) == (self.ended(),)

    async def test_of_a_revision_that_is_not_asked_for_any_more_end(self) -> None:
        bench = self.bench()
        await bench.releases.record(MODEL, REVISION, self.attempt(), None)
        asked = replace(MODEL, revision=OTHER)
        await bench.releases.leave(asked, REVISION, CREATED)
        status = bench.client.documents[RECORD]["status"]
        assert status["result"] == "Ended"
        assert status["attempts"][-1]["outcome"]["message"] == f"revision {OTHER} was asked for"

    async def test_a_record_that_changed_meanwhile_is_not_written_over(self) -> None:
        bench = self.bench()
        bench.client.documents[RECORD]["metadata"]["resourceVersion"] = "8"
        with pytest.raises(Retry, match="changed meanwhile"):
            await bench.releases.record(MODEL, REVISION, self.attempt(), None)

    async def test_that_somebody_deleted_from_the_record_are_none(self) -> None:
        bench = self.bench()
        document = bench.client.documents[RECORD]
        document["status"] = {"result": "RolledBack"}
        bench.cache.put(
            seen_release(release_row(document | {"metadata": {**document["metadata"], "resourceVersion": "8"}}))
        )
        document["metadata"]["resourceVersion"] = "8"
        assert await bench.releases.attempts(MODEL, REVISION) == ()
        await bench.releases.leave(MODEL, REVISION, CREATED)
        assert bench.client.documents[RECORD]["status"]["result"] == "Ended"
