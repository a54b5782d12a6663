"""The chart's tests need helm, which is built as the parts of a control plane are: they run among the tests of one."""

import pytest

from tests.chart.rendering import Objects, render


@pytest.fixture(scope="session")
def default() -> Objects:
    """The chart as it comes."""
    return render()
