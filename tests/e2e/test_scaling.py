"""Sizes: by `kubectl scale`, to zero and back, by an autoscaler that comes and goes."""

from typing import Final

import pytest

from tests.cluster.api import Json
from tests.cluster.eventually import eventually
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.cluster.simulated_pods import NEVER_READY
from tests.e2e.history import History
from tests.e2e.models import SECONDS, Model, children_of, spec

pytestmark = pytest.mark.control_plane

HPA = "HorizontalPodAutoscaler"
PDB = "PodDisruptionBudget"
AUTOSCALED: Final[Json] = {"replicas": None, "autoscaling": {"minReplicas": 2, "maxReplicas": 4}}


def test_kubectl_scale_makes_more_pods_and_fewer(model: Model) -> None:
    revision = model.apply(spec(replicas=1))
    model.settles(revision)

    model.scale(3)
    _settles_at(model, revision, 3)
    model.has("Service fraud", *children_of("fraud", revision, "ModelRelease", "Deployment", "Service", PDB))

    model.scale(1)
    _settles_at(model, revision, 1)
    model.has("Service fraud", *children_of("fraud", revision, "ModelRelease", "Deployment", "Service"))


def test_a_model_stays_available_while_it_is_scaled(model: Model) -> None:
    revision = model.apply(spec(replicas=2))
    model.settles(revision)
    history = History.from_now(model.api, model.namespace)

    model.scale(5)
    _settles_at(model, revision, 5)
    model.scale(2)
    _settles_at(model, revision, 2)

    assert {
        condition["status"]
        for _, item in history.of("ModelDeployment")
        for condition in item["status"]["conditions"]
        if condition["type"] == "Available"
    } == {"True"}


def test_scaling_up_keeps_the_pods_there_are(model: Model) -> None:
    revision = model.apply(spec(replicas=2))
    model.settles(revision)
    pods = model.pod_uids(revision)

    model.scale(4)
    _settles_at(model, revision, 4)

    assert pods < model.pod_uids(revision)


def test_to_zero_and_back(model: Model) -> None:
    revision = model.apply(spec(replicas=2))
    model.settles(revision)

    model.scale(0)

    status = model.settles(revision, reason="ScaledToZero")
    assert status["stable"]["replicas"] == 0
    eventually(lambda: not model.pods(), SECONDS, "no pod is left")
    eventually(lambda: model.says("Available") == ("False", "ScaledToZero"), SECONDS, "it is not available")
    model.scale(2)
    _settles_at(model, revision, 2)


def test_at_zero_a_new_revision_waits_for_replicas(model: Model) -> None:
    first = model.apply(spec("model:1"))
    model.settles(first)
    model.apply(spec("model:1", replicas=0))
    model.settles(first, reason="ScaledToZero")

    second = model.apply(spec("model:2", replicas=0))

    model.reports("ScaledToZero", f"revision {second} waits", "raise replicas")
    assert model.child("Deployment", second) is None
    model.scale(2)
    model.settles(second)


def test_a_first_deploy_at_zero_starts_when_it_is_scaled(model: Model) -> None:
    revision = model.apply(spec(replicas=0))
    model.reports("ScaledToZero", f"revision {revision} waits")

    model.scale(1)

    model.settles(revision)


def test_scaled_in_the_middle_the_new_revision_comes_at_the_new_size(
    model: Model, simulated_nodes: SimulatedNodes
) -> None:
    first = model.apply(spec("model:1", replicas=2))
    model.settles(first)
    simulated_nodes.decide(NEVER_READY, image="model:2")
    second = model.apply(spec("model:2", replicas=2))
    model.pods_come(second, 2)

    model.scale(3)
    model.pods_come(second, 3)
    model.pods_come(first, 3)
    simulated_nodes.forget_decisions()

    _settles_at(model, second, 3)


def test_an_autoscaler_comes_and_goes_without_losing_a_pod(model: Model) -> None:
    history = History.from_now(model.api, model.namespace)
    revision = model.apply(spec(replicas=3))
    model.settles(revision)
    pods = model.pod_uids(revision)

    model.apply(spec(**AUTOSCALED))
    model.settles(revision)
    model.has("Service fraud", *children_of("fraud", revision, "ModelRelease", "Deployment", "Service", HPA, PDB))
    model.apply(spec(replicas=3))
    model.settles(revision)
    model.has("Service fraud", *children_of("fraud", revision, "ModelRelease", "Deployment", "Service", PDB))

    assert model.pod_uids(revision) == pods
    assert history.sizes(f"fraud-{revision}") == [3]


def test_an_autoscaled_model_begins_at_its_least_size(model: Model) -> None:
    history = History.from_now(model.api, model.namespace)
    revision = model.apply(spec(**AUTOSCALED))

    _settles_at(model, revision, 2)

    # A Deployment cannot be made without a size of somebody's: the moment at 1 has no pods to lose.
    assert history.sizes(f"fraud-{revision}")[-1] == 2


def test_the_autoscalers_size_is_its_own(model: Model) -> None:
    revision = model.apply(spec(**AUTOSCALED))
    _settles_at(model, revision, 2)

    scale = {"spec": {"replicas": 4}}
    model.api.patch("apps/v1", "Deployment", f"fraud-{revision}", scale, model.namespace, part="scale")

    _settles_at(model, revision, 4)


def test_a_new_revision_of_an_autoscaled_model_comes_at_the_size_that_serves(model: Model) -> None:
    first = model.apply(spec("model:1", **AUTOSCALED))
    _settles_at(model, first, 2)
    scale = {"spec": {"replicas": 4}}
    model.api.patch("apps/v1", "Deployment", f"fraud-{first}", scale, model.namespace, part="scale")
    _settles_at(model, first, 4)

    second = model.apply(spec("model:2", **AUTOSCALED))

    _settles_at(model, second, 4)
    eventually(lambda: _least(model, second) == 2, SECONDS, "its autoscaler may go down to the least size again")


def test_a_canary_takes_over_at_the_size_that_serves_and_its_autoscaler_brings_it(model: Model) -> None:
    history = History.from_now(model.api, model.namespace)
    first = model.apply(spec("model:1", **AUTOSCALED))
    _settles_at(model, first, 2)
    scale = {"spec": {"replicas": 4}}
    model.api.patch("apps/v1", "Deployment", f"fraud-{first}", scale, model.namespace, part="scale")
    _settles_at(model, first, 4)

    second = model.apply(spec("model:2", rollout={"steps": [{"weight": 25, "minSeconds": 1}]}, **AUTOSCALED))
    _settles_at(model, second, 4)

    # A Deployment cannot be made without a size of somebody's: the moment at 1 has no pods to lose.
    assert history.sizes(f"fraud-{second}") == [1, 2, 4]
    assert model.scalers(second) == {"kube-controller-manager"}
    assert history.sizes(f"fraud-{first}")[-1] == 4, "it could take everything back all the while"


def test_an_autoscaler_that_knows_no_cpu_request_is_refused_with_what_to_do(model: Model) -> None:
    wanted = spec(**AUTOSCALED)
    del wanted["template"]["spec"]["containers"][0]["resources"]
    model.apply(wanted)

    model.reports("RenderFailed", "container model requests none", "resources.requests.cpu", "autoscaling.metrics")

    model.settles(model.apply(spec(**AUTOSCALED)))


def _settles_at(model: Model, revision: str, pods: int) -> None:
    def settled() -> bool:
        stable = model.settles(revision)["stable"]
        assert (stable["replicas"], stable["readyReplicas"]) == (pods, pods), stable
        return True

    eventually(settled, SECONDS, f"{model.name} serves with {pods} pods")


def _least(model: Model, revision: str) -> int:
    return int(model.child_now(HPA, revision)["spec"]["minReplicas"])
