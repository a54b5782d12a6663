"""From a changed spec to the new pods being asked for, with 100 ModelDeployments: one change at a time, at random.

Two benchmarks: a new revision that takes over at once, and one that becomes a canary first. The clock runs from before
the change is sent until a watch of the benchmark sees the new revision's Deployment. The floor, measured in turn with
it, is the same client writing a Deployment itself and seeing it by the same watch.
"""

import asyncio
from functools import partial
from random import Random
from typing import Final

from benchmarks.figures import Conditions, Figure
from benchmarks.requests import Requests, over_connections
from benchmarks.setting import NAMESPACE, setting
from benchmarks.sightings import Matches, Sightings, percentile, timed
from benchmarks.workload import (
    AT_ONCE,
    ask_for,
    create_models,
    is_served,
    model_deployment,
    names,
    sizes,
    steps,
    wait_until_served,
)
from serinus.api import modeldeployment
from serinus.api.names import API_VERSION, LABEL_DEPLOYMENT
from serinus.cluster.resources import DEPLOYMENT
from tests.cluster.api import Api, Json
from tests.cluster.eventually import eventually_async
from tests.cluster.parts.progress import step

MODEL_COUNT: Final = 100
CHANGES: Final = 60
QUICK_MODEL_COUNT: Final = 10
QUICK_CHANGES: Final = 8
LIMIT_MILLISECONDS: Final = 100
DEADLINE_SECONDS: Final = 30
DEPLOYMENTS: Final = DEPLOYMENT.path(NAMESPACE)
FLOOR: Final = "floor"


def run(*, quick: bool) -> list[Figure]:
    """Measure a revision that takes over as soon as it is ready."""
    return _run("spec change to pods asked for", AT_ONCE, quick=quick)


def run_canary(*, quick: bool) -> list[Figure]:
    """Measure a revision that takes shares of the traffic first."""
    return _run("spec change to canary pods asked for", steps((34, 0), (67, 0)), quick=quick)


def _run(name: str, rollout: Json, *, quick: bool) -> list[Figure]:
    count, changes = (QUICK_MODEL_COUNT, QUICK_CHANGES) if quick else (MODEL_COUNT, CHANGES)
    with setting() as place:
        operator = place.start_operator()
        operator.wait_until_in_step(timeout=60)
        measure = partial(_measure, api=place.plane.api, rollout=rollout, count=count, changes=changes)
        changed, floor, pods = over_connections(place.plane, measure)
        way = ", ".join(f"{each['weight']} %" for each in rollout["steps"]) or "none"
        load = f"{changes} changes, one at a time, {count} ModelDeployments; steps: {way}; {sizes(place.plane.api)}"
        conditions = Conditions(load, pods, errors=operator.count_complaints(), work=len(changed))
        operator.stop()
    return [
        Figure(f"{name}, p50", percentile(changed, 50), "ms", conditions, LIMIT_MILLISECONDS),
        Figure(f"{name}, p90", percentile(changed, 90), "ms", conditions),
        Figure("floor: a Deployment written directly, p50", percentile(floor, 50), "ms", conditions),
        Figure("floor: a Deployment written directly, p90", percentile(floor, 90), "ms", conditions),
    ]


async def _measure(
    connection: Requests, api: Api, rollout: Json, count: int, changes: int
) -> tuple[list[float], list[float], int]:
    step(f"making {count} ModelDeployments")
    await create_models(connection, names(count), rollout)
    pods = await asyncio.to_thread(wait_until_served, api, count, 300)
    changed, floor = [], []
    async with Sightings.of(connection, api, DEPLOYMENT) as deployments:
        step(f"changing {changes} of them")
        for name in Random(changes).sample(names(count), changes):  # noqa: S311 - no secret
            floor.append(await _write_directly(connection, deployments))
            change = ask_for(connection, name, "2", rollout)
            changed.append(await timed(change, deployments.first(_comes(name))))
            await eventually_async(partial(_is_served, api, name), DEADLINE_SECONDS, f"{name} is served")
    return changed, floor, pods


async def _write_directly(connection: Requests, deployments: Sightings) -> float:
    """Return the milliseconds from writing a Deployment until it is seen."""
    labels = {LABEL_DEPLOYMENT: FLOOR}
    pods = {"metadata": {"labels": labels}, "spec": model_deployment(FLOOR)["spec"]["template"]["spec"]}
    manifest = {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": {"name": FLOOR, "namespace": NAMESPACE, "labels": labels},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": pods},
    }
    path = f"{DEPLOYMENTS}/{FLOOR}"
    milliseconds = await timed(connection.apply(path, manifest), deployments.first(_comes(FLOOR)))
    await connection.delete(path)
    return milliseconds


def _comes(name: str) -> Matches:
    return lambda change, item: change == "ADDED" and item["metadata"]["labels"][LABEL_DEPLOYMENT] == name


async def _is_served(api: Api, name: str) -> bool:
    model: Json | None = await asyncio.to_thread(api.read, API_VERSION, modeldeployment.KIND, name, NAMESPACE)
    return model is not None and is_served(model)
