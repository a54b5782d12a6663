"""What one whole rollout asks of the API server, counted by itself: from a changed spec until the old revision is gone.

One step, a promotion, nobody else's ModelDeployments. The history is full, so that every rollout also forgets a record.
Pods become ready at once, or one after the other as real ones do: each of them is something to report. The figures are
those of the rollout that asked most.
"""

from collections import Counter
from functools import partial
from itertools import count
from typing import Final

from benchmarks.figures import Conditions, Figure
from benchmarks.operator_process import OperatorProcess
from benchmarks.requests import over_connections
from benchmarks.setting import NAMESPACE, Setting, setting
from benchmarks.traffic import ALL, READS, WRITES, Asked, described, total
from benchmarks.workload import (
    ask_for,
    count_ready_pods,
    create_models,
    image_of,
    is_ready,
    is_served,
    names,
    read_model,
    sizes,
    steps,
)
from serinus.api.names import LABEL_DEPLOYMENT, LABEL_REVISION
from serinus.cluster.resources import DEPLOYMENT, EVENT, POD, SERVICE, Resource
from tests.cluster.api import Json
from tests.cluster.eventually import NotYetError, eventually
from tests.cluster.parts.progress import step
from tests.cluster.simulated_pods import NEVER_READY, READY

ROLLOUTS: Final = 5
QUICK_ROLLOUTS: Final = 2
BEFOREHAND: Final = 2
"""Rollouts until the history is full."""
DRAIN_SECONDS: Final = 5
QUICK_DRAIN_SECONDS: Final = 2
POD_SECONDS: Final = 1.0
TIMEOUT: Final = 120
LIMIT: Final = 40
LIMIT_WRITES: Final = 28
LIMIT_OBJECTS: Final = 20
(NAME,) = names(1)


def run(*, quick: bool) -> list[Figure]:
    """Measure."""
    rollouts, drain = (QUICK_ROLLOUTS, QUICK_DRAIN_SECONDS) if quick else (ROLLOUTS, DRAIN_SECONDS)
    rollout = steps((34, 1), scaleDownDelaySeconds=drain, history=1)
    with setting() as place:
        operator = place.start_operator()
        operator.wait_until_in_step(timeout=60)
        over_connections(place.plane, partial(create_models, wanted=[NAME], rollout=rollout))
        versions = map(str, count(2))
        eventually(lambda: is_served(read_model(place.plane.api, NAME)), TIMEOUT, "it is served")
        measure = partial(_measure, place, operator, rollout)
        for _ in range(BEFOREHAND):
            measure(next(versions), slowly=False)
        figures = []
        for slowly in (False, True):
            way = f"a pod every {POD_SECONDS:g} s" if slowly else "all pods at once"
            asked = [measure(next(versions), slowly=slowly) for _ in range(rollouts)]
            load = f"the most of {rollouts} rollouts, {way}; 34 % for 1 s, then all; {sizes(place.plane.api)}"
            pods = count_ready_pods(place.plane.api)
            conditions = Conditions(load, pods, operator.count_complaints(), work=min(map(Counter.total, asked)))
            figures += _figures(asked, way, conditions)
        operator.stop()
    return figures


def _figures(asked: list[Counter[Asked]], way: str, conditions: Conditions) -> list[Figure]:
    def most(*actions: str, but_for: tuple[Resource, ...] = ()) -> int:
        return max(total(each, *actions, but_for=but_for) for each in asked)

    return [
        Figure(f"requests of a rollout, {way}", most(*ALL), "requests", conditions, LIMIT),
        Figure(f"of them writes, {way}", most(*WRITES), "requests", conditions, LIMIT_WRITES),
        Figure(f"of them no Events, {way}", most(*WRITES, but_for=(EVENT,)), "requests", conditions, LIMIT_OBJECTS),
        Figure(f"reads of a rollout, {way}", most(*READS), "requests", conditions),
    ]


def _measure(place: Setting, operator: OperatorProcess, rollout: Json, version: str, *, slowly: bool) -> Counter[Asked]:
    before = place.traffic.count()
    if slowly:
        place.nodes.decide(NEVER_READY, image=image_of(NAME, version))
    ask = partial(ask_for, name=NAME, version=version, rollout=rollout)
    revision = over_connections(place.plane, ask)

    def done() -> bool:
        if slowly:
            _let_one_more_come(place)
        return _is_all_there_is(place, revision) and is_served(read_model(place.plane.api, NAME))

    eventually(done, TIMEOUT, f"{revision} serves and is alone", interval=POD_SECONDS)
    operator.wait_until_at_rest(timeout=60)
    asked = place.traffic.count() - before
    step(f"a rollout asked: {described(asked)}")
    return asked


def _let_one_more_come(place: Setting) -> None:
    for pod in place.plane.api.find(POD.api_version, POD.kind, NAMESPACE, labels=LABEL_DEPLOYMENT):
        if not is_ready(pod):
            place.nodes.decide(READY, pod=f"{NAMESPACE}/{pod['metadata']['name']}")
            return


def _is_all_there_is(place: Setting, revision: str) -> bool:
    """Whether nothing is left of any other revision."""
    there = {
        item["metadata"]["labels"].get(LABEL_REVISION, revision)
        for kind in (DEPLOYMENT, SERVICE, POD)
        for item in place.plane.api.find(kind.api_version, kind.kind, NAMESPACE, labels=LABEL_DEPLOYMENT)
    }
    if there != {revision}:
        raise NotYetError(f"there is something of {', '.join(sorted(there))}")
    return True
