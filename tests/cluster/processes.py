"""The processes of a cluster: started detached, found again by the mark they inherit, ended by their id."""

import os
import signal
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.eventually import NotYetError, eventually

MARK = "SERINUS_CLUSTER"
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_children: dict[int, subprocess.Popen[bytes]] = {}


class ProcessEndedError(RuntimeError):
    """A process ended that should still run."""


@dataclass(frozen=True)
class Process:
    """A process by its id and start time (in clock ticks since boot): a later one with the same id is another."""

    name: str
    pid: int
    started: int

    def runs(self) -> bool:
        child = _children.get(self.pid)
        if child is not None and child.poll() is not None:
            return False
        return _start_time(self.pid) == self.started

    def kill(self) -> None:
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if _start_time(self.pid) == self.started:
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            os.close(descriptor)


@dataclass(frozen=True)
class Launcher:
    """Starts the processes of one cluster, each with the cluster's mark and a log of its own."""

    mark: str
    logs: Path
    started: list[Process] = field(default_factory=list)
    _logs_begun: set[str] = field(default_factory=set)

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        descriptors: Iterable[int] = (),
    ) -> Process:
        self.logs.mkdir(parents=True, exist_ok=True)
        # A process started again goes on in its log; one of a new cluster begins it anew.
        with self.log_of(name).open("ab" if name in self._logs_begun else "wb") as log:
            child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": SEARCH_PATH, **(environment or {}), MARK: self.mark},
                pass_fds=tuple(descriptors),
                start_new_session=True,
                cwd="/",
            )
        self._logs_begun.add(name)
        _children[child.pid] = child
        process = Process(name, child.pid, _start_time(child.pid) or 0)
        self.started.append(process)
        return process

    def end(self, name: str) -> None:
        """Kills one process, which then no longer counts as one that should run."""
        ended = [process for process in self.started if process.name == name]
        kill_all(lambda: [process for process in ended if process.runs()])
        self.started[:] = [process for process in self.started if process not in ended]

    def log_of(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def check(self) -> None:
        """Raises when a process of this cluster has ended, with the end of its log."""
        for process in self.started:
            if not process.runs():
                log = self.log_of(process.name)
                lines = log.read_text(errors="replace").splitlines()[-8:]
                raise ProcessEndedError(f"{process.name} ended; {log} closes with:\n  " + "\n  ".join(lines))


def find_marked(mark: str) -> list[Process]:
    """Every running process that was started with this mark, or by one that was."""
    wanted = f"{MARK}={mark}".encode()
    return [process for process in _all_processes() if wanted in _words(process.pid, "environ", b"\0")]


def find_in_cgroups(names: Collection[str]) -> list[Process]:
    """Every running process in a control group of one of these names, in whatever hierarchy: what containers run."""
    wanted = {name.encode() for name in names}
    if not wanted:
        return []
    return [
        process
        for process in _all_processes()
        if any(not wanted.isdisjoint(path.split(b"/")) for path in _words(process.pid, "cgroup", b"\n"))
    ]


def kill_all(find: Callable[[], Sequence[Process]], timeout: float = 20) -> None:
    """Kills what `find` finds until it finds nothing more; what a dying process starts is found the next time."""

    def nothing_left() -> bool:
        found = find()
        for process in found:
            process.kill()
        _reap()
        if found:
            raise NotYetError(f"{', '.join(f'{process.name} ({process.pid})' for process in found)} still run")
        return True

    eventually(nothing_left, timeout, "all processes of the cluster are ended", interval=0.02)


def _reap() -> None:
    for pid, child in list(_children.items()):
        if child.poll() is not None:
            del _children[pid]


def _all_processes() -> Iterator[Process]:
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            pid = int(entry.name)
            started = _start_time(pid)
            if started is not None and pid != os.getpid():
                yield Process(_name_of(pid), pid, started)


def _start_time(pid: int) -> int | None:
    """None where the process is gone, or is dead and only waits for its parent.

    One whose first thread is dead runs on as long as another one has its files open.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat[stat.rindex(b")") + 2 :].split()
    threads, started = int(fields[16]), int(fields[18])
    return None if state in (b"Z", b"X") and threads <= 1 else started


def _name_of(pid: int) -> str:
    words = _words(pid, "cmdline", b"\0")
    return Path(os.fsdecode(words[0])).name if words else "?"


def _words(pid: int, file: str, separator: bytes) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes().split(separator)
    except OSError:
        return []
