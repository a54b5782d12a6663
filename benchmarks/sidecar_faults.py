"""A monitor that is frozen or killed, and a proxy that is killed, under load: what clients see, and what is counted."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from benchmarks.figures import Conditions, Figure
from benchmarks.load_program import Load, Report
from benchmarks.watched_pod import WatchedPod, described, machine, watched_pod
from serinus.monitor.keeper import STEADY_SECONDS
from tests.cluster.eventually import eventually
from tests.cluster.parts.progress import step

RATE: Final = 1_000
SECONDS: Final = 15
BEFORE_SECONDS: Final = 3
FROZEN_SECONDS: Final = 4
LIMIT_SECONDS: Final = 5
DEADLINE_SECONDS: Final = 20
LAST_RECORDS_SECONDS: Final = 3


def run(*, quick: bool) -> list[Figure]:  # noqa: ARG001 - there is no smaller one
    """Measure what becomes of a monitor."""
    return [*_monitor_frozen(), *_monitor_killed()]


def run_proxy(*, quick: bool) -> list[Figure]:  # noqa: ARG001 - there is no smaller one
    """Measure what becomes of a proxy: who is connected to it then fails."""
    step("killing the proxy")
    with _asked(STEADY_SECONDS + 1) as asked:
        os.kill(asked.pod.proxy, signal.SIGKILL)
        report = asked.load.report()
    return [Figure("failed, proxy killed", report.failures, "requests", asked.conditions(report))]


@dataclass(frozen=True)
class Asked:
    """A pod, what it is asked, and how busy the machine was before."""

    pod: WatchedPod
    load: Load
    busy: str

    def conditions(self, report: Report, errors: int = 0) -> Conditions:
        """Return what the figures were measured under."""
        load = f"{report.sent:,} requests at {RATE:,}/s, {described(report.failed)}, {self.busy}"
        return Conditions(load, errors=errors, work=report.answered)


def _monitor_frozen() -> list[Figure]:
    step(f"freezing the monitor for {FROZEN_SECONDS} s")
    with _asked() as asked:
        with _frozen(asked.pod.monitor):
            time.sleep(FROZEN_SECONDS)
        report = asked.load.report()
        counted = asked.pod.counted_in_the_end(report.sent)
    conditions = asked.conditions(report, errors=int(counted.numbers != report.numbers))
    wrong = abs(report.sent - counted.requests)
    return [
        Figure("failed, monitor frozen for 4 s", report.failures, "requests", conditions, limit=0),
        Figure("lost or doubled, monitor frozen for 4 s", wrong, "requests", conditions, limit=0),
    ]


def _monitor_killed() -> list[Figure]:
    step("killing the monitor")
    with _asked() as asked:
        pod, before = asked.pod, asked.pod.counted().requests
        killed_at = time.monotonic()
        os.kill(pod.monitor, signal.SIGKILL)
        eventually(lambda: 0 < pod.counted().requests < before, DEADLINE_SECONDS, "another one counts", interval=0.01)
        seconds = time.monotonic() - killed_at
        report = asked.load.report()
        counted = before + pod.counted_in_the_end(report.sent - before, LAST_RECORDS_SECONDS).requests
    conditions = asked.conditions(report)
    return [
        Figure("failed, monitor killed", report.failures, "requests", conditions, limit=0),
        Figure("until it counts again, monitor killed", seconds, "s", conditions, LIMIT_SECONDS),
        Figure("lost on the way, monitor killed", report.sent - counted, "requests", conditions),
    ]


@contextmanager
def _frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def _asked(seconds: float = BEFORE_SECONDS) -> Iterator[Asked]:
    """Yield a pod that has been asked for a while, and goes on being asked."""
    busy = machine()
    with watched_pod() as pod:
        load = Load(pod.ports.clients, RATE, SECONDS)
        time.sleep(seconds)
        yield Asked(pod, load, busy)
