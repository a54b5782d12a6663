"""Processes are found again by their mark, and only the very process that was meant is killed."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.cluster.eventually import eventually
from tests.cluster.processes import Launcher, ProcessEndedError, find_marked, kill_all

MARK = "test-of-processes"


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    launcher = Launcher(f"{MARK}-{tmp_path.name}", tmp_path)
    yield launcher
    kill_all(partial(find_marked, launcher.mark))


def test_a_process_and_what_it_starts_are_found_by_their_mark(launcher: Launcher) -> None:
    launcher.start("parent", ["sh", "-c", "sleep 600 & sleep 600 & wait"])

    eventually(lambda: len(find_marked(launcher.mark)) == 3, 5, "the parent and two children are there")


def test_another_cluster_with_a_longer_mark_is_not_found(launcher: Launcher) -> None:
    replace(launcher, mark=launcher.mark + "0").start("other", ["sleep", "600"])

    assert find_marked(launcher.mark) == []
    kill_all(partial(find_marked, launcher.mark + "0"))


def test_all_are_killed_though_they_start_others_meanwhile(launcher: Launcher) -> None:
    launcher.start("busy", ["sh", "-c", "while :; do sleep 600 & sleep 0.01; done"])
    eventually(lambda: len(find_marked(launcher.mark)) > 5, 5, "it has started some")

    kill_all(partial(find_marked, launcher.mark))

    assert find_marked(launcher.mark) == []


def test_a_later_process_with_the_same_id_is_another(launcher: Launcher) -> None:
    process = launcher.start("sleeper", ["sleep", "600"])
    earlier = replace(process, started=process.started - 1)

    earlier.kill()

    assert not earlier.runs()
    assert process.runs()


def test_the_end_of_a_process_is_told_with_the_end_of_its_log(launcher: Launcher) -> None:
    process = launcher.start("failing", ["sh", "-c", "echo no such flag; exit 2"])
    eventually(lambda: not process.runs(), 5, "it ended")

    with pytest.raises(ProcessEndedError, match=r"failing ended; .*failing\.log closes with:\n  no such flag"):
        launcher.check()


def test_a_process_that_was_ended_on_purpose_is_not_missed(launcher: Launcher) -> None:
    launcher.start("sleeper", ["sleep", "600"])

    launcher.end("sleeper")

    launcher.check()
    assert find_marked(launcher.mark) == []
