"""Several operators at once: one writes, and another goes on when it goes."""

import time
from collections.abc import Iterator

import pytest

from tests.cluster.api import Json
from tests.cluster.bare import bare_control_plane
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.fixtures import apply_definitions
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.e2e.models import SECONDS, Model, spec
from tests.e2e.operator import NAMESPACE, OperatorProcess, prepared

pytestmark = pytest.mark.control_plane

LEASE_SECONDS = 6
TAKEOVER_SECONDS = 3
LONG_LEASE_SECONDS = 40
"""So long that nobody goes on before a test gives up who does not go on at once."""


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane of their own: whoever leads there leads everywhere."""
    with bare_control_plane() as plane, SimulatedNodes(plane):
        apply_definitions(plane.api)
        yield plane


@pytest.fixture
def model(plane: ControlPlane) -> Model:
    return Model.in_new_namespace(plane.api)


@pytest.fixture
def replicas(plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[tuple[OperatorProcess, OperatorProcess]]:
    """A leader and its standby."""
    flags = (f"--lease-seconds={getattr(request, 'param', LEASE_SECONDS)}",)
    with prepared(plane, name="leader", flags=flags) as leader:
        _leads(leader)
        with prepared(plane, name="standby", flags=flags) as standby:
            yield leader, standby
    plane.api.delete("coordination.k8s.io/v1", "Lease", "serinus-operator", NAMESPACE)


at_once = pytest.mark.parametrize("replicas", [LONG_LEASE_SECONDS], indirect=True, ids=["long lease"])


def test_only_the_leader_writes(replicas: tuple[OperatorProcess, OperatorProcess], model: Model) -> None:
    leader, standby = replicas

    model.settles(model.apply(spec()))

    assert leader.metric("leader_election_master_status") == 1
    assert standby.metric("leader_election_master_status") == 0
    assert leader.metric("rest_client_requests_total", method="PATCH") > 0
    assert standby.metric("rest_client_requests_total", method="PATCH") == 0
    assert standby.metric("serinus_cached_objects") > 0


def test_a_killed_leader_is_followed_when_its_lease_has_run_out(
    replicas: tuple[OperatorProcess, OperatorProcess], model: Model
) -> None:
    leader, standby = replicas
    leader.kill()
    killed = time.monotonic()
    revision = model.apply(spec())

    _leads(standby)

    assert time.monotonic() - killed < LEASE_SECONDS + TAKEOVER_SECONDS
    model.settles(revision)


@at_once
def test_a_leader_that_is_told_to_end_is_followed_at_once(
    replicas: tuple[OperatorProcess, OperatorProcess], model: Model
) -> None:
    leader, standby = replicas

    assert leader.stop() == 0

    _leads(standby)
    model.settles(model.apply(spec()))


@at_once
def test_a_leader_that_restarts_in_its_pod_goes_on_at_once(
    replicas: tuple[OperatorProcess, OperatorProcess], model: Model
) -> None:
    leader, standby = replicas
    transitions = _lease(leader)["leaseTransitions"]

    leader.restart()

    model.settles(model.apply(spec()))
    assert _lease(leader)["leaseTransitions"] == transitions
    assert standby.metric("leader_election_master_status") == 0


def test_a_leader_that_was_frozen_past_its_lease_writes_no_more(
    replicas: tuple[OperatorProcess, OperatorProcess], model: Model
) -> None:
    leader, standby = replicas
    writes = leader.metric("rest_client_requests_total", method="PATCH")
    leader.freeze()
    _leads(standby)
    model.settles(model.apply(spec("model:1")))

    leader.thaw()
    model.settles(model.apply(spec("model:2")))

    assert leader.metric("leader_election_master_status") == 0
    assert leader.metric("rest_client_requests_total", method="PATCH") == writes
    assert _lease(standby)["holderIdentity"] == standby.pod_uid


def _leads(operator: OperatorProcess) -> None:
    eventually(lambda: _lease(operator).get("holderIdentity") == operator.pod_uid, SECONDS, "it holds the Lease")


def _lease(operator: OperatorProcess) -> Json:
    found = operator.plane.api.read("coordination.k8s.io/v1", "Lease", "serinus-operator", NAMESPACE)
    spec: Json = (found or {"spec": {}})["spec"]
    return spec
