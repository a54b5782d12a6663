"""The operator's memory with nothing to do: a cluster without a single ModelDeployment, half a minute long."""

from typing import Final

from benchmarks.figures import Conditions, Figure
from benchmarks.setting import setting
from tests.cluster.parts.progress import step

LIMIT_MB: Final = 70
SECONDS: Final = 30
QUICK_SECONDS: Final = 5


def run(*, quick: bool) -> list[Figure]:
    """Measure."""
    with setting() as place:
        operator = place.start_operator()
        operator.wait_until_in_step(timeout=60)
        operator.wait_until_at_rest(timeout=60)
        seconds = QUICK_SECONDS if quick else SECONDS
        step(f"watching the memory of an operator with nothing to do for {seconds} s")
        memory = operator.watch_memory(seconds)
        conditions = Conditions(
            load=f"no ModelDeployment, watched for {seconds} s",
            errors=operator.count_complaints(),
            work=int(operator.metric("rest_client_requests_total")),
        )
        operator.stop()
    return [
        Figure("memory with nothing to do", memory.now, "MB", conditions, LIMIT_MB),
        Figure("memory with nothing to do, peak", memory.peak, "MB", conditions),
    ]
