"""It ends soon when it is told to, whatever it is about just then: whoever waits for it gives up after a while."""

import time
from collections.abc import Iterator
from random import Random
from typing import Final

import pytest

from tests.cluster.eventually import eventually
from tests.e2e.operator import NAMESPACE, START_SECONDS
from tests.faults.rig import Rig, new_rig

pytestmark = pytest.mark.control_plane

SLOWEST_START_SECONDS: Final = 2.0
MOMENTS: Final = [round(Random(seed).uniform(0, SLOWEST_START_SECONDS), 2) for seed in range(4)]  # noqa: S311 - no secret
BREAKS: Final = 2


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with new_rig() as rig:
        yield rig


@pytest.mark.parametrize("seconds", MOMENTS)
def test_it_ends_at_any_moment_of_its_start(rig: Rig, seconds: float) -> None:
    rig.operator.stop()
    starts = _starts(rig)
    rig.operator.start(until_ready=False)
    eventually(lambda: _starts(rig) > starts, START_SECONDS, "it starts", interval=0.01)
    time.sleep(seconds)  # the moment is what is tried
    assert rig.operator.stop() == 0


@pytest.mark.parametrize("_number", range(BREAKS))
def test_it_ends_while_all_its_watches_do(rig: Rig, _number: int) -> None:
    """Kopf drops a cancellation that comes at such a moment."""
    if not rig.operator.runs():
        rig.operator.start()
    rig.proxy.call(rig.proxy.break_watches)
    assert rig.operator.stop() == 0
    lease = rig.plane.api.read("coordination.k8s.io/v1", "Lease", "serinus-operator", NAMESPACE)
    assert lease
    assert not lease["spec"].get("holderIdentity"), "another one need not wait"


def _starts(rig: Rig) -> int:
    return rig.operator.log.read_text().count('"message": "starting"')
