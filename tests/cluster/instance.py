"""One local cluster by its name: where it keeps its things, and the lock that lets one process at a time change it."""

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cluster.parts.progress import step

CHECKOUT: Final = Path(__file__).resolve().parents[2]
DEFAULT: Final = "serinus"


@dataclass(frozen=True)
class Instance:
    """A cluster's name and what follows from it; two checkouts and two names never meet."""

    name: str = DEFAULT

    @property
    def folder(self) -> Path:
        """What people look at: kubeconfig, state and logs."""
        home = CHECKOUT / ".cluster"
        return home if self.name == DEFAULT else home / self.name

    @property
    def mark(self) -> str:
        """Unique on this machine; short, for it becomes part of socket paths and interface names."""
        return "serinus-" + hashlib.sha256(f"{CHECKOUT}\0{self.name}".encode()).hexdigest()[:8]

    @property
    def run(self) -> Path:
        """Sockets: their paths must stay below 108 bytes however deep the checkout lies."""
        return Path("/run", self.mark)

    @property
    def data(self) -> Path:
        """What the nodes and etcd hold: outside the checkout, so that `git clean` never meets a container's files."""
        return Path("/var/lib", self.mark)

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def state_file(self) -> Path:
        return self.folder / "state.json"

    @contextlib.contextmanager
    def locked(self, purpose: str) -> Iterator[None]:
        """Lets one process at a time change this cluster; another is told whom it waits for."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("a+") as holder:
            try:
                fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder.seek(0)
                step(f"waiting: {holder.read().strip() or 'another process'} holds the cluster {self.name}")
                fcntl.flock(holder, fcntl.LOCK_EX)
            holder.truncate(0)
            holder.write(f"process {os.getpid()} ({purpose} since {time.strftime('%H:%M:%S')})")
            holder.flush()
            yield
