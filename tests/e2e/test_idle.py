"""Nothing is written, and nothing asked, where nothing changes.

What is counted are the requests of a whole operator, so each of these tests has the control plane to itself.
"""

import time
from functools import partial

import pytest

from serinus.api.names import API_VERSION
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.cluster.simulated_pods import crash_loop
from tests.e2e.models import GONE_SECONDS, KINDS, SECONDS, Model, spec
from tests.e2e.operator import OperatorProcess

pytestmark = pytest.mark.control_plane

QUIET_SECONDS = 4.0
LEASE_RENEWALS = "PUT"


@pytest.fixture(autouse=True)
def _nothing_else_goes_on(control_plane: ControlPlane) -> None:
    """The namespaces of earlier tests are gone: while they go, the operator has work to do in them."""

    def gone() -> bool:
        namespaces = control_plane.api.find("v1", "Namespace")
        going = [each["metadata"]["name"] for each in namespaces if each["status"]["phase"] == "Terminating"]
        assert not going, going
        return True

    eventually(gone, GONE_SECONDS, "no namespace of an earlier test is left")


def test_models_that_serve_or_stall_or_rest_cost_no_request(
    operator: OperatorProcess, model: Model, simulated_nodes: SimulatedNodes
) -> None:
    simulated_nodes.decide(crash_loop(exit_code=1), image="bad:1")
    serving = model.apply(spec("model:1"))
    autoscaled = Model(model.api, model.namespace, "autoscaled")
    resting = Model(model.api, model.namespace, "resting")
    stalled = Model(model.api, model.namespace, "stalled")
    second = autoscaled.apply(spec("model:1", replicas=None, autoscaling={"minReplicas": 2, "maxReplicas": 3}))
    third = resting.apply(spec("model:1"))
    stalled.apply(spec("bad:1", rollout={"progressDeadlineSeconds": 1}))
    model.settles(serving)
    autoscaled.settles(second)
    resting.settles(third)
    resting.scale(0)
    resting.settles(third, reason="ScaledToZero")
    stalled.reports("ProgressDeadlineExceeded", "exit code 1")
    eventually(lambda: not resting.pods(), SECONDS, "no pod of it is left")

    models = (model, autoscaled, resting, stalled)
    eventually(lambda: _quiet_moment(operator, models), SECONDS, "everything has come to rest", interval=0)
    before = _versions(models), _requests(operator)
    time.sleep(QUIET_SECONDS)  # the time itself is what is measured

    assert (_versions(models), _requests(operator)) == before


def test_a_change_that_does_not_matter_costs_no_request(operator: OperatorProcess, model: Model) -> None:
    revision = model.apply(spec(replicas=2))
    model.settles(revision)
    eventually(lambda: _quiet_moment(operator, (model,)), SECONDS, "it has come to rest", interval=0)
    requests, looks = _requests(operator), operator.metric("controller_runtime_reconcile_total")

    note = {"metadata": {"annotations": {"team": "risk"}}}
    model.api.patch(API_VERSION, "ModelDeployment", "fraud", note, model.namespace)
    for kind, name in (("Deployment", f"fraud-{revision}"), ("Service", "fraud")):
        model.api.patch(KINDS[kind], kind, name, note, model.namespace)

    eventually(
        lambda: operator.metric("controller_runtime_reconcile_total") > looks and _quiet_moment(operator, (model,)),
        SECONDS,
        "it has looked and come to rest",
        interval=0,
    )
    assert _requests(operator) == requests


def test_a_crash_loop_that_goes_round_is_told_once(
    operator: OperatorProcess, model: Model, simulated_nodes: SimulatedNodes
) -> None:
    simulated_nodes.decide(crash_loop(exit_code=1, restarts=1), image="bad:1")
    model.apply(spec("bad:1"))
    model.reports("PodsFailing", "exit code 1")
    eventually(lambda: _quiet_moment(operator, (model,)), SECONDS, "it has come to rest", interval=0)
    before = model.read()["metadata"]["resourceVersion"]

    for restarts in range(2, 6):
        simulated_nodes.decide(crash_loop(exit_code=1, restarts=restarts), image="bad:1")
        eventually(partial(_has_restarts, model, restarts), SECONDS, f"{restarts} restarts")

    eventually(lambda: _quiet_moment(operator, (model,)), SECONDS, "it has come to rest", interval=0)
    assert model.read()["metadata"]["resourceVersion"] == before


def _quiet_moment(operator: OperatorProcess, models: tuple[Model, ...]) -> bool:
    before = _versions(models), _requests(operator)
    time.sleep(1)
    return (_versions(models), _requests(operator)) == before


def _versions(models: tuple[Model, ...]) -> dict[str, str]:
    """The resourceVersions of all there is, but for an autoscaler, of which its controller says more all the time."""
    return {
        f"{model.name} {name}": str(item["spec"]) if "Autoscaler" in name else item["metadata"]["resourceVersion"]
        for model in models
        for name, item in {**model.belongings(), "itself": model.read()}.items()
    }


def _requests(operator: OperatorProcess) -> float:
    """How many requests the operator made, renewals of its Lease apart."""
    total = operator.metric("rest_client_requests_total")
    return total - operator.metric("rest_client_requests_total", method=LEASE_RENEWALS)


def _has_restarts(model: Model, count: int) -> bool:
    statuses = [status for pod in model.pods() for status in pod["status"].get("containerStatuses", ())]
    return {status["restartCount"] for status in statuses} == {count}
