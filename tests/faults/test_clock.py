"""Somebody sets the clock of the machine that the operator runs on. The API server keeps its own."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.eventually import eventually
from tests.cluster.parts import debian
from tests.cluster.simulated_pods import NEVER_READY
from tests.e2e.history import History
from tests.faults.rig import new_rig
from tests.faults.rollouts import FIRST, SECONDS, UNDISTURBED, WEIGHT, Rollouts, Trial, second_version

pytestmark = pytest.mark.control_plane

HOUR = 3600
HOLD_SECONDS = 3


class WallClock:
    """The time of day of one process: the machine's, set by so many seconds."""

    def __init__(self, folder: Path) -> None:
        debian.ensure("gcc", "libc6-dev")
        self._program, self._jump = folder / "jump.so", folder / "jump"
        source = Path(__file__).with_name("jump.c")
        command = ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", f"-o{self._program}", str(source)]
        subprocess.run(command, check=True)
        self._jump.write_bytes(bytes(8))

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to go by it."""
        return {"LD_PRELOAD": str(self._program), "CLOCK_JUMP": str(self._jump)}

    def set(self, seconds: int) -> None:
        """Be so much ahead of the machine's from now on."""
        with self._jump.open("r+b", buffering=0) as file:
            file.write(seconds.to_bytes(8, "little", signed=True))


@pytest.fixture(scope="module")
def wall(tmp_path_factory: pytest.TempPathFactory) -> WallClock:
    return WallClock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(scope="module")
def rollouts(wall: WallClock) -> Iterator[Rollouts]:
    with new_rig(environment=wall.environment) as rig:
        yield Rollouts(rig, HOLD_SECONDS)


@pytest.fixture
def set_clock(wall: WallClock, rollouts: Rollouts) -> Iterator[Callable[[int], None]]:
    """Sets the operator's clock; afterwards a new process goes by the right one."""
    yield wall.set
    wall.set(0)
    rollouts.rig.operator.restart()


def test_an_hour_back_holds_no_rollout_up(rollouts: Rollouts, set_clock: Callable[[int], None]) -> None:
    def set_back(trial: Trial) -> None:
        trial.holds_its_share()
        set_clock(-HOUR)

    rollouts.disturbed(UNDISTURBED, meanwhile=set_back)


def test_an_hour_forward_ends_no_step_and_nobodys_patience(
    rollouts: Rollouts, set_clock: Callable[[int], None]
) -> None:
    nodes, second = rollouts.rig.nodes, second_version(hold=HOUR // 2)
    nodes.decide(NEVER_READY, image="model:2")
    trial = rollouts.begin(UNDISTURBED)
    model = trial.model
    history = History.from_now(model.api, model.namespace)
    model.apply(FIRST)
    trial.is_promoted(FIRST)
    model.apply(second)
    model.reports("RolloutInProgress", "0 of")

    set_clock(HOUR)
    decides_anew(trial, replicas=4)
    model.reports("RolloutInProgress", "0 of")

    nodes.forget_decisions()
    trial.holds_its_share()
    set_clock(2 * HOUR)
    decides_anew(trial, replicas=2)
    assert model.status()["canary"]["weight"] == WEIGHT

    history.assert_always_served(model.name)
    model.delete()


def decides_anew(trial: Trial, *, replicas: int) -> None:
    """Ask for another size, and wait until the operator has seen to it."""
    model = trial.model
    model.scale(replicas)
    stable = model.revision(FIRST)
    eventually(lambda: len(model.pod_uids(stable)) == replicas, SECONDS, "the operator decides by its clock")
    generation = model.read()["metadata"]["generation"]
    eventually(lambda: model.status()["observedGeneration"] == generation, SECONDS, "and reports what it decided")
