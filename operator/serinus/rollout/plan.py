"""What capacity every revision has, what is kept and what retires: the one place that derives it from an Intent."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from serinus.api.modelrelease import Result
from serinus.rollout.canary import capacity_for
from serinus.rollout.intent import Intent
from serinus.rollout.view import EVERY, NOBODY, RevisionView, Size, View


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be, derived from a View and its Intent."""

    serve: str
    """The revision whose port stands at the model's address; NOBODY leaves the address as it is."""
    every: bool
    """Whether pods of all revisions answer there, and not of that one alone."""
    run: tuple[tuple[str, Size], ...]
    """Revisions to keep running, each with its size."""
    keep: frozenset[str]
    """Revisions whose objects stay: those that run, drain or are served. All other revisions' objects go."""
    leave: tuple[str, ...]
    """Revisions whose attempt no longer counts: another revision is asked for."""
    forget: tuple[str, ...]
    """Revisions whose records go."""
    wake_at: datetime | None
    """When to look again though nothing happened."""

    def asks_for_the_same(self, other: "Plan") -> bool:
        """Return whether what is to be is the same, whatever may go or when to look again."""
        return (self.serve, self.every, self.run) == (other.serve, other.every, other.run)


def plan(view: View, intent: Intent) -> Plan:
    """Return what every revision is to have. A promotion is to be recorded, and the View made anew, before."""
    run = _running(view, intent)
    idle = [revision for name, revision in view.revisions.items() if revision.pods and name not in run]
    draining = {
        revision.revision: end for revision in idle if (end := _drains_until(view, revision)) and end > view.now
    }
    wakes = [*draining.values(), *([intent.wake_at] if intent.wake_at else [])]
    # Whoever is still at the address keeps its pods until traffic has moved. At zero there is nothing to move.
    served = set() if view.size.is_zero else {*_addressed(view, intent.serve), *_addressed(view, view.serving)}
    return Plan(
        serve=view.stable.revision if view.stable and intent.serve == EVERY else intent.serve,
        every=intent.serve == EVERY,
        run=tuple(run.items()),
        keep=frozenset({*run, *draining, *served}),
        leave=_left(view),
        forget=_forgotten(view),
        wake_at=min(wakes, default=None),
    )


def _running(view: View, intent: Intent) -> dict[str, Size]:
    run = {view.stable.revision: _stable_size(view)} if view.stable else {}
    if view.size.is_zero:
        return run
    if intent.serve not in (EVERY, NOBODY):
        run.setdefault(intent.serve, view.size)
    if intent.capacity:
        run.setdefault(view.asked.revision, capacity_for(view, intent.capacity))
    return run


def _stable_size(view: View) -> Size:
    """Return the size of the stable revision: while a canary holds a share, enough to take everything back."""
    return view.size.at_least(view.attempt.stable_replicas) if view.attempt else view.size


def _addressed(view: View, address: str | None) -> set[str]:
    """Return who is at an address that leads to one revision or to all."""
    if address == EVERY:
        return {name for name, revision in view.revisions.items() if revision.pods}
    return {address} if address else set()


def _left(view: View) -> tuple[str, ...]:
    counts = (Result.RUNNING, Result.ROLLED_BACK)
    return tuple(
        name for name, revision in view.revisions.items() if revision.result in counts and name != view.asked.revision
    )


def _drains_until(view: View, revision: RevisionView) -> datetime | None:
    """Return until when an old revision keeps its pods: a while after its successor took over or its rollback."""
    delay = timedelta(seconds=view.policy.scale_down_delay_seconds)
    if revision.result is Result.ROLLED_BACK and revision.attempt and revision.attempt.outcome:
        return revision.attempt.outcome.at + delay
    order = [promoted.revision for promoted in view.promotions]
    if revision.revision not in order:
        return None
    successor = view.promotions[order.index(revision.revision) + 1]
    assert successor.promoted_at is not None  # noqa: S101 - that is what makes a promotion
    return successor.promoted_at + delay


def _forgotten(view: View) -> tuple[str, ...]:
    """Return the records beyond the history that is kept, oldest first; what has pods, serves or is asked for stays."""
    kept = {view.asked.revision, *([view.stable.revision] if view.stable else [])}
    idle = [name for name, revision in view.revisions.items() if not revision.pods and name not in kept]
    return tuple(idle[: max(0, len(idle) - view.policy.history)])
