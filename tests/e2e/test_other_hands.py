"""Other people's hands: children and records that somebody edits or deletes are put right."""

from collections.abc import Callable

import pytest

from serinus.api.names import API_VERSION, LABEL_DEPLOYMENT, LABEL_REVISION
from tests.cluster.api import Json
from tests.cluster.eventually import eventually
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.cluster.simulated_pods import NEVER_READY
from tests.e2e.history import History
from tests.e2e.models import KINDS, SECONDS, Model, spec
from tests.e2e.operator import OperatorProcess

pytestmark = pytest.mark.control_plane


def container(deployment: Json) -> Json:
    """The model container of a Deployment."""
    found: Json = deployment["spec"]["template"]["spec"]["containers"][0]
    return found


EDITS: list[tuple[str, str, Json, Callable[[Json], object], object]] = [
    ("scaled", "Deployment", {"spec": {"replicas": 5}}, lambda d: d["spec"]["replicas"], 2),
    (
        "another image",
        "Deployment",
        {"spec": {"template": {"spec": {"containers": [{"name": "model", "image": "mine:1"}]}}}},
        lambda d: (container(d)["image"], "lifecycle" in container(d)),
        ("model:1", True),
    ),
    (
        "label removed",
        "Deployment",
        {"metadata": {"labels": {LABEL_DEPLOYMENT: None}}},
        lambda d: d["metadata"].get("labels", {}).get(LABEL_DEPLOYMENT),
        "fraud",
    ),
    (
        "labels of all removed",
        "Service",
        {"metadata": {"labels": None}},
        lambda d: set(d["metadata"].get("labels", {})),
        {LABEL_DEPLOYMENT, LABEL_REVISION},
    ),
    (
        "owner removed",
        "Service",
        {"metadata": {"ownerReferences": None}},
        lambda d: [owner["kind"] for owner in d["metadata"].get("ownerReferences", ())],
        ["ModelDeployment"],
    ),
    (
        "selector",
        "Service",
        {"spec": {"selector": {LABEL_REVISION: "0123456789"}}},
        lambda d: set(d["spec"]["selector"]),
        {LABEL_DEPLOYMENT, LABEL_REVISION},
    ),
    (
        "port",
        "Service",
        {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 9999}]}},
        lambda d: d["spec"]["ports"][0]["targetPort"],
        8080,
    ),
    (
        "another port",
        "Service",
        {"spec": {"ports": [{"name": "http", "port": 81, "targetPort": 8080}]}},
        lambda d: [port["port"] for port in d["spec"]["ports"]],
        [80],
    ),
    (
        "another container port",
        "Deployment",
        {
            "spec": {
                "template": {
                    "spec": {
                        "containers": [
                            {
                                "name": "model",
                                "image": "model:1",
                                "ports": [{"name": "http", "containerPort": 81}],
                            }
                        ]
                    }
                }
            }
        },
        lambda d: [port["containerPort"] for port in container(d)["ports"]],
        [8080],
    ),
    (
        "budget",
        "PodDisruptionBudget",
        {"spec": {"maxUnavailable": 2}},
        lambda d: d["spec"]["maxUnavailable"],
        1,
    ),
]


@pytest.mark.parametrize(
    ("kind", "edit", "read", "wanted"), [row[1:] for row in EDITS], ids=[f"{row[1]} {row[0]}" for row in EDITS]
)
def test_a_hand_edited_child_is_put_right(
    model: Model, kind: str, edit: Json, read: Callable[[Json], object], wanted: object
) -> None:
    revision = model.apply(spec(replicas=2))
    model.settles(revision)

    model.api.patch(KINDS[kind], kind, f"fraud-{revision}", edit, model.namespace)

    eventually(lambda: read(model.child_now(kind, revision)) == wanted, SECONDS, f"the {kind} is put right")
    model.settles(revision)


@pytest.mark.parametrize(
    "edit",
    [
        {"spec": {"selector": {LABEL_REVISION: "0123456789"}}},
        {"spec": {"selector": {"app": "another"}}},
        {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 9999}]}},
        {"spec": {"ports": [{"name": "http", "port": 81, "targetPort": 8080}]}},
        {"metadata": {"labels": {LABEL_DEPLOYMENT: None}}},
    ],
    ids=["another revision", "another label", "target port", "port", "label removed"],
)
def test_the_models_address_is_put_right(model: Model, edit: Json) -> None:
    revision = model.apply(spec())
    model.settles(revision)
    before = model.child_now("Service")

    model.api.patch("v1", "Service", "fraud", edit, model.namespace)

    def same() -> bool:
        now = model.child_now("Service")
        return bool(now["spec"] == before["spec"] and now["metadata"].get("labels") == before["metadata"]["labels"])

    eventually(same, SECONDS, "the Service is as it was")


def test_what_others_add_to_a_child_stays(model: Model) -> None:
    revision = model.apply(spec())
    model.settles(revision)
    note = {"metadata": {"annotations": {"team": "risk"}, "labels": {"cost-centre": "7"}}}
    model.api.patch("v1", "Service", "fraud", note, model.namespace)

    model.scale(3)
    model.apply(spec("model:2", replicas=3))

    eventually(lambda: model.serving() != revision, SECONDS, "the Service was written again")
    metadata = model.child_now("Service")["metadata"]
    assert metadata["annotations"]["team"] == "risk"
    assert metadata["labels"]["cost-centre"] == "7"


@pytest.mark.parametrize("kind", ["Deployment", "Service", "PodDisruptionBudget"])
def test_a_deleted_child_is_made_again(model: Model, kind: str) -> None:
    revision = model.apply(spec())
    model.settles(revision)
    before = model.child_now(kind, revision)["metadata"]["uid"]

    model.api.delete(KINDS[kind], kind, f"fraud-{revision}", model.namespace)

    def made_again() -> bool:
        found = model.child(kind, revision)
        return bool(found and found["metadata"]["uid"] != before and "deletionTimestamp" not in found["metadata"])

    eventually(made_again, SECONDS, f"there is another {kind}")
    model.settles(revision)


def test_the_models_deleted_address_is_made_again(model: Model) -> None:
    revision = model.apply(spec())
    model.settles(revision)

    model.api.delete("v1", "Service", "fraud", model.namespace)

    eventually(lambda: model.serving() == revision, SECONDS, "the address is back")


def test_a_lost_record_is_made_again_and_no_pod_moves(model: Model) -> None:
    revision = model.apply(spec(model={"version": "7"}))
    model.settles(revision)
    before, pods = model.child_now("ModelRelease", revision), model.pod_uids(revision)

    model.api.delete(API_VERSION, "ModelRelease", f"fraud-{revision}", model.namespace)

    def made_again() -> bool:
        found = model.child("ModelRelease", revision)
        return bool(found and found["metadata"]["uid"] != before["metadata"]["uid"])

    eventually(made_again, SECONDS, "there is a record again")
    assert model.child_now("ModelRelease", revision)["spec"] == before["spec"]
    status = model.settles(revision)
    assert status["stable"]["version"] == "7"
    assert model.pod_uids(revision) == pods
    assert "promotedAt" in model.child_now("ModelRelease", revision)["status"]


def test_a_record_that_is_lost_while_nobody_looks_is_made_from_what_runs(
    model: Model, operator: OperatorProcess
) -> None:
    revision = model.apply(spec(model={"version": "7"}))
    model.settles(revision)
    pods = model.pod_uids(revision)

    operator.kill()
    model.api.delete(API_VERSION, "ModelRelease", f"fraud-{revision}", model.namespace)
    operator.start()

    eventually(lambda: model.child("ModelRelease", revision), SECONDS, "there is a record again")
    status = model.settles(revision)
    assert status["stable"]["version"] == "7"
    assert model.pod_uids(revision) == pods


def test_a_record_that_is_lost_in_the_middle_of_a_takeover_moves_no_traffic(
    model: Model, simulated_nodes: SimulatedNodes
) -> None:
    first = model.apply(spec("model:1"))
    model.settles(first)
    second = model.apply(spec("model:2"))
    model.settles(second)
    simulated_nodes.decide(NEVER_READY, image="model:3")
    third = model.apply(spec("model:3"))
    model.pods_come(third, 2)
    history, pods = History.from_now(model.api, model.namespace), model.pod_uids(second)

    model.api.delete(API_VERSION, "ModelRelease", f"fraud-{second}", model.namespace)

    eventually(lambda: "promotedAt" in _status_of_record(model, second), SECONDS, "the record is as it was")
    model.reports("RolloutInProgress", f"revision {third}", f"revision {second} goes on serving")
    assert model.pod_uids(second) == pods
    assert model.child("Deployment", first) is None
    history.assert_always_served("fraud")
    simulated_nodes.forget_decisions()
    model.settles(third)


def _status_of_record(model: Model, revision: str) -> Json:
    status: Json = (model.child("ModelRelease", revision) or {}).get("status", {})
    return status
