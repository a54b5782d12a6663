"""The chart's tests need helm, which is built as the parts of a control plane are: they run among the tests of one."""

from collections.abc import Iterator

import pytest

from tests.chart.policies import Guarded, in_force
from tests.chart.rendering import Objects, render
from tests.cluster.control_plane import ControlPlane


@pytest.fixture(scope="session")
def default() -> Objects:
    """The chart as it comes."""
    return render()


@pytest.fixture(scope="module")
def guarded(control_plane: ControlPlane, default: Objects) -> Iterator[Guarded]:
    """A model where the chart's policies are in force."""
    with in_force(control_plane.api, default) as model:
        yield model
