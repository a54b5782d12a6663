"""The status of a ModelDeployment in kstatus's terms, from View and Intent. Called at the end of a reconcile."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from serinus.api.modeldeployment import CanaryStatus, Condition, LastCommand, ModelDeploymentStatus, StableStatus
from serinus.api.names import LABEL_DEPLOYMENT
from serinus.api.reasons import Reason
from serinus.rollout.commands import answer
from serinus.rollout.intent import Intent, Stage
from serinus.rollout.view import EVERY, WHOLE, RevisionView, View

MESSAGE_LIMIT: Final = 2048


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose status it is, and what it said last."""

    name: str
    namespace: str
    generation: int
    previous: ModelDeploymentStatus
    hostname: str | None = None
    """Where the model is called from outside."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps an Intent from being carried out; it is reported in the Intent's stead."""

    stage: Stage
    reason: Reason
    message: str


def report(subject: Subject, view: View, intent: Intent, obstacle: Obstacle | None = None) -> ModelDeploymentStatus:
    """Return the status to show."""
    told = obstacle or Obstacle(intent.stage, intent.reason, intent.message)
    stable = view.stable
    is_canary = not view.asked_is_stable and (stable or view.attempt)  # a first one that awaits approval is one, too
    canary = view.asked if is_canary else None
    return ModelDeploymentStatus(
        observed_generation=subject.generation,
        conditions=list(_conditions(subject, view, told)),
        stable=_stable_status(view, stable) if stable else None,
        canary=_canary_status(view, canary) if canary else None,
        url=f"http://{subject.hostname or f'{subject.name}.{subject.namespace}.svc'}",
        replicas=sum(revision.wanted for revision in view.revisions.values()),
        ready_replicas=sum(revision.ready for revision in view.revisions.values()),
        selector=f"{LABEL_DEPLOYMENT}={subject.name}",
        last_command=_last_command(subject, view),
    )


def _last_command(subject: Subject, view: View) -> LastCommand | None:
    given, answered = view.command, answer(view)
    if given is None or answered is None or answered.attempt:  # what is to be recorded is not so yet
        return subject.previous.last_command
    return LastCommand(
        verb=given.verb or "", revision=given.revision, nonce=given.nonce, by=given.by, result=answered.result
    )


def _conditions(subject: Subject, view: View, told: Obstacle) -> Iterator[Condition]:
    """Return Ready and Available always, Reconciling and Stalled only while they are true, as kstatus wants it."""
    before = {condition.type: condition for condition in subject.previous.conditions or ()}

    def condition(kind: str, status: Literal["True", "False"], reason: Reason, message: str) -> Condition:
        old = before.get(kind)
        since = old.last_transition_time if old and old.status == status else view.now.replace(microsecond=0)
        return Condition(
            type=kind,
            status=status,
            reason=reason,
            message=message[:MESSAGE_LIMIT],
            observed_generation=subject.generation,
            last_transition_time=since,
        )

    yield condition("Ready", "True" if told.stage is Stage.SETTLED else "False", told.reason, told.message)
    addressed = [each for name, each in view.revisions.items() if view.serving in (name, EVERY)]
    answering = [each for each in addressed if each.ready]
    if answering:
        yield condition("Available", "True", Reason.SERVING, _who_answers(answering))
    elif view.size.is_zero:
        yield condition("Available", "False", Reason.SCALED_TO_ZERO, "scaled to zero")
    elif addressed:
        yield condition("Available", "False", Reason.NO_READY_PODS, f"{addressed[0]} has no ready pod")
    else:
        message = f"Service {subject.name} does not lead to a revision"
        yield condition("Available", "False", Reason.NO_READY_PODS, message)
    if told.stage in (Stage.MOVING, Stage.PAUSED):
        yield condition("Reconciling", "True", told.reason, told.message)
    if told.stage is Stage.PAUSED:
        yield condition("Paused", "True", told.reason, told.message)
    if told.stage is Stage.STUCK:
        yield condition("Stalled", "True", told.reason, told.message)


def _stable_status(view: View, stable: RevisionView) -> StableStatus:
    return StableStatus(
        revision=stable.revision,
        version=stable.version,
        weight=WHOLE - view.weight if view.serving in (stable.revision, EVERY) else 0,
        replicas=stable.wanted,
        ready_replicas=stable.ready,
    )


def _canary_status(view: View, canary: RevisionView) -> CanaryStatus:
    steps = len(view.attempt.policy.steps) if view.attempt else 0
    return CanaryStatus(
        revision=canary.revision,
        version=canary.version,
        step=view.attempt.step if view.attempt and steps else None,
        steps=steps or None,
        weight=view.weight,
        weight_in_force=view.weight_in_force,
        replicas=canary.wanted,
        ready_replicas=canary.ready,
    )


def _who_answers(revisions: list[RevisionView]) -> str:
    return f"{' and '.join(map(str, revisions))} {'answer' if len(revisions) > 1 else 'answers'}"
