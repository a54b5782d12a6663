"""What capacity every revision has, what is kept and what retires: the one place that derives it from an Intent."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from serinus.rollout.rules import Intent, capacity_to_take_over
from serinus.rollout.view import RevisionView, Size, View


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be, derived from a View and its Intent."""

    serve: str
    """The revision at the model's address."""
    run: tuple[tuple[str, Size], ...]
    """Revisions to keep running, each with its size."""
    keep: frozenset[str]
    """Revisions whose objects stay: those that run, drain or are served. All other revisions' objects go."""
    forget: tuple[str, ...]
    """Revisions whose records go."""
    wake_at: datetime | None
    """When to look again though nothing happened."""


def plan(view: View, intent: Intent) -> Plan:
    """Return what every revision is to have. A promotion is to be recorded, and the View made anew, before."""
    run = _running(view, intent)
    idle = [revision for name, revision in view.revisions.items() if revision.pods and name not in run]
    draining = {
        revision.revision: end for revision in idle if (end := _drains_until(view, revision)) and end > view.now
    }
    wakes = [*draining.values(), *([intent.wake_at] if intent.wake_at else [])]
    # Whoever is still at the address keeps its pods until traffic has moved. At zero there is nothing to move.
    served = set() if view.size.is_zero else {intent.serve, *([view.serving] if view.serving else [])}
    return Plan(
        serve=intent.serve,
        run=tuple(run.items()),
        keep=frozenset({*run, *draining, *served}),
        forget=_forgotten(view),
        wake_at=min(wakes, default=None),
    )


def _running(view: View, intent: Intent) -> dict[str, Size]:
    run = {view.stable.revision: view.size} if view.stable else {}
    if view.size.is_zero:
        return run
    run.setdefault(intent.serve, view.size)
    run.setdefault(view.asked.revision, capacity_to_take_over(view))
    return run


def _drains_until(view: View, revision: RevisionView) -> datetime | None:
    """Return until when an old revision keeps its pods: a while after its successor took over."""
    order = [promoted.revision for promoted in view.promotions]
    if revision.revision not in order:
        return None
    successor = view.promotions[order.index(revision.revision) + 1]
    assert successor.promoted_at is not None  # noqa: S101 - that is what makes a promotion
    return successor.promoted_at + timedelta(seconds=view.policy.scale_down_delay_seconds)


def _forgotten(view: View) -> tuple[str, ...]:
    """Return the records beyond the history that is kept, oldest first; what has pods, serves or is asked for stays."""
    kept = {view.asked.revision, *([view.stable.revision] if view.stable else [])}
    idle = [name for name, revision in view.revisions.items() if not revision.pods and name not in kept]
    return tuple(idle[: max(0, len(idle) - view.policy.history)])
