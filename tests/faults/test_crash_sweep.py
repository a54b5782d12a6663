"""The operator killed by SIGKILL before and after every write of whole rollouts ends in the same states.

One run of a script has a kill in each of its steps: its n-th write is the last one that is tried. As every step ends in
the state of the undisturbed run, a kill finds the world as if there had been none before.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import Enum
from queue import SimpleQueue
from typing import Final, TypeVar

import pytest

from tests.cluster.parts.progress import step as progress
from tests.faults.proxy import Fault, Request, after, before
from tests.faults.replay import Recording, Stage, replay
from tests.faults.rig import new_rig
from tests.faults.script import SCRIPTS, Script, Step

pytestmark = pytest.mark.control_plane

RIGS: Final = int(os.environ.get("SERINUS_SWEEP_RIGS", "4"))
FULL: Final = os.environ.get("SERINUS_FULL_SWEEP") == "1"
"""Before and after every write; otherwise before and after every other one. What the API server holds after one write
it holds before the next, so that also then the operator dies once in every state that there is."""
FEWEST_WRITES: Final = 30
LATE_SHARE: Final = 10
"""A step may take a write less, where two pods become ready at once. Its operator then dies after its last write; of so
many kills, no more than one may be such."""

T = TypeVar("T")
R = TypeVar("R")
Stages = SimpleQueue[Stage]


class When(Enum):
    """When the operator dies: its write never arrives, or arrives and the reply does not."""

    BEFORE = "before"
    AFTER = "after"


@dataclass
class Kills:
    """What happens in one run: the operator dies at the same write of every step that has so many."""

    when: When
    write: int
    steps: Sequence[Step]
    struck: dict[str, Request] = field(default_factory=dict)
    """In which step it died, and at which write."""
    late: list[str] = field(default_factory=list)
    """In which step that write did not come."""

    @property
    def is_chosen(self) -> bool:
        """Whether it is in the half that always runs."""
        return self.write % 2 == 1

    def __str__(self) -> str:
        return f"killed {self.when.value} write {self.write} of {len(self.steps)} steps"

    def happen(self, stage: Stage, script: Script, recording: Recording) -> str | None:
        """Run the script; returns what went wrong, for a report of all."""

        def strike(request: Request, step: Step, number: int) -> Fault | None:
            if step not in self.steps or step.name in self.struck or number < self.write:
                return None
            self.struck[step.name] = request
            return (before if self.when is When.BEFORE else after)(stage.rig.kill_and_restart)

        def strike_late(step: Step) -> bool:
            if step not in self.steps or step.name in self.struck:
                return False
            self.late.append(step.name)
            stage.rig.kill_and_restart()
            return True

        try:
            replay(stage, script, recording, strike, after=strike_late, last=self.steps[-1])
        except AssertionError as error:
            return f"{self}: {error}; killed: {'; '.join(f'{name}: {what}' for name, what in self.struck.items())}"
        return None


@pytest.fixture(scope="module")
def stages(stage: Stage) -> Iterator[Stages]:
    """Stages side by side, to be taken and given back."""
    free: Stages = SimpleQueue()
    free.put(stage)
    with ExitStack() as stack, ThreadPoolExecutor(RIGS) as pool:
        for rig in pool.map(lambda _: stack.enter_context(new_rig(gateway=True)), range(RIGS - 1)):
            free.put(Stage(rig))
        yield free


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_killed_at_any_write_it_ends_in_the_same_states(
    stages: Stages, recordings: Mapping[Script, Recording], script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = recordings[script]
    writes = [each.writes for each in recording]
    assert sum(writes) >= FEWEST_WRITES, f"the script makes only {sum(writes)} writes"
    runs = [each for each in _every_kill(script, writes) if FULL or each.is_chosen]

    def try_one(stage: Stage, kills: Kills) -> str | None:
        failure = kills.happen(stage, script, recording)
        with capsys.disabled():
            progress(f"{script}: {kills}: {failure or 'the same states'}")
        return failure

    failures = [failure for failure in _on_stages(stages, try_one, runs) if failure]

    assert not failures, f"{len(failures)} of {len(runs)} runs:\n" + "\n".join(failures)
    late = [f"write {each.write} of '{step}'" for each in runs for step in each.late]
    struck = sum(len(each.struck) for each in runs)
    with capsys.disabled():
        progress(f"{script}: {sum(writes)} writes, {struck} kills at one of them, {len(late)} after the last one")
    assert len(late) <= (struck + len(late)) / LATE_SHARE, f"came too late: {', '.join(late)}"


def _every_kill(script: Script, writes: Sequence[int]) -> list[Kills]:
    """The long runs first, so that in the end no stage waits long for another one."""
    return [
        Kills(when, write, [step for step, count in zip(script.steps, writes, strict=True) if count >= write])
        for write in range(1, max(writes) + 1)
        for when in When
    ]


def _on_stages(stages: Stages, work: Callable[[Stage, T], R], items: Iterable[T]) -> list[R]:
    """Work on all items, as many at a time as there are stages."""

    def on_one(item: T) -> R:
        stage = stages.get()
        try:
            return work(stage, item)
        finally:
            stages.put(stage)

    with ThreadPoolExecutor(RIGS) as pool:
        return list(pool.map(on_one, items))
