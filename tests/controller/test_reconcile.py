"""A reconcile against a server that keeps documents: what must not be lost, and what a status must not claim."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from serinus.api.names import LABEL_DEPLOYMENT, child_name
from serinus.api.reasons import Reason
from serinus.cluster.cache import Cache
from serinus.cluster.errors import ForbiddenError, Retry, ServerError
from serinus.cluster.events import Events
from serinus.cluster.objects import Identity, SeenChild, SeenModelDeployment, release_row, seen, seen_release
from serinus.controller.keys import Keys
from serinus.controller.reconcile import Reconciler
from serinus.controller.room import Limits, Room
from serinus.render.revision import revision_of
from tests.cluster_layer.sightings import KEY, MODEL_UID
from tests.controller.fake_client import FakeClient, Write
from tests.render.samples import MINIMAL, RENDERER, UNMONITORED

Document = dict[str, Any]

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
REVISION = revision_of(UNMONITORED | MINIMAL)
MODEL = Identity("ModelDeployment", *KEY)
ADDRESS = Identity("Service", *KEY)
RECORD = Identity("ModelRelease", KEY.namespace, child_name(KEY.name, REVISION))
PODS = Identity("Deployment", KEY.namespace, child_name(KEY.name, REVISION))
NONCE = "9f86d081884c7d65"
FORBIDDEN = ForbiddenError(403, "Forbidden", "exceeded quota")


class QuietEvents(Events):
    """Sends none."""

    def __init__(self) -> None:
        pass

    async def send(self, *_: object, **__: object) -> None:
        pass


class Bench:
    """An operator's reconcile of one ModelDeployment, with a cache that the test may keep from seeing."""

    def __init__(self) -> None:
        document = {
            "kind": "ModelDeployment",
            "metadata": {
                "name": KEY.name,
                "namespace": KEY.namespace,
                "uid": MODEL_UID,
                "resourceVersion": "1",
                "generation": 1,
                "creationTimestamp": "2026-11-21T11:59:00Z",
            },
            "spec": {**UNMONITORED, **MINIMAL, "replicas": 2},
            "status": {"observedGeneration": -1},
        }
        self.client = FakeClient(document)
        self.cache = Cache()
        self.cache.put(seen("ModelDeployment", document))
        self.now = NOW
        self.seconds_a_look = 0
        self.reconciler = Reconciler(
            self.cache,
            self.client,
            QuietEvents(),
            room=Room(Limits(), self.cache, wake=lambda _: None),
            keys=Keys(self.client, "serinus-system"),
            renderer=RENDERER,
            clock=self._clock,
            nonce=lambda: NONCE,
            obstacle_seconds=30,
        )

    def _clock(self) -> datetime:
        self.now += timedelta(seconds=self.seconds_a_look)
        return self.now

    async def reconcile(self) -> float | None:
        return await self.reconciler.reconcile(KEY)

    async def serves(self) -> None:
        """Bring it to where its revision is promoted and serves."""
        await self.reconcile()
        self.pods_are_ready(PODS)
        await self.reconcile()
        assert self.condition("Ready")["status"] == "True"
        self.client.writes.clear()

    def pods_are_ready(self, deployment: Identity) -> None:
        def ready(document: Document) -> None:
            document["status"] = {"readyReplicas": document["spec"]["replicas"]}

        self.change(deployment, ready)

    def change(self, identity: Identity, how: Callable[[Document], None], *, noticed: bool = True) -> None:
        """Somebody else changes an object; whether the watch says so is the test's to say."""
        document = json.loads(json.dumps(self.client.documents[identity]))
        how(document)
        document["metadata"]["resourceVersion"] = str(self.client.next_version())
        self.client.documents[identity] = document
        if noticed:
            self.sees(document)

    def sees(self, document: Document) -> None:
        if document["kind"] == "ModelRelease":
            self.cache.put(seen_release(release_row(document)))
        else:
            self.cache.put(seen(document["kind"], document))

    def condition(self, kind: str) -> Document:
        conditions = self.client.documents[MODEL]["status"]["conditions"]
        found: Document = next(each for each in conditions if each["type"] == kind)
        return found

    def model(self) -> SeenModelDeployment:
        found = self.cache.model(KEY)
        assert found
        return found


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_spec_that_changes_while_the_status_is_written_is_not_taken_for_seen(bench: Bench) -> None:
    """The reply to our write would bring it into the cache, and the watch's news of it would then be no news."""

    def another_spec(document: Document) -> None:
        document["metadata"]["generation"] = 2

    bench.change(MODEL, another_spec, noticed=False)
    with pytest.raises(Retry, match="changed meanwhile"):
        await bench.reconcile()
    assert bench.model().generation == 1


async def test_a_record_without_its_label_is_still_a_record(bench: Bench) -> None:
    await bench.serves()

    def unlabel(document: Document) -> None:
        del document["metadata"]["labels"][LABEL_DEPLOYMENT]

    bench.change(RECORD, unlabel)
    for _ in range(3):
        await bench.reconcile()
    assert bench.client.writes == []


async def test_a_service_of_somebody_else_is_not_available(bench: Bench) -> None:
    metadata = {
        "name": KEY.name,
        "namespace": KEY.namespace,
        "uid": "theirs",
        "resourceVersion": "1",
        "creationTimestamp": "2026-11-21T11:00:00Z",
    }
    bench.client.documents[ADDRESS] = {"kind": "Service", "metadata": metadata, "spec": {}}
    await bench.reconcile()
    bench.pods_are_ready(PODS)
    await bench.reconcile()
    assert bench.condition("Ready")["reason"] == Reason.NAME_CONFLICT
    assert bench.condition("Available")["status"] == "False"


@pytest.mark.parametrize(
    "error", [FORBIDDEN, ServerError("500", "failed calling webhook: no endpoints")], ids=["quota", "webhook"]
)
async def test_a_record_that_is_refused_is_told(bench: Bench, error: Exception) -> None:
    bench.client.refusals = [error] * 20
    bench.client.refuses = lambda write: write.identity.kind != "ModelDeployment"
    assert await bench.reconcile() == 30
    ready = bench.condition("Ready")
    assert ready["reason"] == Reason.REQUEST_REFUSED
    assert f"the API server refuses ModelRelease {RECORD.name}: " in ready["message"]


async def test_a_deletion_that_is_refused_is_told(bench: Bench) -> None:
    await bench.serves()
    budget = Identity("PodDisruptionBudget", KEY.namespace, PODS.name)

    def one_pod(document: Document) -> None:
        document["spec"]["replicas"] = 1
        document["metadata"]["generation"] = 2

    assert budget in bench.client.documents
    bench.change(MODEL, one_pod)
    bench.client.refusals = [FORBIDDEN]
    bench.client.refuses = lambda write: write.verb == "delete"
    await bench.reconcile()
    assert f"the API server refuses PodDisruptionBudget {PODS.name}: " in bench.condition("Ready")["message"]


async def test_nothing_goes_for_a_reason_that_is_not_on_record(bench: Bench) -> None:
    """The deadline passes while the pods are being asked for."""
    await bench.serves()

    def another_template(document: Document) -> None:
        document["spec"]["template"] = {**MINIMAL["template"], "metadata": {"labels": {"team": "risk"}}}
        document["metadata"]["generation"] = 2

    bench.change(MODEL, another_template)
    bench.seconds_a_look = 400
    with pytest.raises(Retry, match="has gone on"):
        await bench.reconcile()
    assert [write for write in bench.client.writes if write.verb == "delete"] == []


async def test_a_copy_of_the_pods_counts_for_nothing_and_is_left_alone(bench: Bench) -> None:
    await bench.serves()
    pods = bench.cache.find(PODS)
    assert isinstance(pods, SeenChild)
    copy = replace(pods, identity=PODS._replace(name=f"{PODS.name}-debug"), uid="of-the-copy", controller=None)
    bench.cache.put(copy)

    def none_ready(document: Document) -> None:
        document["status"] = {}

    bench.change(PODS, none_ready)
    await bench.reconcile()
    assert bench.condition("Available")["status"] == "False"

    def zero(document: Document) -> None:
        document["spec"]["replicas"] = 0

    bench.change(MODEL, zero)
    await bench.reconcile()
    assert Write("delete", copy.identity, uid=copy.uid) not in bench.client.writes
