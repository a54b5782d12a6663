"""What is written for a child, and what is raised, by what is there already and whose it is."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from serinus.api.names import FIELD_MANAGER, HANDOVER_MANAGER, LABEL_DEPLOYMENT, child_name
from serinus.api.reasons import Reason
from serinus.cluster.cache import Cache
from serinus.cluster.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, Refused, Retry
from serinus.cluster.objects import Identity, SeenChild, seen
from serinus.controller.children import Children
from serinus.render.children import Owner, address, deployment
from serinus.render.intent import sealed
from serinus.rollout.view import Size
from tests.cluster_layer.sightings import KEY, MODEL_UID, NAMESAKE, REVISION, SOMEBODY, child, model, route
from tests.controller.fake_client import TAKEN, FakeClient, Write, address_of, served
from tests.render.samples import MINIMAL, snapshot

Document = dict[str, Any]
Change = Callable[[Document], None]

OWNER = Owner(KEY.name, KEY.namespace, MODEL_UID)
MODEL = model()
MODEL_DOCUMENT: Document = {
    "kind": "ModelDeployment",
    "metadata": {"name": KEY.name, "namespace": KEY.namespace, "uid": MODEL_UID},
}
SERVICE = address(OWNER, snapshot(MINIMAL, revision=REVISION))
AUTOSCALED = deployment(OWNER, snapshot(MINIMAL, revision=REVISION), Size(1))
ADDRESS = Identity("Service", *KEY)
PODS = Identity("Deployment", KEY.namespace, child_name(KEY.name, REVISION))


def on_server(*changes: Change) -> Document:
    """Return our Service as the server has it, with what others did to it."""
    document = served(sealed(SERVICE), version=7)
    document["metadata"] = {**document["metadata"], "annotations": {**document["metadata"]["annotations"]}}
    for change in changes:
        change(document)
    return document


def another_intent(document: Document) -> None:
    document["metadata"]["annotations"]["serinus.dev/intent"] = "of-another-spec"


def field_taken(document: Document) -> None:
    del document["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:selector"]


def going(document: Document) -> None:
    document["metadata"]["deletionTimestamp"] = "2026-11-21T12:01:00Z"


def without_owner(document: Document) -> None:
    del document["metadata"]["ownerReferences"]


def without_labels(document: Document) -> None:
    document["metadata"]["labels"] = {}


def of_namesake(document: Document) -> None:
    document["metadata"]["ownerReferences"] = [
        {"kind": NAMESAKE.kind, "name": NAMESAKE.name, "uid": NAMESAKE.uid, "controller": True}
    ]


def of_somebody(document: Document) -> None:
    document["metadata"]["ownerReferences"] = [
        {"kind": SOMEBODY.kind, "name": SOMEBODY.name, "uid": SOMEBODY.uid, "controller": True}
    ]


class Bench:
    """Children with a cache and a server."""

    def __init__(self, *documents: Document, cached: tuple[Document, ...] | None = None) -> None:
        self.cache = Cache()
        self.client = FakeClient(MODEL_DOCUMENT, *documents)
        for document in documents if cached is None else cached:
            self.cache.put(seen(document["kind"], document))
        self.children = Children(self.cache, self.client)

    async def ensure(self) -> list[Write]:
        await self.children.ensure(MODEL, SERVICE)
        return self.client.writes

    async def hand_over(self, pods: int = 2) -> list[Write]:
        await self.children.hand_over(MODEL, AUTOSCALED, pods)
        return self.client.writes

    def unseen(self) -> "Bench":
        """Return the same where the watch has not brought the objects yet."""
        documents = [document for document in self.client.documents.values() if document is not MODEL_DOCUMENT]
        return Bench(*documents, cached=())


async def test_what_is_missing_is_created_without_force() -> None:
    bench = Bench()
    (write,) = await bench.ensure()
    assert write == Write("apply", ADDRESS, force=False)
    assert "resourceVersion" not in write.body["metadata"]
    assert isinstance(bench.cache.find(ADDRESS), SeenChild)


async def test_what_was_written_a_moment_ago_is_not_written_again() -> None:
    bench = Bench()
    await bench.ensure()
    await bench.ensure()
    assert len(bench.client.writes) == 1


NO_ROOM = InvalidError(422, "Invalid", 'spec.ports[1].name: Duplicate value: "http"')


async def test_an_item_of_a_list_that_somebody_renamed_goes_before_ours_comes_back() -> None:
    """An apply would put our port beside theirs."""
    bench = Bench(on_server(field_taken))
    bench.client.refusals = [NO_ROOM]
    refused, over, again = await bench.ensure()
    assert (refused.verb, over.verb, again.verb) == ("apply", "merge", "apply")
    assert over.body == {"metadata": {"resourceVersion": "7"}, "spec": SERVICE["spec"]}
    assert again.body["metadata"]["resourceVersion"] == str(1000)
    assert await bench.ensure() == [refused, over, again]


async def test_an_intent_that_was_never_applied_is_refused_without_another_try() -> None:
    bench = Bench(on_server(another_intent))
    bench.client.refusals = [NO_ROOM]
    with pytest.raises(Refused):
        await bench.ensure()
    assert [write.verb for write in bench.client.writes] == ["apply"]


async def test_what_cannot_be_written_over_either_is_refused_in_the_servers_first_words() -> None:
    bench = Bench(on_server(field_taken))
    bench.client.refusals = [NO_ROOM, InvalidError(422, "Invalid", "something else")]
    with pytest.raises(Refused, match="Duplicate value"):
        await bench.ensure()


async def test_what_is_as_it_should_be_costs_no_request() -> None:
    bench = Bench(on_server())
    assert await bench.ensure() == []
    assert bench.client.reads == []


@pytest.mark.parametrize("change", [another_intent, field_taken])
async def test_what_differs_is_corrected_on_the_version_that_was_seen(change: Change) -> None:
    bench = Bench(on_server(change))
    (write,) = await bench.ensure()
    assert write == Write("apply", ADDRESS, force=True)
    assert write.body["metadata"]["resourceVersion"] == "7"
    await bench.ensure()
    assert len(bench.client.writes) == 1


@pytest.mark.parametrize("changes", [[without_owner], [without_owner, another_intent]])
async def test_what_lost_its_owner_is_adopted(changes: list[Change]) -> None:
    bench = Bench(on_server(*changes))
    (write,) = await bench.ensure()
    assert write == Write("apply", ADDRESS, force=True)
    assert write.body["metadata"]["ownerReferences"][0]["uid"] == MODEL_UID
    assert write.body["metadata"]["resourceVersion"] == "7"


@pytest.mark.parametrize(
    "metadata",
    [None, {"uid": "of-its-successor"}, {"uid": MODEL_UID, "deletionTimestamp": "2026-11-21T12:01:00Z"}],
    ids=["gone", "made anew", "going"],
)
async def test_nothing_is_adopted_for_a_model_deployment_that_does_not_stay(metadata: Document | None) -> None:
    bench = Bench(on_server(without_owner))
    del bench.client.documents[address_of(MODEL_DOCUMENT)]
    if metadata:
        bench.client.documents[address_of(MODEL_DOCUMENT)] = {**MODEL_DOCUMENT, "metadata": metadata}
    with pytest.raises(Retry):
        await bench.ensure()
    assert bench.client.writes == []


@pytest.mark.parametrize(
    ("changes", "whose"),
    [
        ([of_somebody], "belongs to Database ledger"),
        ([of_somebody, another_intent], "belongs to Database ledger"),
        ([of_somebody, going], "belongs to Database ledger"),
        ([without_owner, without_labels], "was made by somebody else"),
    ],
)
async def test_what_is_somebody_elses_is_left_alone(changes: list[Change], whose: str) -> None:
    bench = Bench(on_server(*changes))
    with pytest.raises(Refused, match=f"Service fraud {whose} and is left untouched") as refused:
        await bench.ensure()
    assert refused.value.reason is Reason.NAME_CONFLICT
    assert bench.client.writes == []


async def test_what_a_deleted_namesake_left_is_waited_for() -> None:
    bench = Bench(on_server(of_namesake))
    with pytest.raises(Retry, match="belongs to a deleted namesake") as retry:
        await bench.ensure()
    assert retry.value.after == 1
    assert bench.client.writes == []


async def test_what_is_being_deleted_is_waited_for() -> None:
    bench = Bench(on_server(going))
    with pytest.raises(Retry, match="is being deleted") as retry:
        await bench.ensure()
    assert retry.value.after == 1
    assert bench.client.writes == []
    bench.client.documents.clear()
    with pytest.raises(Retry):
        await bench.ensure()
    assert await bench.ensure() == [Write("apply", ADDRESS, force=False)], "the watch need not say that it went"


async def test_a_conflict_with_changes_to_our_own_object_is_won() -> None:
    bench = Bench(on_server()).unseen()
    bench.client.refusals = [TAKEN]
    assert await bench.ensure() == [Write("apply", ADDRESS, force=False), Write("apply", ADDRESS, force=True)]


async def test_a_conflict_with_somebody_elses_object_is_not() -> None:
    bench = Bench(on_server(of_somebody)).unseen()
    bench.client.refusals = [TAKEN]
    with pytest.raises(Refused):
        await bench.ensure()
    assert bench.client.writes == [Write("apply", ADDRESS, force=False)]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (InvalidError(422, "Invalid", "spec.ports: no"), Reason.RENDER_FAILED),
        (ForbiddenError(403, "Forbidden", "exceeded quota"), Reason.REQUEST_REFUSED),
    ],
)
async def test_what_the_server_refuses_is_told_in_its_words(
    error: InvalidError | ForbiddenError, reason: Reason
) -> None:
    bench = Bench()
    bench.client.refusals = [error]
    with pytest.raises(Refused) as refused:
        await bench.ensure()
    assert refused.value.reason is reason
    assert refused.value.message == f"the API server refuses Service fraud: {error.message}"
    assert bench.cache.find(ADDRESS) is None


@pytest.mark.parametrize("error", [ConflictError(409, "Conflict", "changed"), NotFoundError(404, "NotFound", "gone")])
async def test_an_object_that_changed_since_it_was_seen_is_looked_at_again(error: Exception) -> None:
    bench = Bench(on_server(another_intent))
    bench.client.refusals = [error]
    with pytest.raises(Retry):
        await bench.ensure()
    assert len(bench.client.writes) == 1


SCALER: Final = "kube-controller-manager"


def own_pods(replicas: int, owner: str | None = FIELD_MANAGER) -> Document:
    """Return our Deployment at a size that somebody owns, or nobody."""
    manifest = {**AUTOSCALED, "spec": {**AUTOSCALED["spec"], "replicas": replicas}}
    document = served(sealed(manifest), version=7)
    if owner != FIELD_MANAGER:
        owned = document["metadata"]["managedFields"]
        fields = {"f:spec": {"f:replicas": owned[0]["fieldsV1"]["f:spec"].pop("f:replicas")}}
        if owner:
            owned.append({"manager": owner, "operation": "Update", "subresource": "scale", "fieldsV1": fields})
    return document


@pytest.mark.parametrize(
    ("replicas", "owner", "least", "written"),
    [
        pytest.param(4, FIELD_MANAGER, 2, 4, id="larger than the least, and ours: it keeps its size"),
        pytest.param(1, FIELD_MANAGER, 2, 2, id="smaller, and ours: it grows"),
        pytest.param(1, None, 2, 2, id="made without a size: it gets the least"),
        pytest.param(0, SCALER, 2, 2, id="an autoscaler does not start what is at zero"),
        pytest.param(4, SCALER, 2, None, id="handed over already"),
        pytest.param(2, SCALER, 2, None, id="handed over at the least size"),
        pytest.param(2, SCALER, 4, None, id="handed over, and the least has grown: that is the autoscaler's to do"),
        pytest.param(2, HANDOVER_MANAGER, 4, None, id="the same before the autoscaler has changed it"),
    ],
)
async def test_replicas_are_handed_over(replicas: int, owner: str | None, least: int, written: int | None) -> None:
    bench = Bench(own_pods(replicas, owner))
    writes = await bench.hand_over(least)
    assert [write.body["spec"] for write in writes] == ([{"replicas": written}] if written is not None else [])
    for write in writes:
        assert (write.identity, write.manager) == (PODS, HANDOVER_MANAGER)
        assert write.body["metadata"]["uid"] == f"Deployment-{PODS.name}"


async def test_a_deployment_that_is_not_there_has_nothing_to_hand_over() -> None:
    assert await Bench().hand_over() == []


async def test_the_replicas_of_somebody_elses_deployment_are_left_alone() -> None:
    document = own_pods(1)
    of_somebody(document)
    bench = Bench(document)
    with pytest.raises(Refused):
        await bench.hand_over()
    assert bench.client.writes == []


async def test_a_child_is_deleted_once_and_no_other_of_its_name() -> None:
    bench = Bench(own_pods(1))
    for _ in range(2):
        found = bench.cache.find(PODS)
        assert isinstance(found, SeenChild)
        await bench.children.delete(MODEL, found)
    assert bench.client.writes == [Write("delete", PODS, uid=f"Deployment-{PODS.name}")]


async def test_a_route_that_is_to_go_is_asked_for_until_it_is_gone() -> None:
    """A watch that breaks just then never says so, and a rollout waits for it."""
    bench, going_route = Bench(), route()
    bench.cache.put(going_route)
    bench.cache.mark_deleting(going_route)
    found = bench.cache.find(going_route.identity)
    assert isinstance(found, SeenChild)
    await bench.children.delete(MODEL, found)
    assert bench.cache.find(going_route.identity) is None
    assert bench.client.writes == []


@pytest.mark.parametrize("controller", [SOMEBODY, NAMESAKE])
async def test_what_is_somebody_elses_is_not_deleted(controller: Any) -> None:  # noqa: ANN401
    bench = Bench()
    await bench.children.delete(MODEL, child(controller=controller))
    assert bench.client.writes == []


def test_the_label_is_the_one_that_makes_an_orphan_ours() -> None:
    assert SERVICE["metadata"]["labels"] == {LABEL_DEPLOYMENT: KEY.name}
