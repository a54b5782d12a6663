"""The time by which steps and deadlines run: near the machine's clock, without its jumps."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.controller.clock import CATCH_UP, SLOW_DOWN, Clock

NOON = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
HOUR = 3600.0


class Machine:
    """Its two clocks: one that people set, and one that only goes on."""

    def __init__(self) -> None:
        self.time = NOON
        self.passed = 1000.0
        self.clock = Clock(lambda: self.time, lambda: self.passed)

    def go_on(self, seconds: float) -> float:
        """Let time pass; returns how much of it our clock counts."""
        before = self.clock()
        self.passed += seconds
        self.time += timedelta(seconds=seconds)
        return (self.clock() - before).total_seconds()

    def jump(self, seconds: float) -> None:
        """Set the clock."""
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_is_the_machines_clock_as_long_as_nobody_sets_that(machine: Machine) -> None:
    assert machine.go_on(90) == 90
    assert machine.clock() == machine.time


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_takes_no_part_in_a_jump(machine: Machine, jump: float) -> None:
    before = machine.clock()
    machine.jump(jump)
    assert machine.clock() == before


@pytest.mark.parametrize(
    ("jump", "counted"),
    [
        pytest.param(HOUR, 66, id="a tenth faster when set forward"),
        pytest.param(-HOUR, 30, id="half as fast when set back"),
        pytest.param(3, 63, id="a small one is made good at once"),
        pytest.param(-10, 50, id="a small one back, too"),
    ],
)
def test_approaches_the_machines_clock(machine: Machine, jump: float, counted: float) -> None:
    machine.jump(jump)
    assert machine.go_on(60) == counted


@given(st.lists(st.tuples(st.floats(-2 * HOUR, 2 * HOUR), st.floats(0, HOUR)), max_size=20))
def test_counts_what_passed_within_its_bounds_and_arrives(jumps: list[tuple[float, float]]) -> None:
    machine = Machine()
    for jump, passed in jumps:
        machine.jump(jump)
        counted = machine.go_on(passed)
        assert passed * (1 - SLOW_DOWN) - 1e-5 <= counted <= passed * (1 + CATCH_UP) + 1e-5
    off = abs((machine.time - machine.clock()).total_seconds())
    machine.go_on(off / min(SLOW_DOWN, CATCH_UP) + 1)
    assert machine.clock() == machine.time
