"""The bare control plane: etcd, API server and controller manager on loopback, as many at once as there are tests.

with bare_control_plane() as plane:
    plane.api.apply({...})
"""

import fcntl
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Final

from tests.cluster.control_plane import ControlPlane, Options, Place
from tests.cluster.instance import CHECKOUT
from tests.cluster.parts import debian
from tests.cluster.ports import free_port
from tests.cluster.processes import Launcher, find_marked, kill_all

FOLDER: Final = CHECKOUT / ".cluster" / "control-planes"
DEFAULTS: Final = Options()
# Nodes without a kubelet never report: nobody is to call them lost.
WITHOUT_NODES: Final = "--controllers=*,-node-lifecycle-controller,-taint-eviction-controller"
QUICK_AUTOSCALERS: Final = "--horizontal-pod-autoscaler-sync-period=2s"
"""Without metrics they keep a size between its bounds, and do no more."""


@contextmanager
def bare_control_plane(options: Options = DEFAULTS) -> Iterator[ControlPlane]:
    """A control plane of one's own, ready in three seconds; what runs that were killed left behind ends first.

    After a failure its folder stays, with the logs, until the next one starts.
    """
    remove_orphans()
    if shutil.which("openssl") is None:
        debian.ensure("openssl")
    flags = (WITHOUT_NODES, QUICK_AUTOSCALERS, *options.controller_manager_flags)
    options = replace(options, controller_manager_flags=flags)
    name = f"control-plane-{secrets.token_hex(4)}"
    folder = FOLDER / name
    with _new(folder):
        try:
            api, etcd, peer = free_port(), free_port(), free_port()
            place = Place("127.0.0.1", api, etcd, peer, server=f"https://127.0.0.1:{api}")
            plane = ControlPlane(Launcher(name, folder / "logs"), folder, place, options)
            plane.start()
            yield plane
        finally:
            kill_all(partial(find_marked, name))
    shutil.rmtree(folder)


def remove_orphans() -> None:
    """Ends the control planes whose owner is gone: the lock on their folder is free then."""
    with _folders():
        for folder in FOLDER.glob("control-plane-*"):
            with (folder / "owner").open("a") as lock:
                if _taken(lock):
                    kill_all(partial(find_marked, folder.name))
                    shutil.rmtree(folder)


@contextmanager
def _new(folder: Path) -> Iterator[None]:
    """Makes a folder and owns it, without a moment in which another run could take it for an orphan's."""
    with ExitStack() as stack:
        with _folders():
            folder.mkdir()
            lock = stack.enter_context((folder / "owner").open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _folders() -> Iterator[None]:
    """Lets one run at a time make or remove folders of control planes."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
