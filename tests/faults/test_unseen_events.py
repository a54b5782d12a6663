"""What a watch never brings, brings late, twice or in another order makes no difference to how a rollout ends."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.cluster.side_by_side import SideBySide
from tests.faults.proxy import ON_TIME, Arrivals, Change
from tests.faults.rig import new_rig
from tests.faults.rollouts import Disturbance, Rollouts

pytestmark = pytest.mark.control_plane

SWEEP_SECONDS = 1
EVENTS = {"modeldeployments": 8, "deployments": 11, "services": 7, "poddisruptionbudgets": 8, "pods": 18}
"""How many events of each kind a rollout has, or some more."""
LATE_SECONDS = 0.7


@dataclass(frozen=True)
class Unseen:
    """One event that never arrives: the n-th of its kind."""

    plural: str
    number: int

    def __str__(self) -> str:
        return f"{self.plural} {self.number}"

    def disturbance(self) -> Disturbance:
        seen = 0

        def arrivals(change: Change) -> Arrivals:
            nonlocal seen
            seen += change.plural == self.plural
            return () if (change.plural, seen) == (self.plural, self.number) else ON_TIME

        return Disturbance(arrivals=arrivals)


@dataclass(frozen=True)
class Untimely:
    """All events of a kind arrive otherwise than they were sent."""

    plural: str
    how: str

    def __str__(self) -> str:
        return f"{self.plural} {self.how}"

    def disturbance(self) -> Disturbance:
        count = 0
        when: dict[str, Callable[[], Arrivals]] = {
            "late": lambda: (LATE_SECONDS,),
            "twice": lambda: (0.0, 0.0),
            "again when others came": lambda: (0.0, LATE_SECONDS),
            "in another order": lambda: (LATE_SECONDS,) if count % 2 else ON_TIME,
        }

        def arrivals(change: Change) -> Arrivals:
            nonlocal count
            count += 1
            return when[self.how]() if self.plural in (change.plural, "all") else ON_TIME

        return Disturbance(arrivals=arrivals)


CASES = [
    *(Unseen(plural, number) for plural, count in EVENTS.items() for number in range(1, count + 1)),
    *(Untimely("all", how) for how in ("late", "twice", "again when others came", "in another order")),
]


@pytest.fixture(scope="module")
def rollouts() -> Iterator[Rollouts]:
    with new_rig(f"--sweep-seconds={SWEEP_SECONDS}") as rig:
        yield Rollouts(rig)


@pytest.fixture(scope="module")
def outcome(side_by_side: SideBySide[Unseen | Untimely], rollouts: Rollouts) -> Callable[[Unseen | Untimely], object]:
    return side_by_side(lambda case: rollouts.disturbed(case.disturbance()))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_rollout_ends_as_if_all_had_been_seen_in_time(
    outcome: Callable[[Unseen | Untimely], object], case: Unseen | Untimely
) -> None:
    outcome(case)
