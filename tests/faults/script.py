"""A rollout with everything in it, and the state of the world after each of its steps, in terms that do not vary."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from serinus.api.names import ANNOTATION_INTENT
from tests.cluster.api import Json
from tests.e2e.models import Model, spec

BAD_IMAGE: Final = "bad:1"

_POD: Final = re.compile(r"pod fraud-[0-9a-f]{10}-\w+-\w+")
_ASSIGNED: Final = ("clusterIP", "clusterIPs")
_TIMES: Final = ("lastTransitionTime", "creationTimestamp")


@dataclass(frozen=True)
class Step:
    """Something a user does, and when it has been done as far as the user cares."""

    name: str
    act: Callable[[Model], object]
    settled: Callable[[Model], object]


def _serves(wanted: Json) -> Callable[[Model], object]:
    return lambda model: model.settles(model.revision(wanted))


def _apply(name: str, wanted: Json) -> Step:
    return Step(name, lambda model: model.apply(wanted), _serves(wanted))


FIRST: Final = spec("model:1", drain=1, model={"version": "1"})
SECOND: Final = spec("model:2", drain=1, model={"version": "2"}, rollout={"steps": [{"weight": 50, "minSeconds": 1}]})
FAILING: Final = spec(BAD_IMAGE, drain=1, model={"version": "3"}, rollout={"progressDeadlineSeconds": 2})
AUTOSCALED: Final = spec(
    "model:2", drain=1, model={"version": "2"}, replicas=None, autoscaling={"minReplicas": 2, "maxReplicas": 3}
)
SINGLE: Final = spec("model:2", drain=1, model={"version": "2"}, replicas=1)

SCRIPT: Final = (
    _apply("create", FIRST),
    _apply("a second revision takes over", SECOND),
    Step(
        "a third one fails",
        lambda model: model.apply(FAILING),
        lambda model: model.reports("ProgressDeadlineExceeded"),
    ),
    _apply("back to the second", SECOND),
    _apply("scale up", {**SECOND, "replicas": 3}),
    _apply("autoscale", AUTOSCALED),
    _apply("one pod", SINGLE),
)


def state_of(model: Model) -> Json:
    """All that belongs to a model, without what differs from run to run: times, versions, names of pods."""
    belongings = model.belongings()
    promotions = sorted(
        item["status"]["promotedAt"] for item in belongings.values() if "promotedAt" in item.get("status", {})
    )
    state = {name: _essence(name.split()[0], item, promotions) for name, item in belongings.items()}
    if model.exists():
        state["itself"] = _without(model.read()["status"], _TIMES)
    text = json.dumps(state).replace(model.namespace, "NAMESPACE")
    result: Json = json.loads(_POD.sub("pod POD", text))
    return result


def _essence(kind: str, item: Json, promotions: list[str]) -> Json:
    metadata, status = item["metadata"], item.get("status", {})
    essence: dict[str, Any] = {
        "labels": metadata.get("labels"),
        "annotations": {k: v for k, v in metadata.get("annotations", {}).items() if k != ANNOTATION_INTENT},
        "owners": [(owner["kind"], owner["name"]) for owner in metadata.get("ownerReferences", ())],
        "spec": _without(item["spec"], _ASSIGNED + _TIMES),
    }
    if kind == "Deployment":
        essence["ready"] = status.get("readyReplicas", 0)
    if kind == "ModelRelease":
        essence["result"] = status.get("result")
        essence["promotion"] = promotions.index(status["promotedAt"]) if "promotedAt" in status else None
    return essence


def _without(node: Any, names: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, dict):
        return {key: _without(value, names) for key, value in node.items() if key not in names}
    if isinstance(node, list):
        return [_without(item, names) for item in node]
    return node
