"""Two hundred rollouts at once: whether all of them go through every step, and how long they take together.

Every ModelDeployment is changed at the same moment. What each rollout did stands in its ModelRelease: the shares it
held, in which order and for how long. The floor is what the cluster itself takes to bring as many pods up for as many
Deployments that are written directly; the steps' own time comes on top.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from benchmarks.figures import Conditions, Figure
from benchmarks.histogram import Histogram
from benchmarks.operator_process import OperatorProcess
from benchmarks.requests import Requests, each_of, over_connections
from benchmarks.setting import NAMESPACE, setting
from benchmarks.workload import (
    REPLICAS,
    ask_for,
    create_models,
    model_deployment,
    names,
    sizes,
    steps,
    wait_until_served,
)
from serinus.api import modelrelease
from serinus.api.modelrelease import Attempt, ModelReleaseStatus, Result
from serinus.api.names import API_VERSION
from serinus.cluster.resources import DEPLOYMENT, POD
from tests.cluster.api import Api, Json
from tests.cluster.eventually import NotYetError, eventually
from tests.cluster.parts.progress import step

ROLLOUTS: Final = 200
QUICK_ROLLOUTS: Final = 20
STEPS: Final = ((25, 1), (50, 1), (75, 1))
ROLLOUT: Final = steps(*STEPS, scaleDownDelaySeconds=0)
VERSION: Final = "2"
TIMEOUT: Final = 600
LOOK_SECONDS: Final = 0.5
FLOOR: Final = "floor"
RECONCILE: Final = "controller_runtime_reconcile_time_seconds"
WAIT: Final = "workqueue_queue_duration_seconds"


def run(*, quick: bool) -> list[Figure]:
    """Measure."""
    wanted = names(QUICK_ROLLOUTS if quick else ROLLOUTS)
    with setting() as place:
        api = place.plane.api
        floor = over_connections(place.plane, partial(_write_directly, api=api, wanted=wanted))
        operator = place.start_operator()
        operator.wait_until_in_step(timeout=60)
        step(f"making {len(wanted)} ModelDeployments")
        over_connections(place.plane, partial(create_models, wanted=wanted, rollout=ROLLOUT))
        pods = wait_until_served(api, len(wanted), TIMEOUT)
        operator.wait_until_at_rest(TIMEOUT)
        before, busy_before = _histograms(operator), operator.processor_seconds()
        began = datetime.now(UTC)
        step("changing all of them")
        over_connections(place.plane, partial(_change, wanted=wanted))
        wait_until_served(api, len(wanted), TIMEOUT)
        reconciles, waits = (after - then for after, then in zip(_histograms(operator), before, strict=True))
        busy = operator.processor_seconds() - busy_before
        records = _records(api)
        way = ", ".join(f"{weight} % for {seconds} s" for weight, seconds in STEPS)
        load = f"{len(wanted)} rollouts at once, {way}; {reconciles.total} reconciles; {sizes(api)}"
        conditions = Conditions(load, pods, operator.count_complaints(), work=len(records))
        operator.stop()
    wrong = len(wanted) - sum(map(_went_through_every_step, records))
    ended = max(attempt.outcome.at for each in records for attempt in each.attempts or () if attempt.outcome)
    return [
        Figure("rollouts that left out a step or cut one short", wrong, "rollouts", conditions, limit=0),
        Figure("first change to last promotion", (ended - began).total_seconds(), "s", conditions),
        Figure("floor: as many Deployments written directly", floor, "s", conditions),
        Figure("CPU of the operator for each rollout", busy / len(wanted) * 1000, "ms", conditions),
        Figure("reconcile, p99", reconciles.percentile(99) * 1000, "ms", conditions),
        Figure("wait for a worker, p99", waits.percentile(99) * 1000, "ms", conditions),
    ]


def _histograms(operator: OperatorProcess) -> tuple[Histogram, Histogram]:
    exposed = operator.metrics()
    return Histogram.read(RECONCILE, exposed), Histogram.read(WAIT, exposed)


async def _change(connection: Requests, wanted: list[str]) -> None:
    await each_of(wanted, lambda name: ask_for(connection, name, VERSION, ROLLOUT))


def _records(api: Api) -> list[ModelReleaseStatus]:
    """Return what is on record of every rollout."""
    releases = api.find(API_VERSION, modelrelease.KIND, NAMESPACE)
    statuses = (each["status"] for each in releases if each["spec"]["version"] == VERSION)
    return [ModelReleaseStatus.model_validate(status) for status in statuses]


def _went_through_every_step(record: ModelReleaseStatus) -> bool:
    """Whether it took one attempt, which held every share in turn for its time, and then took over."""
    attempts: tuple[Attempt, ...] = record.attempts or ()
    if len(attempts) != 1 or record.result is not Result.PROMOTED:
        return False
    held = attempts[0].held
    shares = [(each.step, each.weight) for each in held]
    if shares != [(number, weight) for number, (weight, _) in enumerate(STEPS, start=1)]:
        return False
    times = [each.until - each.since for each in held]
    return all(time >= timedelta(seconds=seconds) for time, (_, seconds) in zip(times, STEPS, strict=True))


async def _write_directly(connection: Requests, api: Api, wanted: list[str]) -> float:
    """Return the seconds from writing Deployments until all of their pods are ready; nothing of them stays."""
    step(f"writing {len(wanted)} Deployments directly")
    path = DEPLOYMENT.path(NAMESPACE)
    loop = asyncio.get_running_loop()
    started = loop.time()
    await each_of(wanted, lambda name: connection.create(path, _deployment(name)))
    await asyncio.to_thread(_wait_until_ready, api, len(wanted))
    seconds = loop.time() - started
    await each_of(wanted, lambda name: connection.delete(f"{path}/{name}"))
    await asyncio.to_thread(_wait_until_gone, api)
    return seconds


def _deployment(name: str) -> Json:
    labels = {"app": name, "benchmark": FLOOR}
    pods = {"metadata": {"labels": labels}, "spec": model_deployment(name)["spec"]["template"]["spec"]}
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": pods},
    }


def _wait_until_ready(api: Api, number: int) -> None:
    def ready() -> bool:
        deployments = api.find(DEPLOYMENT.api_version, DEPLOYMENT.kind, NAMESPACE)
        there = sum(each["status"].get("readyReplicas", 0) == REPLICAS for each in deployments)
        if there < number:
            raise NotYetError(f"{there} of {number} have their pods")
        return True

    eventually(ready, TIMEOUT, "all Deployments have their pods", interval=LOOK_SECONDS)


def _wait_until_gone(api: Api) -> None:
    def gone() -> bool:
        return not api.find(POD.api_version, POD.kind, NAMESPACE, labels=f"benchmark={FLOOR}")

    eventually(gone, TIMEOUT, "the pods are gone", interval=LOOK_SECONDS)
