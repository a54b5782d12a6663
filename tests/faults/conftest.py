"""What the fault tests share: the scripts, run undisturbed, and the stage on which that was done."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.faults.replay import Recorded, Recording, Stage, record
from tests.faults.rig import new_rig
from tests.faults.script import SCRIPTS, Script, Step


@pytest.fixture(scope="package")
def stage() -> Iterator[Stage]:
    # A watch that begins anew does not say what went meanwhile: that is found by the sweep.
    with new_rig("--sweep-seconds=2", gateway=True) as rig:
        yield Stage(rig)


@pytest.fixture(scope="package")
def recordings(stage: Stage) -> Mapping[Script, Recording]:
    """Every script was recorded twice, side by side, to see that it goes the same way twice."""
    with ThreadPoolExecutor() as pool:
        both = [pool.map(lambda script: record(stage, script), SCRIPTS) for _ in range(2)]
        return {script: _common(script, *pair) for script, *pair in zip(SCRIPTS, *both, strict=True)}


def _common(script: Script, one: Recording, another: Recording) -> Recording:
    return [_same(*each) for each in zip(script.steps, one, another, strict=True)]


def _same(step: Step, one: Recorded, another: Recorded) -> Recorded:
    assert (one.state, one.objects) == (another.state, another.objects), f"undisturbed runs differ at '{step.name}'"
    return replace(one, writes=min(one.writes, another.writes))
