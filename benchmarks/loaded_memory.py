"""The operator's memory with 1,000 ModelDeployments of three pods and a history of ten large releases each.

The operator makes the ModelDeployments' objects itself, simulated nodes make their pods ready, and the benchmark adds
the history. Then the operator is started anew, to see what everything at once costs: memory, time, reads.
"""

from functools import partial
from typing import Final

from benchmarks.figures import Conditions, Figure
from benchmarks.operator_process import Memory, OperatorProcess
from benchmarks.requests import over_connections
from benchmarks.setting import GIBIBYTE, Setting, setting
from benchmarks.traffic import READS, WRITES, described, total
from benchmarks.workload import (
    KIBIBYTE,
    count_ready_pods,
    create_models,
    create_releases,
    names,
    sizes,
    wait_until_served,
)
from tests.cluster.parts.progress import step

LIMIT_MB: Final = 120
MODELS: Final = 1000
QUICK_MODELS: Final = 50
RELEASES: Final = 10
RELEASE_BYTES: Final = 100 * KIBIBYTE
SECONDS: Final = 30
TIMEOUT: Final = 1800


def run(*, quick: bool) -> list[Figure]:
    """Measure."""
    models = QUICK_MODELS if quick else MODELS
    with setting(etcd_quota_bytes=8 * GIBIBYTE) as place:
        return [*_growing(place, models), *_started_anew(place, models)]


def _growing(place: Setting, models: int) -> list[Figure]:
    operator = place.start_operator()
    operator.wait_until_in_step(timeout=60)
    step(f"making {models} ModelDeployments")
    over_connections(place.plane, partial(create_models, wanted=names(models)))
    wait_until_served(place.plane.api, models, TIMEOUT)
    operator.wait_until_at_rest(TIMEOUT)
    alone = operator.memory()
    step(f"with {models} ModelDeployments: {alone.now:.1f} MB; making {models * RELEASES} ModelReleases")
    over_connections(place.plane, partial(create_releases, api=place.plane.api, number=RELEASES, size=RELEASE_BYTES))
    operator.wait_until_at_rest(TIMEOUT)
    memory, conditions = _watched(place, operator, models)
    operator.stop()
    return [
        Figure("memory with 1,000 ModelDeployments", memory.now, "MB", conditions, LIMIT_MB),
        Figure("memory with 1,000 ModelDeployments, peak", memory.peak, "MB", conditions, LIMIT_MB),
    ]


def _started_anew(place: Setting, models: int) -> list[Figure]:
    step("starting the operator anew")
    before = place.traffic.count()
    operator = place.start_operator()
    seconds = operator.wait_until_in_step(TIMEOUT)
    operator.wait_until_at_rest(TIMEOUT)
    asked = place.traffic.count() - before
    step(f"in step after {seconds:.1f} s and {operator.processor_seconds():.1f} s of CPU: {described(asked)}")
    memory, conditions = _watched(place, operator, models)
    operator.stop()
    return [
        Figure("memory after a restart with 1,000", memory.now, "MB", conditions, LIMIT_MB),
        Figure("memory after a restart with 1,000, peak", memory.peak, "MB", conditions, LIMIT_MB),
        Figure("time until in step after a restart", seconds, "s", conditions),
        Figure("reads after a restart", total(asked, *READS), "requests", conditions),
        Figure("writes after a restart, but for the Lease", total(asked, *WRITES), "requests", conditions),
    ]


def _watched(place: Setting, operator: OperatorProcess, models: int) -> tuple[Memory, Conditions]:
    step(f"watching the operator's memory for {SECONDS} s")
    memory = operator.watch_memory(SECONDS)
    api = place.plane.api
    load = f"{models} ModelDeployments, {models * RELEASES} past ModelReleases; {sizes(api)}"
    pods = count_ready_pods(api)
    return memory, Conditions(load, pods, errors=operator.count_complaints(), work=pods)
