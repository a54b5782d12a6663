"""What a local cluster asks of the machine, and in which state it leaves it."""

import fcntl
import os
import platform
import re
import shutil
from pathlib import Path
from typing import IO

import pytest

from tests.cluster import kernel, machine
from tests.cluster.instance import Instance


@pytest.mark.parametrize(
    ("lacking", "told"),
    [
        ("Linux", "runs on Linux only and this is Darwin"),
        ("root", "needs root, .*: use sudo, or use kind where Docker runs"),
        ("go", "is built with Go and there is no go command: install Go 1.24 or newer, or use kind"),
        ("apt-get", "takes containerd from Debian or Ubuntu packages and there is no apt-get: use kind"),
    ],
)
def test_a_machine_that_cannot_is_told_what_to_do_instead(
    lacking: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin" if lacking == "Linux" else "Linux")
    monkeypatch.setattr(os, "geteuid", lambda: 1000 if lacking == "root" else 0)
    monkeypatch.setattr(shutil, "which", lambda name: None if name == lacking else f"/usr/bin/{name}")

    reason = machine.why_not()

    assert reason
    assert re.search(told, reason)
    assert "\n" not in reason


def test_who_holds_a_cluster_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Instance, "folder", tmp_path)
    flock = fcntl.flock

    def never_wait(file: IO[str], how: int) -> None:
        if how & fcntl.LOCK_NB:
            flock(file, how)

    monkeypatch.setattr(fcntl, "flock", never_wait)
    instance = Instance()
    with (instance.folder / "lock").open("a+") as other:
        flock(other, fcntl.LOCK_EX)
        other.write("process 123 (up since 12:00:00)")
        other.flush()
        with instance.locked("down"):
            pass

    assert "waiting: process 123 (up since 12:00:00) holds the cluster serinus" in capsys.readouterr().err


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of a machine's kernel settings, all 0."""
    monkeypatch.setattr(kernel, "RUN", tmp_path)
    monkeypatch.setattr(kernel, "SETTINGS", tmp_path / "settings")
    for name in kernel.CHANGED:
        (tmp_path / "settings" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "settings" / name).write_text("0\n")
    return tmp_path / "settings"


def test_the_last_cluster_puts_the_kernels_settings_back(settings: Path, tmp_path: Path) -> None:
    kernel.prepare()
    (settings / "vm/overcommit_memory").write_text("1")
    kernel.prepare()
    other = tmp_path / "serinus-other"
    other.mkdir()

    kernel.restore()
    assert (settings / "vm/overcommit_memory").read_text() == "1"
    other.rmdir()
    kernel.restore()

    assert {(settings / name).read_text().strip() for name in kernel.CHANGED} == {"0"}
    assert list(tmp_path.iterdir()) == [settings]


def test_there_are_file_watchers_enough(settings: Path) -> None:
    kernel.prepare()
    assert (settings / kernel.WATCHERS).read_text() == str(kernel.ENOUGH_WATCHERS)

    (settings / kernel.WATCHERS).write_text("9000")
    kernel.prepare()
    assert (settings / kernel.WATCHERS).read_text() == "9000"
