"""A proxy and a monitor that are asked for much: whether every request is counted, and once, and what one costs."""

from typing import Final

from benchmarks.figures import Conditions, Figure
from benchmarks.load_program import ask
from benchmarks.processor import processor_seconds
from benchmarks.watched_pod import described, machine, watched_pod
from tests.cluster.parts.progress import step

RATE: Final = 5_000
SECONDS: Final = 60
QUICK_SECONDS: Final = 5


def run(*, quick: bool) -> list[Figure]:
    """Measure."""
    seconds = QUICK_SECONDS if quick else SECONDS
    busy = machine()
    with watched_pod() as pod:
        step(f"asking {RATE:,} times a second for {seconds} s")
        processes = {"HAProxy": pod.proxy, "the monitor": pod.monitor, "the model": pod.model}
        before = {name: processor_seconds(pid) for name, pid in processes.items()}
        report = ask(pod.ports.clients, RATE, seconds)
        counted = pod.counted_in_the_end(report.sent)
        records = pod.evidence()["records"]
        used = {name: processor_seconds(pid) - before[name] for name, pid in processes.items()}
    used["asking"] = report.processor
    load = f"{report.sent:,} requests in {seconds} s, {described(report.failed)}, {busy}"
    unsigned, miscounted = report.answered - report.receipts, int(counted.numbers != report.numbers)
    errors = unsigned + miscounted + records["unreadable"] + records["lost"]
    conditions = Conditions(load, errors, work=report.answered)
    rest = Conditions(load, work=report.answered)
    return [
        Figure(f"lost at {RATE:,} requests/s", max(0, report.sent - counted.requests), "requests", conditions, limit=0),
        Figure(
            f"doubled at {RATE:,} requests/s", max(0, counted.requests - report.sent), "requests", conditions, limit=0
        ),
        Figure(f"failed at {RATE:,} requests/s", report.failures, "requests", conditions, limit=0),
        Figure(f"p50 at {RATE:,} requests/s", report.microseconds["p50"], "us", rest),
        Figure(f"p99 at {RATE:,} requests/s", report.microseconds["p99"], "us", rest),
        *(
            Figure(f"CPU of a request, {name}", seconds_used / report.sent * 1e6, "us", rest)
            for name, seconds_used in used.items()
        ),
    ]
