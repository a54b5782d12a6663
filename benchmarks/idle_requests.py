"""What 100 idle ModelDeployments cost the API server in a minute, counted by the API server itself.

The operator is started anew beside them, so that the minute lies between its sweeps. Renewals of Lease and watches are
counted apart, and so is one sweep, for which the benchmark waits afterwards.
"""

from collections import Counter
from functools import partial
from typing import Final

from benchmarks.figures import Conditions, Figure
from benchmarks.operator_process import OperatorProcess
from benchmarks.requests import over_connections
from benchmarks.setting import Setting, setting
from benchmarks.traffic import READS, WRITES, Asked, described, renewals, total
from benchmarks.workload import create_models, names, sizes, wait_until_served
from tests.cluster.eventually import eventually
from tests.cluster.parts.progress import step

MODELS: Final = 100
SECONDS: Final = 60
QUICK_MODELS: Final = 10
QUICK_SECONDS: Final = 10
SETTLING_SECONDS: Final = 20
SWEEP_MARGIN_SECONDS: Final = 20


def run(*, quick: bool) -> list[Figure]:
    """Measure."""
    models, seconds = (QUICK_MODELS, QUICK_SECONDS) if quick else (MODELS, SECONDS)
    with setting() as place:
        first = place.start_operator()
        first.wait_until_in_step(timeout=60)
        step(f"making {models} ModelDeployments")
        over_connections(place.plane, partial(create_models, wanted=names(models)))
        pods = wait_until_served(place.plane.api, models, timeout=300)
        first.wait_until_at_rest(timeout=60)
        first.stop()

        operator = place.start_operator(f"--sweep-seconds={SETTLING_SECONDS + seconds + SWEEP_MARGIN_SECONDS}")
        operator.wait_until_in_step(timeout=60)
        operator.wait_until_at_rest(timeout=SETTLING_SECONDS)
        step(f"counting the requests of {seconds} s")
        asked = place.traffic.count_for(seconds)
        swept = _requests_of_one_sweep(place, operator)
        load = f"{models} idle ModelDeployments, {seconds} s; {sizes(place.plane.api)}"
        conditions = Conditions(
            load, pods, first.count_complaints() + operator.count_complaints(), work=renewals(asked)
        )
        operator.stop()
    return [
        Figure("writes while idle", total(asked, *WRITES), "requests", conditions, limit=0),
        Figure("reads while idle", total(asked, *READS), "requests", conditions, limit=0),
        Figure("apart: Lease while idle", renewals(asked), "requests", conditions),
        Figure("apart: watches opened while idle", total(asked, "watch"), "requests", conditions),
        Figure("apart: one sweep, reads", total(swept, *READS), "requests", conditions),
    ]


def _requests_of_one_sweep(place: Setting, operator: OperatorProcess) -> Counter[Asked]:
    before = place.traffic.count()

    def began() -> bool:
        return total(place.traffic.count() - before, "list") > 0

    eventually(began, 2 * SWEEP_MARGIN_SECONDS + SETTLING_SECONDS, "the operator sweeps", interval=1)
    operator.wait_until_at_rest(timeout=60)
    swept = place.traffic.count() - before
    step(f"one sweep asked: {described(swept)}")
    return swept
