"""What rollouts that were given up ask of the API server once their canaries are gone: nothing, by its own count."""

import asyncio
from functools import partial
from typing import Final

from benchmarks.figures import Conditions, Figure
from benchmarks.requests import Requests, each_of, over_connections
from benchmarks.setting import NAMESPACE, setting
from benchmarks.traffic import READS, WRITES, renewals, total
from benchmarks.workload import (
    HELD_FOR_EVER,
    REPLICAS,
    ask_for,
    create_models,
    give_command,
    names,
    sizes,
    steps,
    wait_until_held,
    wait_until_served,
)
from serinus.api import modeldeployment
from serinus.api.names import API_VERSION
from serinus.api.reasons import Reason
from tests.cluster.api import Api, Json
from tests.cluster.eventually import NotYetError, eventually
from tests.cluster.parts.progress import step

ROLLOUTS: Final = 20
SECONDS: Final = 30
QUICK_ROLLOUTS: Final = 3
QUICK_SECONDS: Final = 10
NEVER: Final = 3600
TIMEOUT: Final = 120
WEIGHT: Final = 25
ROLLOUT: Final = steps((WEIGHT, HELD_FOR_EVER), scaleDownDelaySeconds=2)


def run(*, quick: bool) -> list[Figure]:
    """Measure."""
    rollouts, seconds = (QUICK_ROLLOUTS, QUICK_SECONDS) if quick else (ROLLOUTS, SECONDS)
    with setting() as place:
        operator = place.start_operator(f"--sweep-seconds={NEVER}")
        operator.wait_until_in_step(timeout=60)
        pods = over_connections(place.plane, partial(_give_up, api=place.plane.api, wanted=names(rollouts)))
        operator.wait_until_at_rest(timeout=60)
        step(f"counting the requests of {seconds} s")
        asked = place.traffic.count_for(seconds)
        load = f"{rollouts} rollouts given up at {WEIGHT} %, settled, {seconds} s; {sizes(place.plane.api)}"
        conditions = Conditions(load, pods, operator.count_complaints(), work=renewals(asked))
        operator.stop()
    return [
        Figure("writes after an abort", total(asked, *WRITES), "requests", conditions, limit=0),
        Figure("reads after an abort", total(asked, *READS), "requests", conditions, limit=0),
    ]


async def _give_up(connection: Requests, api: Api, wanted: list[str]) -> int:
    """Return the number of ready pods, canaries at their weight included, before every rollout is given up."""
    step(f"bringing {len(wanted)} canaries to {WEIGHT} %")
    await create_models(connection, wanted, ROLLOUT)
    await asyncio.to_thread(wait_until_served, api, len(wanted), TIMEOUT)

    async def begin(name: str) -> None:
        revisions[name] = await ask_for(connection, name, "2", ROLLOUT)

    revisions: dict[str, str] = {}
    await each_of(wanted, begin)
    pods = await asyncio.to_thread(wait_until_held, api, wanted, WEIGHT, TIMEOUT)
    step("giving them up")
    await each_of(wanted, lambda name: give_command(connection, name, f"abort {revisions[name]} 1"))
    await asyncio.to_thread(_wait_until_settled, api)
    return pods


def _wait_until_settled(api: Api) -> None:
    def settled() -> bool:
        models = api.find(API_VERSION, modeldeployment.KIND, NAMESPACE)
        if waiting := [model["metadata"]["name"] for model in models if not _is_settled(model)]:
            raise NotYetError(f"not settled: {', '.join(waiting)}")
        return True

    eventually(settled, TIMEOUT, "all rollouts are given up, and their canaries gone", interval=1)


def _is_settled(model: Json) -> bool:
    status = model["status"]
    ready = next(condition for condition in status["conditions"] if condition["type"] == "Ready")
    return bool(ready["reason"] == Reason.ABORTED and status["replicas"] == REPLICAS and "lastCommand" in status)
