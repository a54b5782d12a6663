"""The operator killed by SIGKILL before and after every write of a whole rollout ends in the same state."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from queue import SimpleQueue
from typing import Final, TypeVar

import pytest

from tests.cluster.parts.progress import step
from tests.faults.proxy import Fault, Request, after, before
from tests.faults.replay import Recording, record, replay
from tests.faults.rig import Rig, new_rig

pytestmark = pytest.mark.control_plane

RIGS: Final = int(os.environ.get("SERINUS_SWEEP_RIGS", "4"))
FULL: Final = os.environ.get("SERINUS_FULL_SWEEP") == "1"
"""Before and after every write; otherwise before and after every other one. What the API server holds after one write
it holds before the next, so that also then the operator dies once in every state that there is."""
FEWEST_WRITES: Final = 30
LATE_SHARE: Final = 10
"""A run may make a write less, where two pods become ready at once. Its operator then dies after its last write; of so
many kills, no more than one may be such."""

T = TypeVar("T")
R = TypeVar("R")


class When(Enum):
    """When the operator dies: its write never arrives, or arrives and the reply does not."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True)
class Kill:
    """One moment to die at."""

    when: When
    write: int

    @property
    def is_chosen(self) -> bool:
        """Whether it is in the half that always runs."""
        return self.write % 2 == 1

    def __str__(self) -> str:
        return f"killed {self.when.value} write {self.write}"


@pytest.fixture(scope="module")
def rigs() -> Iterator[SimpleQueue[Rig]]:
    """Rigs side by side, to be taken and given back."""
    free: SimpleQueue[Rig] = SimpleQueue()
    with ExitStack() as stack, ThreadPoolExecutor(RIGS) as pool:
        for rig in pool.map(lambda _: stack.enter_context(new_rig()), range(RIGS)):
            free.put(rig)
        yield free


def test_killed_at_any_write_it_ends_in_the_same_state(
    rigs: SimpleQueue[Rig], capsys: pytest.CaptureFixture[str]
) -> None:
    recording, *others = _on_rigs(rigs, lambda rig, _: record(rig), range(RIGS))
    for other in others:
        assert (other.states, other.objects) == (recording.states, recording.objects), "undisturbed runs differ"
    writes = min(each.writes for each in (recording, *others))
    assert writes >= FEWEST_WRITES, f"the script makes only {writes} writes"
    late: list[Kill] = []
    kills = [kill for kill in _every_kill(writes) if FULL or kill.is_chosen]

    def try_one(rig: Rig, kill: Kill) -> str | None:
        failure = _failure(rig, kill, recording, late)
        with capsys.disabled():
            step(f"{kill} of {writes}: {failure or 'the same state'}")
        return failure

    failures = [failure for failure in _on_rigs(rigs, try_one, kills) if failure]

    assert not failures, f"{len(failures)} of {len(kills)} kills:\n" + "\n".join(failures)
    assert len(late) <= len(kills) / LATE_SHARE, f"came too late: {', '.join(map(str, late))}"


def _every_kill(writes: int) -> list[Kill]:
    return [Kill(when, write) for write in range(1, writes + 1) for when in When]


def _failure(rig: Rig, kill: Kill, recording: Recording, late: list[Kill]) -> str | None:
    """What went wrong, for a report of all."""
    victims: list[Request] = []

    def strike_late() -> None:
        if not victims:
            late.append(kill)
            rig.kill_and_restart()

    try:
        replay(rig, recording, _deadly(rig, kill, victims), strike_late)
    except AssertionError as error:
        return f"{kill} ({', '.join(map(str, victims))}): {error}"
    return None


def _deadly(rig: Rig, kill: Kill, victims: list[Request]) -> Callable[[Request, int], Fault | None]:
    def strike(request: Request, number: int) -> Fault | None:
        if victims or number < kill.write:
            return None
        victims.append(request)
        return (before if kill.when is When.BEFORE else after)(rig.kill_and_restart)

    return strike


def _on_rigs(rigs: SimpleQueue[Rig], work: Callable[[Rig, T], R], items: Iterable[T]) -> list[R]:
    """Work on all items, as many at a time as there are rigs."""

    def on_one(item: T) -> R:
        rig = rigs.get()
        try:
            return work(rig, item)
        finally:
            rigs.put(rig)

    with ThreadPoolExecutor(RIGS) as pool:
        return list(pool.map(on_one, items))
