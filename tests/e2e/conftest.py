"""What the tests of the running operator share: an operator on the session's control plane, and a model to try."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.control_plane import ControlPlane
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.e2e.models import Model
from tests.e2e.operator import OperatorProcess, prepared


@pytest.fixture(scope="module")
def operator(control_plane: ControlPlane, failure_logs: list[Path]) -> Iterator[OperatorProcess]:
    """One operator for the tests of a file."""
    with prepared(control_plane) as process:
        failure_logs.append(process.log)
        yield process
        failure_logs.remove(process.log)


@pytest.fixture
def model(
    operator: OperatorProcess, control_plane: ControlPlane, simulated_nodes: SimulatedNodes, namespace: str
) -> Iterator[Model]:
    """A ModelDeployment that is not there yet, in a namespace of its own whose pods run."""
    assert operator.runs(), f"the operator ended:\n{operator.log_tail()}"
    simulated_nodes.forget_decisions()
    model = Model(control_plane.api, namespace)
    yield model
    model.delete()
