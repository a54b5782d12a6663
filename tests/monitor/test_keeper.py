"""The first process of a sidecar, with programs that die, end, and take their time."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.cluster.eventually import eventually

SECONDS: Final = 20
KEEPER: Final = """
import signal, subprocess, sys
from serinus.monitor import keeper
vars(keeper).update({constants!r})
def start(before):
    return subprocess.Popen([sys.executable, "-c", sys.argv[1], str(before), *sys.argv[2:]])
sys.exit(keeper.keep(start, signal.Signals[{ends_by!r}]))
"""
NOTES: Final = "import pathlib, sys; notes = pathlib.Path(sys.argv[2]); notes.open('a').write(sys.argv[1] + ' ');"
LIVES: Final = f"{NOTES} import signal; signal.pause()"


@contextmanager
def kept(
    program: str, notes: Path, *, ends_by: str = "SIGTERM", **constants: float
) -> Iterator["subprocess.Popen[bytes]"]:
    """A keeper, and the program that it keeps."""
    notes.touch()
    command = [sys.executable, "-c", KEEPER.format(ends_by=ends_by, constants=constants), program, str(notes)]
    keeper = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield keeper
    finally:
        keeper.terminate()
        keeper.wait(SECONDS)


def child_of(keeper: "subprocess.Popen[bytes]") -> int:
    return int(Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children").read_text().split()[0])


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Each start writes into it how many were before."""
    return tmp_path / "notes"


def started(notes: Path, times: int) -> None:
    wanted = [str(each) for each in range(times)]
    eventually(lambda: notes.read_text().split()[:times] == wanted, SECONDS, f"it was started {times} times")


def test_what_dies_is_started_again(notes: Path) -> None:
    with kept(LIVES, notes) as keeper:
        started(notes, 1)
        os.kill(child_of(keeper), signal.SIGKILL)
        started(notes, 2)


def test_what_ends_by_itself_is_started_again(notes: Path) -> None:
    with kept(NOTES, notes):
        started(notes, 3)


def test_what_ran_for_long_is_started_again_without_a_pause(notes: Path) -> None:
    with kept(NOTES, notes, STEADY_SECONDS=0.0, FIRST_PAUSE=2.0 * SECONDS):
        started(notes, 3)


def test_it_is_ended_by_the_signal_that_it_knows(notes: Path) -> None:
    program = f"import signal, sys; signal.signal(signal.SIGUSR1, lambda *_: sys.exit(0)); {LIVES}"
    with kept(program, notes, ends_by="SIGUSR1") as keeper:
        started(notes, 1)
        keeper.terminate()
        assert keeper.wait(SECONDS) == 0
    assert notes.read_text().split() == ["0"]


def test_it_gets_the_time_that_it_takes_to_end(notes: Path) -> None:
    slow = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), sys.exit(7)));"
    with kept(slow + LIVES, notes) as keeper:
        started(notes, 1)
        keeper.terminate()
        assert keeper.wait(SECONDS) == 7


def test_told_to_end_while_it_waits_to_start_again_it_starts_nothing(notes: Path) -> None:
    with kept(NOTES, notes) as keeper:
        started(notes, 4)  # it waits for longer each time
        keeper.terminate()
        assert keeper.wait(SECONDS) == 0
        starts = notes.read_text()
    assert notes.read_text() == starts
