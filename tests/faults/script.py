"""Rollouts with everything in them, and the state of the world after each of their steps, in terms that do not vary."""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from serinus.api.names import ANNOTATION_INTENT
from tests.cluster.api import Json
from tests.e2e import gateways
from tests.e2e.gateways import TRAFFIC, Parent
from tests.e2e.models import Model, spec
from tests.e2e.test_commands import give

BAD_IMAGE: Final = "bad:1"
ITSELF: Final = "itself"
"""Under which name a state has what the operator reports."""
ANSWER_SECONDS: Final = 0.1

_FAILURE: Final = re.compile(r"; pod fraud-[^;:]+: CrashLoopBackOff: [^;:]+")
"""Of which pod it was known by the deadline that it fails, and whether of any, differs from run to run."""
_STAMP: Final = re.compile(r'"(\d+)-[0-9a-f]{16}"')
_ASSIGNED: Final = ("clusterIP", "clusterIPs")
_TIMES: Final = ("lastTransitionTime", "creationTimestamp")
_OF_AN_ATTEMPT: Final = ("number", "step", "weight", "split", "gateway", "paused", "released", "approved", "full")


@dataclass(frozen=True)
class Step:
    """Something a user does, and when it has been done as far as the user cares."""

    name: str
    act: Callable[[Model], object]
    settled: Callable[[Model], object]


@dataclass(frozen=True)
class Script:
    """What a user does, step by step, and who else has a part in it."""

    name: str
    steps: Sequence[Step]
    others: Callable[[Model], AbstractContextManager[object]] = lambda _: nullcontext()

    def __str__(self) -> str:
        return self.name


def _apply(name: str, wanted: Json, *, until: str = "") -> Step:
    """A spec, until it serves, or until the operator says why it does not."""

    def settled(model: Model) -> object:
        return model.reports(until) if until else model.settles(model.revision(wanted))

    return Step(name, lambda model: model.apply(wanted), settled)


def _command(verb: str, wanted: Json, nonce: str, *, until: str = "") -> Step:
    """A command for the revision of a spec."""

    def act(model: Model) -> None:
        give(model, f"{verb} {model.revision(wanted)} {nonce} by ada")

    def settled(model: Model) -> object:
        return model.reports(until) if until else model.settles(model.revision(wanted))

    return Step(f"{verb} {nonce}", act, settled)


_DELETE: Final = Step("delete", Model.delete, Model.is_gone)


def _spec(version: str, *steps: Json, image: str = "", replicas: int | None = 2, **fields: Any) -> Json:  # noqa: ANN401 - JSON
    rollout = {"steps": list(steps), **fields.pop("rollout", {})}
    image = image or f"model:{version}"
    return spec(image, drain=1, replicas=replicas, model={"version": version}, rollout=rollout, **fields)


def _pause(weight: int) -> Json:
    return {"weight": weight, "minSeconds": 0, "pause": True}


_FIRST: Final = _spec("1")
_SECOND: Final = _spec("2", {"weight": 50, "minSeconds": 1})
_FAILING: Final = _spec("bad", image=BAD_IMAGE, rollout={"progressDeadlineSeconds": 2})
_THIRD: Final = _spec("3", _pause(50), rollout={"approval": "Required"})
_LAST: Final = _spec("4", _pause(50), replicas=1)

BY_SERVICE: Final = Script(
    "the Service splits the traffic",
    (
        _apply("create", _FIRST),
        _apply("a second revision takes over", _SECOND),
        _apply("one fails", _FAILING, until="ProgressDeadlineExceeded"),
        _apply("back to the second", _SECOND),
        _apply("a third pauses at its share", _THIRD, until="StepPaused"),
        _command("abort", _THIRD, "1", until="Aborted"),
        _command("retry", _THIRD, "2", until="StepPaused"),
        _command("pause", _THIRD, "3", until="Paused"),
        _command("resume", _THIRD, "4", until="StepPaused"),
        _command("promote", _THIRD, "5", until="AwaitingApproval"),
        _command("promote", _THIRD, "6"),
        _apply("return to the second, which is proven", _SECOND),
        _apply("scale up", _spec("2", replicas=3)),
        _apply("autoscale", _spec("2", replicas=None, autoscaling={"minReplicas": 2, "maxReplicas": 3})),
        _apply("one pod", _spec("2", replicas=1)),
        _apply("a last one pauses at its share", _LAST, until="StepPaused"),
        _DELETE,
    ),
)


def _routed(wanted: Json) -> Json:
    return {**wanted, "traffic": TRAFFIC}


_ROUTED_SECOND: Final = _routed(_spec("2", {"weight": 25, "minSeconds": 0}, {"weight": 50, "minSeconds": 1}))
_ROUTED_THIRD: Final = _routed(_spec("3", _pause(25), rollout={"approval": "Required"}))
_ROUTED_FOURTH: Final = _routed(_spec("4", _pause(25)))

BY_GATEWAY: Final = Script(
    "a gateway splits the traffic",
    (
        _apply("create", _routed(_FIRST)),
        _apply("a second revision takes over", _ROUTED_SECOND),
        _apply("a third pauses at its share", _ROUTED_THIRD, until="StepPaused"),
        _command("abort", _ROUTED_THIRD, "1", until="Aborted"),
        _command("retry", _ROUTED_THIRD, "2", until="StepPaused"),
        _command("promote", _ROUTED_THIRD, "3", until="AwaitingApproval"),
        _apply("one that fails supersedes it", _routed(_FAILING), until="ProgressDeadlineExceeded"),
        _apply("back to the second", _ROUTED_SECOND),
        _apply("return to the first, which is proven", _routed(_FIRST)),
        _apply("a fourth pauses at its share", _ROUTED_FOURTH, until="StepPaused"),
        _apply("the gateway goes in mid-canary", _spec("4", _pause(25)), until="StepPaused"),
        _apply("the gateway comes in mid-canary", _ROUTED_FOURTH, until="StepPaused"),
        _command("promote", _ROUTED_FOURTH, "4"),
        _apply("a last one pauses at its share", _routed(_spec("5", _pause(25))), until="StepPaused"),
        _DELETE,
    ),
    others=lambda model: Parent(model, every=ANSWER_SECONDS),
)
SCRIPTS: Final = (BY_SERVICE, BY_GATEWAY)


def state_of(model: Model) -> Json:
    """All that belongs to a model, without what differs from run to run: times, versions, names of pods."""
    belongings = model.belongings()
    if route := gateways.route_of(model):
        belongings[f"HTTPRoute {model.name}"] = route
    promotions = sorted(
        item["status"]["promotedAt"] for item in belongings.values() if "promotedAt" in item.get("status", {})
    )
    state = {name: _essence(name.split()[0], item, promotions) for name, item in belongings.items()}
    return {**_invariable(state, model), **status_of(model)}


def status_of(model: Model) -> Json:
    """The part of the state that the operator writes last; nothing where there is no such model."""
    try:
        status = model.read()["status"]
    except AssertionError:
        return {}
    return _invariable({ITSELF: _without(status, _TIMES)}, model)


def _invariable(state: Json, model: Model) -> Json:
    text = json.dumps(state).replace(model.namespace, "NAMESPACE")
    result: Json = json.loads(_STAMP.sub(r'"\1-NONCE"', _FAILURE.sub("", text)))
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
        essence["attempts"] = [_tried(attempt) for attempt in status.get("attempts", ())]
    return essence


def _tried(attempt: Json) -> Json:
    """How an attempt went: shares and commands in their order, without times."""
    outcome = attempt.get("outcome", {})
    return {
        **{field: attempt.get(field) for field in _OF_AN_ATTEMPT},
        "held": [(held["step"], held["weight"]) for held in attempt.get("held", ())],
        "commands": [_without(command, ("at",)) for command in attempt.get("commands", ())],
        "outcome": (outcome.get("result"), outcome.get("reason")),
    }


def _without(node: Any, names: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, dict):
        return {key: _without(value, names) for key, value in node.items() if key not in names}
    if isinstance(node, list):
        return [_without(item, names) for item in node]
    return node
