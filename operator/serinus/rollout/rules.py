"""The policy of a rollout: a list of named rules, the first that has something to say decides."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from serinus.api.reasons import Reason
from serinus.rollout.view import RevisionView, Size, View


class Stage(Enum):
    """How far what is lies from what is asked for."""

    SETTLED = "settled"
    """What is asked for is so."""
    MOVING = "moving"
    """It will be so without anybody's help."""
    STUCK = "stuck"
    """It will not be so unless somebody does something."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What to do now, and what to say about it."""

    serve: str
    """The revision that is to answer at the model's address."""
    stage: Stage
    reason: Reason
    message: str
    promote: bool = False
    """Whether to record that the served revision is the stable one from now on."""
    wake_at: datetime | None = None
    """When to look again though nothing happened."""


Rule = Callable[[View], Intent | None]


def record_again_what_serves(view: View) -> Intent | None:
    """Somebody deleted the record of the revision that serves: without it an older one would count as stable."""
    serving = view.revisions.get(view.serving or "")
    if serving is None or serving.recorded or not serving.ready:
        return None
    if view.stable is None and serving.revision == view.asked.revision:
        return None  # a first revision, which serves with what it has and is not yet promoted
    message = f"{serving} serves and its record was deleted: it is recorded again"
    return Intent(serving.revision, Stage.MOVING, Reason.ROLLOUT_IN_PROGRESS, message, promote=True)


def rest_at_zero(view: View) -> Intent | None:
    """At zero replicas nothing starts; what serves is scaled down."""
    if not view.size.is_zero:
        return None
    if view.asked_is_stable:
        message = f"{view.asked} is scaled to zero: nothing serves until replicas is raised"
        return Intent(view.asked.revision, Stage.SETTLED, Reason.SCALED_TO_ZERO, message)
    message = f"{view.asked} waits: at zero replicas nothing starts; raise replicas"
    return Intent(_address(view), Stage.MOVING, Reason.SCALED_TO_ZERO, message)


def keep_stable_serving(view: View) -> Intent | None:
    """The spec describes what serves: see that its pods are there."""
    if not view.asked_is_stable:
        return None
    stable = view.asked
    if _is_full(stable, view.size.least):
        message = f"{stable} serves with {_count(stable)}"
        return Intent(stable.revision, Stage.SETTLED, Reason.SERVING, message)
    reason = Reason.PODS_FAILING if _failure(stable) else Reason.PODS_NOT_READY
    serve = _address(view)
    meanwhile = "" if serve == stable.revision else f"; {view.revisions[serve]} goes on serving"
    return Intent(serve, Stage.MOVING, reason, f"{stable}: {_count(stable)}{_failure(stable)}{meanwhile}")


def promote_when_ready(view: View) -> Intent | None:
    """All pods of the asked revision are ready, as many as the stable one may need: it takes over."""
    if not _is_full(view.asked, capacity_to_take_over(view).least):
        return None
    message = f"{view.asked}: {_count(view.asked)}; it takes over now"
    return Intent(view.asked.revision, Stage.MOVING, Reason.ROLLOUT_IN_PROGRESS, message, promote=True)


def stall_past_deadline(view: View) -> Intent | None:
    """Pods that did not come in time need somebody's eyes; they are kept and still serve if they become ready."""
    deadline = _deadline(view)
    if deadline is None or view.now < deadline:
        return None
    message = (
        f"{view.asked}: {_count(view.asked)} {view.policy.progress_deadline_seconds} s after the start"
        f"{_failure(view.asked)}; {_meanwhile(view)}; correct the spec, or wait: it still takes over when it is ready"
    )
    return Intent(_address(view), Stage.STUCK, Reason.PROGRESS_DEADLINE_EXCEEDED, message)


def wait_for_pods(view: View) -> Intent | None:
    """The asked revision's pods are on their way."""
    if _failure(view.asked):
        reason = Reason.PODS_FAILING
    elif view.stable is None:
        reason = Reason.PODS_NOT_READY
    else:
        reason = Reason.ROLLOUT_IN_PROGRESS
    message = f"{view.asked}: {_count(view.asked)}{_failure(view.asked)}; {_meanwhile(view)}"
    return Intent(_address(view), Stage.MOVING, reason, message, wake_at=_deadline(view))


RULES: Final[tuple[Rule, ...]] = (
    record_again_what_serves,
    rest_at_zero,
    keep_stable_serving,
    promote_when_ready,
    stall_past_deadline,
    wait_for_pods,
)


def decide(view: View) -> Intent:
    """Return what the first rule says that has something to say; the last one always has."""
    return next(intent for rule in RULES if (intent := rule(view)) is not None)


def capacity_to_take_over(view: View) -> Size:
    """Return the size at which the asked revision can carry what the stable one carries now."""
    return view.size.at_least(view.stable.wanted) if view.stable else view.size


def _is_full(revision: RevisionView, least: int) -> bool:
    return revision.wanted >= least and revision.ready >= revision.wanted > 0


def _address(view: View) -> str:
    """Return who serves while the asked revision is not ready: the stable one, unless only another one answers."""
    wanted = view.stable or view.asked
    current = view.revisions.get(view.serving or "")
    if current is None or not current.ready or (view.stable and view.stable.ready):
        return wanted.revision
    return current.revision


def _deadline(view: View) -> datetime | None:
    """Return when the asked revision's pods are late; those still there from before count from their replacement."""
    if view.asked.pods is None:
        return None
    replaced_at = view.stable.promoted_at if view.stable else None
    start = max(view.asked.pods.started_at, replaced_at or view.asked.pods.started_at)
    return start + timedelta(seconds=view.policy.progress_deadline_seconds)


def _count(revision: RevisionView) -> str:
    if revision.pods is None:
        return "no pods yet"
    return f"{revision.ready} of {revision.wanted} pods ready"


def _failure(revision: RevisionView) -> str:
    return f"; {revision.pods.failure}" if revision.pods and revision.pods.failure else ""


def _meanwhile(view: View) -> str:
    serving = view.revisions.get(_address(view), view.asked)
    if not serving.ready:
        return f"{serving} has no ready pod either" if view.stable else "nothing serves until they are ready"
    if serving.revision == view.asked.revision:
        return "it serves with those that are"
    return f"{serving} goes on serving"
