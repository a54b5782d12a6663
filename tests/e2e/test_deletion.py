"""A deleted ModelDeployment takes everything with it; one of the same name that comes at once starts anew."""

import pytest

from tests.cluster.eventually import eventually
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.cluster.simulated_pods import NEVER_READY
from tests.e2e.models import SECONDS, Model, spec

pytestmark = pytest.mark.control_plane


def test_everything_goes(model: Model) -> None:
    for number in (1, 2):
        model.settles(model.apply(spec(f"model:{number}", drain=60)))

    model.delete()

    model.is_gone()
    assert not model.exists()


def test_everything_goes_in_the_middle_of_a_takeover(model: Model, simulated_nodes: SimulatedNodes) -> None:
    model.settles(model.apply(spec("model:1")))
    simulated_nodes.decide(NEVER_READY, image="model:2")
    second = model.apply(spec("model:2"))
    model.pods_come(second, 2)

    model.delete()

    model.is_gone()


def test_nothing_is_written_for_one_that_is_going(model: Model) -> None:
    revision = model.apply(spec())
    model.settles(revision)
    held = {"metadata": {"finalizers": ["tests.serinus.dev/hold"]}}
    path = model.api.path("serinus.dev/v1alpha1", "ModelDeployment", model.namespace, "fraud")
    model.api.request("PATCH", path, held, content_type="application/merge-patch+json")
    model.delete()
    eventually(lambda: "deletionTimestamp" in model.read()["metadata"], SECONDS, "it is going")

    model.api.delete("v1", "Service", f"fraud-{revision}", model.namespace)
    other = Model(model.api, model.namespace, "other")
    other.settles(other.apply(spec()))

    # What came later is done with, so the deleted child would be back by now.
    assert model.child("Service", revision) is None
    free = {"metadata": {"finalizers": None}}
    model.api.request("PATCH", path, free, content_type="application/merge-patch+json")
    model.is_gone()


@pytest.mark.parametrize("image", ["model:1", "model:2"], ids=["the same", "another revision"])
def test_one_that_comes_at_once_under_the_same_name_has_objects_of_its_own(model: Model, image: str) -> None:
    first = model.apply(spec("model:1"))
    model.settles(first)
    before, pods = model.read()["metadata"]["uid"], model.pod_uids(first)
    promoted = model.child_now("ModelRelease", first)["status"]["promotedAt"]

    model.delete()
    revision = model.apply(spec(image))

    def all_its_own() -> bool:
        uid = model.settles(revision) and model.read()["metadata"]["uid"]
        assert uid != before
        owners = {item["metadata"]["ownerReferences"][0]["uid"] for item in model.belongings().values()}
        assert owners == {uid}, owners
        return not pods & {pod["metadata"]["uid"] for pod in model.pods()}

    eventually(all_its_own, SECONDS, "everything is the new one's own")
    assert model.child_now("ModelRelease", revision)["status"]["promotedAt"] > promoted
    assert len(model.pod_uids(revision)) == 2
