"""How soon a canary that lost its last ready pod has no traffic any more, alone and while many rollouts go on.

Canaries of many ModelDeployments hold their share; one after the other loses its only pod, which a simulated node
reports. The clock runs from before that is decided until a watch of the benchmark sees that the address leads to the
stable revision again. What Kubernetes itself takes until the Deployment's status says so is shown apart, and so is the
floor, measured in turn with it: a Service written directly and seen by the same watch.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Final

from benchmarks.figures import Conditions, Figure
from benchmarks.requests import Requests, each_of, over_connections
from benchmarks.setting import NAMESPACE, Setting, setting
from benchmarks.sightings import Matches, Sightings, leads_to_one_revision, milliseconds, percentile, seen, timed
from benchmarks.workload import (
    CANARY_VERSION,
    HELD_FOR_EVER,
    ask_for,
    bring_to_weight,
    create_models,
    image_of,
    is_served,
    names,
    sizes,
    steps,
    wait_until_held,
    wait_until_served,
)
from serinus.api.names import LABEL_DEPLOYMENT, LABEL_REVISION
from serinus.cluster.resources import DEPLOYMENT, MODEL_DEPLOYMENT, SERVICE
from tests.cluster.api import Api
from tests.cluster.parts.progress import step
from tests.cluster.simulated_pods import crash_loop

MODEL_COUNT: Final = 100
CANARIES: Final = 40
QUICK_MODEL_COUNT: Final = 10
QUICK_CANARIES: Final = 8
LIMIT_MILLISECONDS: Final = 100
WEIGHT: Final = 25
ROLLOUT: Final = steps((WEIGHT, HELD_FOR_EVER))
FLOOR: Final = "floor"

CROWD: Final = 200
CROWD_CANARIES: Final = 10
QUICK_CROWD: Final = 20
QUICK_CROWD_CANARIES: Final = 3
CROWD_ROLLOUT: Final = steps((25, 1), (50, 1), (75, 1))
TIMEOUT: Final = 600


@dataclass
class _Measured:
    """Milliseconds of every retreat: from the pod's loss, from the Deployment's status, and of the floor."""

    since_pod: list[float] = field(default_factory=list)
    since_status: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    pods: int = 0
    left: int = 0
    """Rollouts of the crowd that went on to the end of the measurement."""


def run(*, quick: bool) -> list[Figure]:
    """Measure."""
    count, canaries = (QUICK_MODEL_COUNT, QUICK_CANARIES) if quick else (MODEL_COUNT, CANARIES)
    with setting() as place:
        operator = place.start_operator()
        operator.wait_until_in_step(timeout=60)
        measured = over_connections(place.plane, partial(_measure, place=place, count=count, canaries=canaries))
        load = f"{canaries} canaries of 1 pod at {WEIGHT} %, one at a time, {count} ModelDeployments"
        conditions = Conditions(
            f"{load}; {sizes(place.plane.api)}",
            measured.pods,
            errors=operator.count_complaints(),
            work=len(measured.since_pod),
        )
        operator.stop()
    pod, status, floor = measured.since_pod, measured.since_status, measured.floor
    return [
        Figure("last pod lost to weight 0, p50", percentile(pod, 50), "ms", conditions, LIMIT_MILLISECONDS),
        Figure("last pod lost to weight 0, p90", percentile(pod, 90), "ms", conditions),
        Figure("readyReplicas 0 to weight 0, p50", percentile(status, 50), "ms", conditions),
        Figure("readyReplicas 0 to weight 0, p90", percentile(status, 90), "ms", conditions),
        Figure("floor: a Service written directly, p50", percentile(floor, 50), "ms", conditions),
        Figure("floor: a Service written directly, p90", percentile(floor, 90), "ms", conditions),
    ]


def run_in_a_crowd(*, quick: bool) -> list[Figure]:
    """Measure while many rollouts wait for a worker: a retreat goes before them."""
    crowd, canaries = (QUICK_CROWD, QUICK_CROWD_CANARIES) if quick else (CROWD, CROWD_CANARIES)
    with setting() as place:
        operator = place.start_operator()
        operator.wait_until_in_step(timeout=60)
        measure = partial(_measure_in_a_crowd, place=place, crowd=crowd, canaries=canaries)
        measured = over_connections(place.plane, measure)
        load = (
            f"{canaries} canaries of 1 pod at {WEIGHT} %, beside {crowd} rollouts, {measured.left} of them to the end"
        )
        conditions = Conditions(
            f"{load}; {sizes(place.plane.api)}", measured.pods, errors=operator.count_complaints(), work=measured.left
        )
        operator.stop()
    status = measured.since_status
    return [
        Figure(f"readyReplicas 0 to weight 0 beside {crowd} rollouts, p50", percentile(status, 50), "ms", conditions),
        Figure(f"readyReplicas 0 to weight 0 beside {crowd} rollouts, slowest", max(status), "ms", conditions),
        Figure(
            f"last pod lost to weight 0 beside {crowd} rollouts, slowest", max(measured.since_pod), "ms", conditions
        ),
    ]


async def _measure(connection: Requests, place: Setting, count: int, canaries: int) -> _Measured:
    api, wanted = place.plane.api, names(count)
    step(f"making {count} ModelDeployments")
    await create_models(connection, wanted, ROLLOUT)
    await asyncio.to_thread(wait_until_served, api, count, TIMEOUT)
    chosen = Random(canaries).sample(wanted, canaries)  # noqa: S311 - no secret
    measured = _Measured(pods=await bring_to_weight(connection, api, chosen, ROLLOUT))
    async with _sightings(connection, api) as (services, deployments):
        step("taking their pods away")
        for name in chosen:
            measured.floor.append(await _write_directly(connection, services))
            await _lose_pods(place, name, measured, services, deployments)
            await asyncio.to_thread(wait_until_held, api, [name], 0, 30)
    return measured


async def _measure_in_a_crowd(connection: Requests, place: Setting, crowd: int, canaries: int) -> _Measured:
    api, wanted = place.plane.api, names(crowd + canaries)
    step(f"making {len(wanted)} ModelDeployments")
    await create_models(connection, wanted, ROLLOUT)
    await asyncio.to_thread(wait_until_served, api, len(wanted), TIMEOUT)
    chosen, others = wanted[:canaries], wanted[canaries:]
    measured = _Measured(pods=await bring_to_weight(connection, api, chosen, ROLLOUT))
    async with _sightings(connection, api) as (services, deployments):
        step(f"changing {crowd} others")
        await each_of(others, lambda name: ask_for(connection, name, CANARY_VERSION, CROWD_ROLLOUT))
        step("taking the pods of the canaries away")
        for name in chosen:
            await _lose_pods(place, name, measured, services, deployments)
    models = await asyncio.to_thread(api.find, MODEL_DEPLOYMENT.api_version, MODEL_DEPLOYMENT.kind, NAMESPACE)
    measured.left = crowd - sum(map(is_served, models))
    return measured


@asynccontextmanager
async def _sightings(connection: Requests, api: Api) -> AsyncIterator[tuple[Sightings, Sightings]]:
    async with (
        Sightings.of(connection, api, SERVICE) as services,
        Sightings.of(connection, api, DEPLOYMENT) as deployments,
    ):
        yield services, deployments


async def _lose_pods(
    place: Setting, name: str, measured: _Measured, services: Sightings, deployments: Sightings
) -> None:
    lost = deployments.first(_has_no_ready_pod(name))
    back = services.first(leads_to_one_revision(name))
    started = time.perf_counter()
    place.nodes.decide(crash_loop(), image=image_of(name, CANARY_VERSION))
    ended = await seen(back)
    measured.since_pod.append(milliseconds(started, ended))
    measured.since_status.append(milliseconds(await seen(lost), ended))


async def _write_directly(connection: Requests, services: Sightings) -> float:
    """Return the milliseconds from writing a Service until it is seen."""
    labels = {LABEL_DEPLOYMENT: FLOOR, LABEL_REVISION: "0" * 10}
    manifest = {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": {"name": FLOOR, "namespace": NAMESPACE, "labels": {LABEL_DEPLOYMENT: FLOOR}},
        "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }
    path = f"{SERVICE.path(NAMESPACE)}/{FLOOR}"
    spent = await timed(connection.apply(path, manifest), services.first(leads_to_one_revision(FLOOR)))
    await connection.delete(path)
    return spent


def _has_no_ready_pod(name: str) -> Matches:
    return lambda change, item: (
        change == "MODIFIED"
        and item["metadata"]["labels"][LABEL_DEPLOYMENT] == name
        and item["status"].get("readyReplicas", 0) == 0
    )
