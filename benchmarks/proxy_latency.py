"""What the proxy adds to the time of a prediction, in turn with direct access and with a HAProxy that only proxies.

Requests arrive by chance at a steady rate, whatever became of earlier ones, and each is timed from when it was due.
Every round asks in the three ways with the same arrivals, and what is added is told as the median of the rounds.
"""

from statistics import median
from typing import Final

from benchmarks.figures import Conditions, Figure
from benchmarks.load_program import Report, ask
from benchmarks.watched_pod import machine, watched_pod
from tests.cluster.parts.progress import step

RATE: Final = 1_000
SECONDS: Final = 3
ROUNDS: Final = 15
QUICK_ROUNDS: Final = 3
LIMIT_MICROSECONDS: Final = 300

Reports = list[Report]


def run(*, quick: bool) -> list[Figure]:
    """Measure."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    busy = machine()
    with watched_pod() as pod:
        ways = {"direct": pod.direct, "bare": pod.bare, "shipped": pod.ports.clients}
        step(f"asking in three ways in turn, {rounds} times {SECONDS} s each")
        *_, warm = (ask(port, RATE, 1) for port in ways.values())
        before = pod.counted_in_the_end(warm.sent).requests
        blocks = [{way: ask(port, RATE, SECONDS, seed) for way, port in ways.items()} for seed in range(rounds)]
        direct, bare, shipped = ([block[way] for block in blocks] for way in ways)
        sent = sum(report.sent for report in shipped)
        uncounted = abs(sent - pod.counted_in_the_end(before + sent).requests + before)
    failed = sum(report.failures for report in (*direct, *bare, *shipped))
    unsigned = sum(report.answered - report.receipts for report in shipped)
    load = f"{RATE} requests/s, {rounds} times {SECONDS} s each way, 10 features, {busy}"
    conditions = Conditions(load, errors=failed + unsigned + uncounted, work=sent)
    return [
        Figure("added by the proxy, p50", _added(shipped, direct, "p50"), "us", conditions, LIMIT_MICROSECONDS),
        Figure("added by the proxy, p90", _added(shipped, direct, "p90"), "us", conditions),
        Figure("added by a bare HAProxy, p50", _added(bare, direct, "p50"), "us", conditions),
        Figure("added by a bare HAProxy, p90", _added(bare, direct, "p90"), "us", conditions),
        Figure("direct access, p50", median(each.microseconds["p50"] for each in direct), "us", conditions),
        Figure("direct access, p90", median(each.microseconds["p90"] for each in direct), "us", conditions),
    ]


def _added(way: Reports, direct: Reports, share: str) -> float:
    return median(one.microseconds[share] - other.microseconds[share] for one, other in zip(way, direct, strict=True))
