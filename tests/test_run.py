"""`make test` runs two lots of tests side by side: it fails if one does, shows what both say, and ends both."""

import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests import run
from tests.cluster.eventually import eventually
from tests.cluster.instance import CHECKOUT

SECONDS = 30

INTERRUPTED = """
import sys
from contextlib import nullcontext
from pathlib import Path
from tests import run

wait = '''
import pathlib, sys, time
pathlib.Path(sys.argv[1] + ".begun").touch()
try:
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.5)  # a second interrupt would come now
    pathlib.Path(sys.argv[1] + ".cleared").touch()
'''
folder = Path(sys.argv[1])
run.LOGS = folder
run.CLUSTER_LOG = folder / "cluster.log"
run.CHECK = (sys.executable, "-c", "")
run.ON_CONTROL_PLANES = (sys.executable, "-c", wait, str(folder / "bare"))
run.ON_A_CLUSTER = (sys.executable, "-c", wait, str(folder / "whole"))
run._building_parts = nullcontext
sys.exit(run.main())
"""


def ends(code: int, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"print({' '.join(words)!r}); raise SystemExit({code})")


@pytest.fixture(autouse=True)
def nothing_real(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run, "LOGS", tmp_path)
    monkeypatch.setattr(run, "CLUSTER_LOG", tmp_path / "cluster.log")
    monkeypatch.setattr(run, "_building_parts", nullcontext)
    monkeypatch.setattr(signal, "signal", lambda *_: None)


@pytest.mark.parametrize(
    ("check", "bare", "whole", "code"), [(0, 0, 0, 0), (2, 0, 0, 2), (0, 3, 0, 3), (0, 0, 4, 4), (0, 3, 4, 3)]
)
def test_it_fails_if_anything_does(
    monkeypatch: pytest.MonkeyPatch, check: int, bare: int, whole: int, code: int
) -> None:
    monkeypatch.setattr(run, "CHECK", ends(check))
    monkeypatch.setattr(run, "ON_CONTROL_PLANES", ends(bare))
    monkeypatch.setattr(run, "ON_A_CLUSTER", ends(whole))
    assert run.main() == code


def test_what_both_say_is_shown_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "CHECK", ends(0, "checked"))
    monkeypatch.setattr(run, "ON_CONTROL_PLANES", ends(0, "on", "control", "planes"))
    monkeypatch.setattr(run, "ON_A_CLUSTER", ends(1, "on", "a", "cluster"))
    run.main()
    assert capfd.readouterr().out.splitlines() == ["checked", "on control planes", "on a cluster"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_whoever_ends_it_ends_both_which_have_the_time_to_clear_up(tmp_path: Path, how: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)], cwd=CHECKOUT, stderr=subprocess.DEVNULL
    )
    both = (tmp_path / "bare", tmp_path / "whole")
    eventually(lambda: all(each.with_suffix(".begun").exists() for each in both), SECONDS, "both have begun")
    process.send_signal(how)
    assert process.wait(SECONDS) == run.INTERRUPTED
    assert all(each.with_suffix(".cleared").exists() for each in both)
