"""The Service at a model's address: whose it may be, when one of the user's is taken over, and when it is put back."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from serinus.api.names import ANNOTATION_BEFORE, ANNOTATION_CONSENT, LABEL_DEPLOYMENT, child_name
from serinus.api.reasons import Reason
from serinus.cluster.cache import Cache
from serinus.cluster.errors import ConflictError, NotFoundError, Refused, Retry
from serinus.cluster.objects import Identity, seen
from serinus.controller.address import Address
from serinus.controller.children import Children
from serinus.render.children import Owner, address, deployment
from serinus.render.intent import sealed
from serinus.render.takeover import Before, taken_over
from serinus.rollout.view import Size
from tests.cluster_layer.sightings import CREATED, KEY, MODEL_UID, NAMESAKE, REVISION, SOMEBODY, model, release
from tests.controller.fake_client import TAKEN, FakeClient, Write, served
from tests.render.samples import MINIMAL, snapshot

Document = dict[str, Any]
Change = Callable[[Document], object]

OWNER = Owner(KEY.name, KEY.namespace, MODEL_UID)
MODEL = model()
SNAPSHOT = snapshot(MINIMAL, revision=REVISION)
SERVICE = address(OWNER, SNAPSHOT)
ADDRESS = Identity("Service", *KEY)
PODS = Identity("Deployment", KEY.namespace, child_name(KEY.name, REVISION))
MODEL_ADDRESS = Identity("ModelDeployment", *KEY)
PORT = {"port": 80, "protocol": "TCP", "targetPort": 5000}
BEFORE = Before(selector={"app": "old"}, ports=[PORT])
UNREADABLE = "no JSON"


def theirs(*changes: Change) -> Document:
    """Return the user's Service, which may be taken over."""
    document: Document = {
        "kind": "Service",
        "metadata": {
            "name": KEY.name,
            "namespace": KEY.namespace,
            "uid": "of-their-service",
            "resourceVersion": "7",
            "creationTimestamp": "2026-11-20T12:00:00Z",
            "annotations": {ANNOTATION_CONSENT: KEY.name},
        },
        "spec": {"clusterIP": "10.0.0.7", "selector": {"app": "old"}, "ports": [PORT]},
    }
    for change in changes:
        change(document)
    return document


def taken(*changes: Change) -> Document:
    """Return the same Service after we took it over."""
    document = served(sealed(taken_over(SERVICE, BEFORE)), version=8, known=theirs()["metadata"])
    for change in changes:
        change(document)
    return document


def pods(ready: int, *, uid: str | None = MODEL_UID) -> Document:
    """Return a revision's Deployment, of a ModelDeployment with this UID or of none."""
    manifest = deployment(Owner(KEY.name, KEY.namespace, uid or ""), SNAPSHOT, Size(2))
    if uid is None:
        del manifest["metadata"]["ownerReferences"]
    return {**served(sealed(manifest), version=3), "status": {"readyReplicas": ready}}


def model_document(**metadata: Any) -> Document:  # noqa: ANN401 - JSON
    metadata = {"name": KEY.name, "namespace": KEY.namespace, "uid": MODEL_UID, **metadata}
    return {"kind": "ModelDeployment", "metadata": metadata}


def annotated(name: str, value: str | None) -> Change:
    def change(document: Document) -> None:
        annotations = {**document["metadata"]["annotations"], name: value}
        document["metadata"]["annotations"] = {key: text for key, text in annotations.items() if text is not None}

    return change


def labelled(document: Document) -> None:
    document["metadata"]["labels"] = {LABEL_DEPLOYMENT: KEY.name}


def without_label(document: Document) -> None:
    document["metadata"]["labels"] = {}


def owned_by(owner: Any) -> Change:  # noqa: ANN401 - a Controller
    def change(document: Document) -> None:
        reference = {"kind": owner.kind, "name": owner.name, "uid": owner.uid, "controller": True}
        document["metadata"]["ownerReferences"] = [reference]

    return change


def spec(**fields: Any) -> Change:  # noqa: ANN401 - JSON
    return lambda document: document.update(spec={**document["spec"], **fields})


def going(document: Document) -> None:
    document["metadata"]["deletionTimestamp"] = "2026-11-21T12:01:00Z"


class Bench:
    """An address with a cache and a server. A Service without our label is not in the cache: it is not watched."""

    def __init__(
        self,
        *documents: Document,
        promoted: bool = True,
        there: Document | None = None,
        unseen: tuple[str, ...] = (),
    ) -> None:
        self.client = FakeClient(there or model_document(), *documents)
        self.cache = Cache()
        for document in documents:
            if document["kind"] not in unseen and LABEL_DEPLOYMENT in document["metadata"].get("labels", {}):
                self.cache.put(seen(document["kind"], document))
        if promoted:
            self.cache.put(replace(release(), promoted_at=CREATED))
        self.address = Address(self.cache, self.client, Children(self.cache, self.client))

    async def ensure(self) -> list[Write]:
        await self.address.ensure(MODEL, SERVICE, REVISION)
        return self.client.writes

    async def leave(self) -> list[Write]:
        await self.address.leave(KEY)
        return self.client.writes

    async def put_back_if_unserved(self) -> list[Write]:
        await self.address.put_back_if_unserved(MODEL)
        return self.client.writes

    def without_model(self) -> "Bench":
        del self.client.documents[MODEL_ADDRESS]
        return self

    @property
    def service(self) -> Document:
        return self.client.documents[ADDRESS]

    def is_as_before(self) -> bool:
        metadata, now = self.service["metadata"], self.service["spec"]
        assert now["selector"] == {"app": "old"}
        assert now["ports"] == [PORT]
        assert metadata["annotations"] == {ANNOTATION_CONSENT: KEY.name}
        assert metadata["labels"] == {}
        return self.cache.find(ADDRESS) is None


async def test_where_nothing_is_it_is_made() -> None:
    bench = Bench()
    assert await bench.ensure() == [Write("apply", ADDRESS, force=False)]
    assert await bench.ensure() == [Write("apply", ADDRESS, force=False)]


async def test_one_of_ours_that_was_not_seen_yet_is_written_over() -> None:
    bench = Bench(served(sealed(SERVICE), version=7), unseen=("Service",))
    bench.client.refusals = [TAKEN]
    assert await bench.ensure() == [Write("apply", ADDRESS, force=False), Write("apply", ADDRESS)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param(
            [annotated(ANNOTATION_CONSENT, None)],
            "was made by somebody else and is left untouched: delete it, or give this ModelDeployment another name, or "
            "annotate it with serinus.dev/allow-takeover: fraud to have it taken over once the model is ready",
            id="nobody allowed it",
        ),
        pytest.param(
            [annotated(ANNOTATION_CONSENT, "fruad")],
            "it lets itself be taken over by fruad: set serinus.dev/allow-takeover to fraud, delete it, or give",
            id="another may",
        ),
        pytest.param([spec(clusterIP="None")], "it is headless .* cannot be taken over: delete it", id="headless"),
        pytest.param([spec(type="ExternalName", selector=None)], "of type ExternalName", id="an external name"),
        pytest.param([spec(selector=None)], "it has no selector", id="no selector"),
        pytest.param([owned_by(SOMEBODY)], "belongs to Database ledger and is left untouched", id="somebody's"),
        pytest.param([owned_by(SOMEBODY), labelled], "belongs to Database ledger", id="somebody's, with our label"),
        pytest.param(
            [owned_by(SOMEBODY), annotated(ANNOTATION_BEFORE, BEFORE.text())],
            "belongs to Database ledger",
            id="somebody's, with all our marks",
        ),
    ],
)
async def test_what_may_not_be_taken_over_is_left_alone(changes: list[Change], words: str) -> None:
    bench = Bench(theirs(*changes), pods(2))
    with pytest.raises(Refused, match=f"^Service fraud .*{words}") as refused:
        await bench.ensure()
    assert refused.value.reason is Reason.NAME_CONFLICT
    assert bench.client.writes == []


async def test_what_could_not_be_taken_over_anyway_gets_no_such_advice() -> None:
    bench = Bench(theirs(annotated(ANNOTATION_CONSENT, None), spec(clusterIP="None")), pods(2))
    with pytest.raises(Refused, match=r"another name$"):
        await bench.ensure()


async def test_what_a_deleted_namesake_left_is_waited_for() -> None:
    bench = Bench(theirs(owned_by(NAMESAKE)), pods(2))
    with pytest.raises(Retry, match="belongs to a deleted namesake"):
        await bench.ensure()


@pytest.mark.parametrize(
    ("documents", "promoted"),
    [
        pytest.param([], True, id="no pods"),
        pytest.param([pods(0)], True, id="no pod is ready"),
        pytest.param([pods(2)], False, id="not promoted"),
        pytest.param([pods(2, uid=NAMESAKE.uid)], True, id="the pods of a namesake"),
    ],
)
async def test_it_goes_on_as_it_was_until_a_promoted_revision_has_ready_pods(
    documents: list[Document], *, promoted: bool
) -> None:
    assert await Bench(theirs(), *documents, promoted=promoted).ensure() == []


async def test_then_one_write_makes_it_ours_but_for_an_owner() -> None:
    bench = Bench(theirs(), pods(1))
    (write,) = await bench.ensure()
    assert write == Write("apply", ADDRESS, force=True)
    assert write.body["metadata"]["resourceVersion"] == "7"
    assert "ownerReferences" not in write.body["metadata"]
    assert write.body["spec"]["selector"] == SERVICE["spec"]["selector"]
    assert json.loads(write.body["metadata"]["annotations"][ANNOTATION_BEFORE]) == BEFORE.model_dump()
    assert await bench.ensure() == [write]


async def test_killed_before_it_heard_of_its_write_it_still_knows_what_was_before() -> None:
    bench = Bench(theirs(), pods(1))
    await bench.ensure()
    restarted = Bench(bench.service, pods(1))
    assert await restarted.ensure() == []
    behind = Bench(bench.service, pods(1), unseen=("Service",))
    await behind.ensure()
    assert "ownerReferences" not in behind.service["metadata"]
    assert Before.read(behind.service["metadata"]["annotations"][ANNOTATION_BEFORE]) == BEFORE


async def test_it_stays_ours_without_the_consent() -> None:
    bench = Bench(taken(annotated(ANNOTATION_CONSENT, None)), pods(2))
    assert await bench.ensure() == []


@pytest.mark.parametrize("ready", [0, 2])
@pytest.mark.parametrize("consent", [KEY.name, None])
async def test_a_taken_one_that_lost_its_label_is_labelled_and_remembers(ready: int, consent: str | None) -> None:
    bench = Bench(taken(without_label, annotated(ANNOTATION_CONSENT, consent)), pods(ready))
    await bench.ensure()
    assert bench.service["metadata"]["labels"] == {LABEL_DEPLOYMENT: KEY.name}
    assert Before.read(bench.service["metadata"]["annotations"][ANNOTATION_BEFORE]) == BEFORE


async def test_a_taken_one_that_somebody_changed_is_put_right_and_remembers() -> None:
    document = taken()
    del document["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:selector"]
    bench = Bench(document, pods(2))
    (write,) = await bench.ensure()
    assert write.body["spec"]["selector"] == SERVICE["spec"]["selector"]
    assert Before.read(write.body["metadata"]["annotations"][ANNOTATION_BEFORE]) == BEFORE


@pytest.mark.parametrize("change", [labelled, without_label])
async def test_what_it_was_before_must_be_readable(change: Change) -> None:
    bench = Bench(taken(annotated(ANNOTATION_BEFORE, UNREADABLE), change), pods(2))
    with pytest.raises(Refused, match="cannot be read: put the annotation right, or delete the Service") as refused:
        await bench.ensure()
    assert refused.value.reason is Reason.NAME_CONFLICT


async def test_one_that_changed_since_it_was_read_is_looked_at_again() -> None:
    bench = Bench(theirs(), pods(2))
    bench.client.refusals = [ConflictError(409, "Conflict", "changed")]
    with pytest.raises(Retry, match="changed meanwhile"):
        await bench.ensure()


async def test_one_that_is_going_is_waited_for() -> None:
    with pytest.raises(Retry, match="is being deleted"):
        await Bench(theirs(going), pods(2)).ensure()


async def test_nothing_is_taken_over_for_a_model_deployment_that_does_not_stay() -> None:
    bench = Bench(theirs(), pods(2)).without_model()
    with pytest.raises(Retry, match="gone"):
        await bench.ensure()
    assert bench.client.writes == []


@pytest.mark.parametrize(
    "there", [None, model_document(deletionTimestamp="2026-11-21T12:01:00Z", finalizers=["foregroundDeletion"])]
)
@pytest.mark.parametrize("left", [pods(2), pods(0)])
async def test_it_is_put_back_when_its_model_is_gone_or_going(there: Document | None, left: Document) -> None:
    bench = Bench(taken(), left, there=there)
    if there is None:
        bench.without_model()
    (write,) = await bench.leave()
    assert write.body["metadata"]["resourceVersion"] == "8"
    assert bench.is_as_before()
    assert await bench.leave() == [write]


@pytest.mark.parametrize(
    ("service", "left", "there"),
    [
        pytest.param(taken(), [], model_document(uid="of-its-successor"), id="there is one again"),
        pytest.param(
            taken(),
            [pods(2)],
            model_document(deletionTimestamp="2026-11-21T12:01:00Z", finalizers=["orphan"]),
            id="it is about to leave its pods running",
        ),
        pytest.param(taken(), [pods(0, uid=None)], None, id="its pods were left running"),
        pytest.param(taken(going), [], None, id="the Service is going"),
        pytest.param(taken(owned_by(SOMEBODY)), [], None, id="it is somebody's"),
        pytest.param(served(sealed(SERVICE), version=8), [], None, id="it never was a user's"),
        pytest.param(theirs(), [], None, id="it was not taken over"),
        pytest.param(taken(annotated(ANNOTATION_BEFORE, UNREADABLE)), [], None, id="nobody knows what it was"),
    ],
)
async def test_it_is_left_as_it_is(service: Document, left: list[Document], there: Document | None) -> None:
    bench = Bench(service, *left, there=there)
    if there is None:
        bench.without_model()
    assert await bench.leave() == []


async def test_a_service_that_went_meanwhile_needs_nothing() -> None:
    bench = Bench(taken()).without_model()
    del bench.client.documents[ADDRESS]
    assert await bench.leave() == []


@pytest.mark.parametrize("error", [ConflictError(409, "Conflict", "changed"), NotFoundError(404, "NotFound", "gone")])
async def test_one_that_changes_while_it_is_put_back_is_looked_at_again(error: Exception) -> None:
    bench = Bench(taken()).without_model()
    bench.client.refusals = [error]
    with pytest.raises(Retry, match="changed meanwhile"):
        await bench.leave()
    await bench.leave()
    assert bench.is_as_before()


@pytest.mark.parametrize("left", [[], [pods(2, uid=NAMESAKE.uid)], [pods(0)]])
async def test_it_is_put_back_until_a_successor_of_the_same_name_serves(left: list[Document]) -> None:
    bench = Bench(taken(), *left, promoted=False)
    await bench.put_back_if_unserved()
    assert bench.is_as_before()


@pytest.mark.parametrize(
    ("service", "left", "promoted"),
    [
        pytest.param(taken(), [pods(0)], True, id="promoted, and its pods failed"),
        pytest.param(taken(), [pods(2)], False, id="it serves, and its records were deleted"),
        pytest.param(taken(), [pods(2, uid=None)], False, id="it serves, and lost its owner"),
        pytest.param(served(sealed(SERVICE), version=8), [], False, id="it never was a user's"),
        pytest.param(theirs(), [], False, id="it is not taken over yet"),
    ],
)
async def test_otherwise_it_stays_with_its_model(service: Document, left: list[Document], *, promoted: bool) -> None:
    assert await Bench(service, *left, promoted=promoted).put_back_if_unserved() == []
