"""Whose an object is: what belongs to others is left alone and named, what lost its owner is adopted again."""

from uuid import uuid4

import pytest

from serinus.api.names import API_VERSION, LABEL_DEPLOYMENT
from tests.cluster.api import Json
from tests.cluster.eventually import eventually
from tests.e2e.models import GONE_SECONDS, KINDS, SECONDS, Model, spec

pytestmark = pytest.mark.control_plane


def test_a_service_of_somebody_else_at_the_models_name_is_a_conflict_until_it_goes(model: Model) -> None:
    foreign = model.api.create(_foreign_service(model, "fraud"))

    revision = model.apply(spec())
    model.reports("NameConflict", "Service fraud was made by somebody else", "delete it")

    assert model.child_now("Service") == foreign
    assert model.says("Stalled") == ("True", "NameConflict")
    model.api.delete("v1", "Service", "fraud", model.namespace)
    model.settles(revision)


def test_a_service_of_another_controller_is_named_with_its_owner(model: Model) -> None:
    owner = model.api.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "their-app", "namespace": model.namespace},
        }
    )
    service = _foreign_service(model, "fraud")
    service["metadata"] |= {
        "labels": {LABEL_DEPLOYMENT: "fraud"},
        "ownerReferences": [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": "their-app",
                "uid": owner["metadata"]["uid"],
                "controller": True,
            }
        ],
    }
    foreign = model.api.create(service)

    model.apply(spec())

    model.reports("NameConflict", "Service fraud belongs to ConfigMap their-app")
    assert model.child_now("Service") == foreign


@pytest.mark.parametrize("kind", ["Deployment", "Service", "PodDisruptionBudget", "ModelRelease"])
def test_an_object_of_somebody_else_with_a_childs_name_is_a_conflict_until_it_goes(model: Model, kind: str) -> None:
    first = model.apply(spec("model:1"))
    model.settles(first)
    wanted = spec("model:2")
    second = model.revision(wanted)
    foreign = model.api.create(_foreign(model, kind, f"fraud-{second}"))

    model.apply(wanted)
    model.reports("NameConflict", f"{kind} fraud-{second}")

    now = model.child_now(kind, second)
    assert (now["spec"], now["metadata"].get("labels")) == (foreign["spec"], foreign["metadata"].get("labels"))
    model.api.delete(KINDS[kind], kind, f"fraud-{second}", model.namespace)
    model.settles(second)


def test_orphans_of_ours_are_adopted_and_no_pod_moves(model: Model) -> None:
    revision = model.apply(spec())
    model.settles(revision)
    pods = model.pod_uids(revision)
    before = {name: item["metadata"]["uid"] for name, item in model.belongings().items()}

    for name, item in model.belongings().items():
        kind = name.split()[0]
        strip = {"metadata": {"ownerReferences": None}}
        model.api.patch(KINDS[kind], kind, item["metadata"]["name"], strip, model.namespace)

    def adopted() -> bool:
        orphans = [name for name, item in model.belongings().items() if not item["metadata"].get("ownerReferences")]
        assert not orphans, orphans
        return True

    eventually(adopted, SECONDS, "everything has its owner again")
    assert {name: item["metadata"]["uid"] for name, item in model.belongings().items()} == before
    assert model.pod_uids(revision) == pods


def _wait_for_the_collector_to_know_releases(model: Model, revision: str) -> None:
    """Wait until a release whose owner never was is collected.

    The garbage collector learns of a new kind within half a minute; until then it cannot orphan objects of it.
    """
    release = model.child_now("ModelRelease", revision)
    [owner] = release["metadata"]["ownerReferences"]
    stray = {"name": "stray", "namespace": model.namespace, "ownerReferences": [owner | {"uid": str(uuid4())}]}
    model.api.apply({key: release[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": stray})
    eventually(
        lambda: model.api.read(API_VERSION, "ModelRelease", "stray", model.namespace) is None,
        GONE_SECONDS,
        "the garbage collector knows ModelReleases",
    )


def test_a_restored_backup_is_adopted_and_no_pod_moves(model: Model) -> None:
    """A restored object has another UID, and what it owned lost its owner references on the way."""
    revision = model.apply(spec())
    model.settles(revision)
    pods = model.pod_uids(revision)
    _wait_for_the_collector_to_know_releases(model, revision)
    model.api.request(
        "DELETE",
        model.api.path(API_VERSION, "ModelDeployment", model.namespace, "fraud"),
        {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Orphan"},
    )
    eventually(lambda: not model.exists(), SECONDS, "the ModelDeployment is gone")
    promoted = model.child_now("ModelRelease", revision)["status"]["promotedAt"]

    model.apply(spec())
    model.settles(revision)

    uid = model.read()["metadata"]["uid"]
    owners = [item["metadata"].get("ownerReferences") for item in model.belongings().values()]
    assert {owner and owner[0]["uid"] for owner in owners} == {uid}
    assert model.pod_uids(revision) == pods
    assert model.child_now("ModelRelease", revision)["status"]["promotedAt"] == promoted


def test_two_models_whose_names_collide_do_not_touch_each_other(model: Model) -> None:
    revision = model.apply(spec())
    model.settles(revision)
    before = model.child_now("Service", revision)
    second = Model(model.api, model.namespace, f"fraud-{revision}")

    second.apply(spec("model:2"))

    second.reports("NameConflict", f"Service fraud-{revision} belongs to ModelDeployment fraud")
    assert model.child_now("Service", revision) == before
    model.settles(revision)
    second.delete()
    second.is_gone()
    model.settles(revision)


def _foreign_service(model: Model, name: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": model.namespace},
        "spec": {"selector": {"app": "theirs"}, "ports": [{"name": "theirs", "port": 8888, "protocol": "TCP"}]},
    }


def _foreign(model: Model, kind: str, name: str) -> Json:
    labels = {"app": "theirs"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "theirs", "image": "theirs:1"}]}}
    specs: dict[str, Json] = {
        "Deployment": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
        "Service": _foreign_service(model, name)["spec"],
        "PodDisruptionBudget": {"minAvailable": 1, "selector": {"matchLabels": labels}},
        "ModelRelease": {
            "deployment": "theirs",
            "revision": "0123456789",
            "renderedBy": "theirs",
            "endpoint": {"port": 1, "container": "theirs"},
            "template": template,
        },
    }
    metadata = {"name": name, "namespace": model.namespace, "labels": labels}
    return {"apiVersion": KINDS[kind], "kind": kind, "metadata": metadata, "spec": specs[kind]}
