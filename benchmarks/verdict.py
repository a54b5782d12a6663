"""How soon a canary that is shown to be worse has no traffic any more.

Canaries of many ModelDeployments hold their share; of one after the other the operator is told that it is worse, by a
source of verdicts that does not ship: what a source takes to find out is no part of this. The clock runs from before it
is told until a watch of the benchmark sees that the address leads to the stable revision again.
"""

import asyncio
from functools import partial
from random import Random
from typing import Final

from benchmarks.figures import Conditions, Figure
from benchmarks.requests import Requests, over_connections
from benchmarks.setting import NAMESPACE, Setting, setting
from benchmarks.sightings import Sightings, leads_to_one_revision, percentile, timed
from benchmarks.workload import (
    HELD_FOR_EVER,
    bring_to_weight,
    create_models,
    names,
    sizes,
    steps,
    wait_until_held,
    wait_until_served,
)
from serinus.cluster.objects import Key
from serinus.cluster.resources import SERVICE
from serinus.rollout.view import Judgement, Verdict
from tests.cluster.parts.progress import step
from tests.cluster.ports import free_port
from tests.e2e.judged_operator import tell

MODEL_COUNT: Final = 100
CANARIES: Final = 40
QUICK_MODEL_COUNT: Final = 10
QUICK_CANARIES: Final = 8
LIMIT_MILLISECONDS: Final = 100
WEIGHT: Final = 25
ROLLOUT: Final = steps((WEIGHT, HELD_FOR_EVER))
WORSE: Final = Judgement(Verdict.WORSE, "errors 0.09 > stable 0.01")


def run(*, quick: bool) -> list[Figure]:
    """Measure."""
    count, canaries = (QUICK_MODEL_COUNT, QUICK_CANARIES) if quick else (MODEL_COUNT, CANARIES)
    with setting() as place:
        port = free_port()
        operator = place.start_judged_operator(port)
        operator.wait_until_in_step(timeout=60)
        measure = partial(_measure, place=place, port=port, count=count, canaries=canaries)
        spent, pods = over_connections(place.plane, measure)
        load = f"{canaries} canaries at {WEIGHT} %, one at a time, {count} ModelDeployments; {sizes(place.plane.api)}"
        conditions = Conditions(load, pods, errors=operator.count_complaints(), work=len(spent))
        operator.stop()
    return [
        Figure("a verdict to weight 0, p50", percentile(spent, 50), "ms", conditions, LIMIT_MILLISECONDS),
        Figure("a verdict to weight 0, p90", percentile(spent, 90), "ms", conditions),
    ]


async def _measure(
    connection: Requests, place: Setting, port: int, count: int, canaries: int
) -> tuple[list[float], int]:
    api = place.plane.api
    step(f"making {count} ModelDeployments")
    await create_models(connection, names(count), ROLLOUT)
    await asyncio.to_thread(wait_until_served, api, count, 300)
    chosen = Random(canaries).sample(names(count), canaries)  # noqa: S311 - no secret
    pods = await bring_to_weight(connection, api, chosen, ROLLOUT)
    spent = []
    async with Sightings.of(connection, api, SERVICE) as services:
        step(f"telling of {canaries} canaries that they are worse")
        for name in chosen:
            verdict = tell(port, Key(NAMESPACE, name), WORSE)
            spent.append(await timed(verdict, services.first(leads_to_one_revision(name))))
            await asyncio.to_thread(wait_until_held, api, [name], 0, 30)
    return spent, pods
