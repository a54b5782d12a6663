"""How soon a canary that lost its last ready pod has no traffic any more.

Canaries of many ModelDeployments hold their share; one after the other loses its only pod, which a simulated node
reports. The clock runs from before that is decided until a watch of the benchmark sees that the address leads to the
stable revision again. What Kubernetes itself takes until the Deployment's status says so is shown apart, and so is the
floor, measured in turn with it: a Service written directly and seen by the same watch.
"""

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Final

from benchmarks.figures import Conditions, Figure
from benchmarks.requests import Requests, each_of, over_connections
from benchmarks.setting import NAMESPACE, Setting, setting
from benchmarks.sightings import Matches, Sightings, leads_to_one_revision, milliseconds, percentile, seen, timed
from benchmarks.workload import (
    HELD_FOR_EVER,
    ask_for,
    create_models,
    image_of,
    names,
    sizes,
    steps,
    wait_until_held,
    wait_until_served,
)
from serinus.api.names import LABEL_DEPLOYMENT, LABEL_REVISION
from serinus.cluster.resources import DEPLOYMENT, SERVICE
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
CANARY_VERSION: Final = "2"


@dataclass
class _Measured:
    """Milliseconds of every retreat: from the pod's loss, from the Deployment's status, and of the floor."""

    since_pod: list[float] = field(default_factory=list)
    since_status: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    pods: int = 0


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


async def _measure(connection: Requests, place: Setting, count: int, canaries: int) -> _Measured:
    api = place.plane.api
    step(f"making {count} ModelDeployments")
    await create_models(connection, names(count), ROLLOUT)
    await asyncio.to_thread(wait_until_served, api, count, 300)
    chosen = Random(canaries).sample(names(count), canaries)  # noqa: S311 - no secret
    step(f"bringing {canaries} canaries to {WEIGHT} %")
    await each_of(chosen, lambda name: ask_for(connection, name, CANARY_VERSION, ROLLOUT))
    measured = _Measured(pods=await asyncio.to_thread(wait_until_held, api, chosen, WEIGHT, 300))
    async with (
        Sightings.of(connection, api, SERVICE) as services,
        Sightings.of(connection, api, DEPLOYMENT) as deployments,
    ):
        step("taking their pods away")
        for name in chosen:
            measured.floor.append(await _write_directly(connection, services))
            lost = deployments.first(_has_no_ready_pod(name))
            back = services.first(leads_to_one_revision(name))
            started = time.perf_counter()
            place.nodes.decide(crash_loop(), image=image_of(name, CANARY_VERSION))
            ended = await seen(back)
            measured.since_pod.append(milliseconds(started, ended))
            measured.since_status.append(milliseconds(await seen(lost), ended))
            await asyncio.to_thread(wait_until_held, api, [name], 0, 30)
    return measured


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
