"""Results that take long to make, kept outside the tree under a key of everything that went into them.

Parts and images are made through `obtain`: once, whole or not at all, by one process at a time.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cluster.parts.progress import step

KEPT: Final = 3
"""How many results of one name stay: enough to go back and forth between branches, few enough for a disk."""


class NotBuiltError(RuntimeError):
    """Something could not be made; the message is for people and says why, and what to do."""


def root() -> Path:
    """Return the folder that holds every result."""
    if chosen := os.environ.get("SERINUS_CACHE"):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "serinus"


@dataclass(frozen=True)
class Entry:
    """The place of one result: another recipe is another place."""

    name: str
    version: str
    recipe: Sequence[str]
    workshop: str = ""
    """Results made in the same workshop are made one after the other. Each has its own unless it says otherwise."""

    @property
    def key(self) -> str:
        """Return what tells this recipe from every other one."""
        return hashlib.sha256(json.dumps([self.name, self.version, *self.recipe]).encode()).hexdigest()[:12]

    @property
    def folder(self) -> Path:
        """Return the folder that appears once the result is complete."""
        return root() / self.name / f"{self.version}-{self.key}"

    @property
    def path(self) -> Path:
        """Return the result itself: a file or a folder, as its recipe makes it."""
        return self.folder / self.name

    @property
    def cached(self) -> bool:
        """Say whether the result is there."""
        return self.path.exists()


def obtain(entry: Entry, make: Callable[[Path], None]) -> Path:
    """Return the result, after `make` has written it to the path it is given, if it was not there yet."""
    if not entry.cached:
        with lock(entry.workshop or entry.name, entry.name):
            if not entry.cached:
                _make(entry, make)
    os.utime(entry.folder)
    return entry.path


def _make(entry: Entry, make: Callable[[Path], None]) -> None:
    shelf = entry.folder.parent
    shelf.mkdir(parents=True, exist_ok=True)
    for abandoned in shelf.glob(".making-*"):
        shutil.rmtree(abandoned)
    step(f"building {entry.name} {entry.version}")
    with tempfile.TemporaryDirectory(prefix=".making-", dir=shelf) as scratch:
        unfinished = Path(scratch, "result")
        unfinished.mkdir()
        make(unfinished / entry.name)
        unfinished.rename(entry.folder)
    for unused in sorted(shelf.glob("*-*"), key=lambda folder: folder.stat().st_mtime, reverse=True)[KEPT:]:
        shutil.rmtree(unused)


@contextmanager
def lock(workshop: str, purpose: str) -> Iterator[None]:
    """Let one process at a time into a workshop; the others are told whom they wait for."""
    path = root() / ".locks" / workshop
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as holder:
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            step(f"waiting for {purpose}{_what_is_in_the_way(path, purpose)}")
            fcntl.flock(holder, fcntl.LOCK_EX)
        holder.truncate(0)
        holder.write(f"{os.getpid()} {purpose}")
        holder.flush()
        yield


def _what_is_in_the_way(path: Path, purpose: str) -> str:
    process, _, other = path.read_text().partition(" ")
    if other == purpose:
        return f", being built by process {process}"
    return f" until process {process} has built {other}"
