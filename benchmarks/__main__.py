"""`python -m benchmarks [NAME...] [--quick]`: run benchmarks one after the other, print their figures.

A whole run is written to .bench/results.json; one of some benchmarks or of smaller numbers is not.
"""

import argparse
import sys
import traceback
from collections.abc import Callable
from typing import Final

from benchmarks import (
    aborted_requests,
    change_latency,
    check_duration,
    feedback,
    idle_memory,
    idle_requests,
    loaded_memory,
    many_rollouts,
    middleware,
    monitor,
    proxy_latency,
    proxy_throughput,
    recovery,
    retreat,
    rollout_requests,
    sidecar_faults,
    verdict,
)
from benchmarks.figures import RESULTS, Conditions, Figure, show, write
from tests.cluster.parts.progress import step

Benchmark = Callable[..., list[Figure]]

BENCHMARKS: Final[dict[str, Benchmark]] = {
    "idle-memory": idle_memory.run,
    "idle-requests": idle_requests.run,
    "change-latency": change_latency.run,
    "canary-latency": change_latency.run_canary,
    "retreat": retreat.run,
    "retreat-in-a-crowd": retreat.run_in_a_crowd,
    "verdict": verdict.run,
    "recovery": recovery.run,
    "rollout-requests": rollout_requests.run,
    "aborted-requests": aborted_requests.run,
    "many-rollouts": many_rollouts.run,
    "loaded-memory": loaded_memory.run,
    "monitor": monitor.run,
    "feedback": feedback.run,
    "proxy-latency": proxy_latency.run,
    "proxy-throughput": proxy_throughput.run,
    "collector-faults": sidecar_faults.run,
    "proxy-killed": sidecar_faults.run_proxy,
    "middleware": middleware.run,
    "check-duration": check_duration.run,
}


def main() -> int:
    """Run what was asked for; 1 if a figure misses its limit or a run went wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the operator.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which to run: {', '.join(BENCHMARKS)} (default: all)"
    )
    parser.add_argument("--quick", action="store_true", help="smaller numbers, for work on a benchmark")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - BENCHMARKS.keys():
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    figures: list[Figure] = []
    for name in chosen.names or BENCHMARKS:
        figures += _run(name, quick=chosen.quick)
    if chosen.quick:
        print("QUICK RUN, with smaller numbers than the limits are meant for:")
    show(figures)
    if not chosen.quick and not chosen.names:
        write(figures)
        print(f"written to {RESULTS.relative_to(RESULTS.parents[1])}")
    return 0 if all(figure.ok for figure in figures) else 1


def _run(name: str, *, quick: bool) -> list[Figure]:
    step(f"benchmark {name}")
    try:
        return BENCHMARKS[name](quick=quick)
    except Exception:  # noqa: BLE001 - the others still run, and this one counts as failed
        traceback.print_exc()
        return [Figure(name, None, "", Conditions("ended with an error, see above", errors=1, work=0))]


sys.exit(main())
