"""From a changed spec to the new pods being asked for, with 100 ModelDeployments: one change at a time, at random.

The clock runs from before the change is sent until a watch of the benchmark sees the new revision's Deployment. The
floor, measured in turn with it, is the same client writing a Deployment itself and seeing it by the same watch.
"""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import suppress
from functools import partial
from random import Random
from statistics import quantiles
from typing import Any, Final

from benchmarks.figures import Conditions, Figure
from benchmarks.requests import Requests, over_connections
from benchmarks.setting import NAMESPACE, setting
from benchmarks.workload import (
    MODELS,
    create_models,
    is_served,
    model_deployment,
    names,
    sizes,
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
    """Measure."""
    count, changes = (QUICK_MODEL_COUNT, QUICK_CHANGES) if quick else (MODEL_COUNT, CHANGES)
    with setting() as place:
        operator = place.start_operator()
        operator.wait_until_in_step(timeout=60)
        measure = partial(_measure, api=place.plane.api, count=count, changes=changes)
        changed, floor, pods = over_connections(place.plane, measure)
        load = f"{changes} changes, one at a time, {count} ModelDeployments; {sizes(place.plane.api)}"
        conditions = Conditions(load, pods, errors=operator.count_complaints(), work=len(changed))
        operator.stop()
    return [
        Figure("spec change to pods asked for, p50", _percentile(changed, 50), "ms", conditions, LIMIT_MILLISECONDS),
        Figure("spec change to pods asked for, p90", _percentile(changed, 90), "ms", conditions),
        Figure("floor: a Deployment written directly, p50", _percentile(floor, 50), "ms", conditions),
        Figure("floor: a Deployment written directly, p90", _percentile(floor, 90), "ms", conditions),
    ]


async def _measure(connection: Requests, api: Api, count: int, changes: int) -> tuple[list[float], list[float], int]:
    step(f"making {count} ModelDeployments")
    await create_models(connection, names(count))
    pods = await asyncio.to_thread(wait_until_served, api, count, 300)
    arrivals = await _Arrivals.begin(connection, api)
    try:
        step(f"changing {changes} of them")
        changed, floor = [], []
        for name in Random(changes).sample(names(count), changes):  # noqa: S311 - no secret
            floor.append(await _write_directly(connection, arrivals))
            changed.append(await _change(connection, arrivals, name))
            await eventually_async(partial(_is_served, api, name), DEADLINE_SECONDS, f"{name} is served")
    finally:
        await arrivals.end()
    return changed, floor, pods


async def _change(connection: Requests, arrivals: "_Arrivals", name: str) -> float:
    """Return the milliseconds from a change of a spec until there is the new revision's Deployment."""
    manifest = model_deployment(name, version="2")
    return await arrivals.time(name, connection.merge(f"{MODELS}/{name}", {"spec": manifest["spec"]}))


async def _write_directly(connection: Requests, arrivals: "_Arrivals") -> float:
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
    milliseconds = await arrivals.time(FLOOR, connection.apply(path, manifest))
    await connection.delete(path)
    return milliseconds


class _Arrivals:
    """Notes when the first Deployment of each ModelDeployment is seen that somebody waits for."""

    def __init__(self, connection: Requests, since: str) -> None:
        self._awaited: dict[str, asyncio.Future[float]] = {}
        self._task = asyncio.create_task(self._follow(connection, since))

    @classmethod
    async def begin(cls, connection: Requests, api: Api) -> "_Arrivals":
        listed = await asyncio.to_thread(api.request, "GET", DEPLOYMENTS, query={"limit": "1"})
        return cls(connection, listed["metadata"]["resourceVersion"])

    async def end(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def time(self, name: str, write: Awaitable[Any]) -> float:
        """Return the milliseconds from the write until a Deployment appears."""
        self._awaited[name] = arrival = asyncio.get_running_loop().create_future()
        started = time.perf_counter()
        await write
        async with asyncio.timeout(DEADLINE_SECONDS):
            seen: float = await arrival
        return (seen - started) * 1000

    async def _follow(self, connection: Requests, since: str) -> None:
        async for event in connection.watch(DEPLOYMENTS, since):
            if event["type"] == "ADDED":
                name = event["object"]["metadata"]["labels"][LABEL_DEPLOYMENT]
                if arrival := self._awaited.pop(name, None):
                    arrival.set_result(time.perf_counter())


async def _is_served(api: Api, name: str) -> bool:
    model: Json | None = await asyncio.to_thread(api.read, API_VERSION, modeldeployment.KIND, name, NAMESPACE)
    return model is not None and is_served(model)


def _percentile(milliseconds: list[float], percent: int) -> float:
    return quantiles(milliseconds, n=100, method="inclusive")[percent - 1]
