"""The settings of the whole machine that clusters change: noted by the first one, put back by the last."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Final

RUN: Final = Path("/run")
SETTINGS: Final = Path("/proc/sys")
NOTED: Final = "serinus.kernel-settings"
WATCHERS: Final = "fs/inotify/max_user_instances"
ENOUGH_WATCHERS: Final = 1024
"""One cluster needs thirty; the usual limit of 128 is soon reached by a few clusters and control planes at once."""
CHANGED: Final = (
    WATCHERS,
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
"""All but the first are set by kubelets themselves."""


def prepare() -> None:
    """Notes the settings, unless another cluster did before, and allows for as many file watchers as it takes."""
    with suppress(FileExistsError), (RUN / NOTED).open("x") as noted:
        json.dump({name: (SETTINGS / name).read_text().strip() for name in CHANGED}, noted)
    if int((SETTINGS / WATCHERS).read_text()) < ENOUGH_WATCHERS:
        (SETTINGS / WATCHERS).write_text(str(ENOUGH_WATCHERS))


def restore() -> None:
    """Puts the settings back when no cluster is left on this machine."""
    noted = RUN / NOTED
    if any(RUN.glob("serinus-*")) or not noted.exists():
        return
    for name, value in json.loads(noted.read_text()).items():
        if (SETTINGS / name).read_text().strip() != value:
            (SETTINGS / name).write_text(value)
    noted.unlink()
