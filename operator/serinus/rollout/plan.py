"""What capacity every revision has, what is kept and what retires: the one place that derives it from an Intent."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from serinus.api.modelrelease import Result
from serinus.rollout import surge
from serinus.rollout.attempt import stamp_of
from serinus.rollout.canary import capacity_for
from serinus.rollout.intent import Intent
from serinus.rollout.split import Share, Split
from serinus.rollout.view import EVERY, NOBODY, WHOLE, RevisionView, Size, View

SETTLE_SECONDS: Final = 10
"""How long a change of the route takes to be in force where a parent does not tell."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be, derived from a View and its Intent."""

    serve: str
    """The revision whose port stands at the model's address; NOBODY leaves the address as it is."""
    beside: str | None
    """The revision whose pods answer there, too, where the split follows the numbers of pods."""
    split: Split | None
    """Who gets which part of the requests at the gateway; None where there is to be none."""
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
        return (self.serve, self.beside, self.split, self.run) == (other.serve, other.beside, other.split, other.run)


def plan(view: View, intent: Intent) -> Plan:
    """Return what every revision is to have. A promotion is to be recorded, and the View made anew, before."""
    tight = surge.is_tight(view)
    run = surge.sizes(view, intent) if tight else _running(view, intent)
    idle = [revision for name, revision in view.revisions.items() if revision.pods and name not in run]
    draining = {
        revision.revision: end
        for revision in idle
        if not tight and (end := _drains_until(view, revision)) and end > view.now
    }
    settled_at = (
        view.route.written_at + timedelta(seconds=SETTLE_SECONDS) if view.route and view.route.lags else view.now
    )
    wakes = [*draining.values(), *(at for at in (intent.wake_at, settled_at) if at and at > view.now)]
    # Whoever is still at the address keeps its pods until traffic has moved. At zero there is nothing to move.
    served = (
        set() if view.size.is_zero else {*_reached(view), *_addressed(view, None if view.by_gateway else intent.serve)}
    )
    serve = view.stable.revision if view.stable and intent.serve == EVERY else intent.serve
    shares = surge.beside(view, intent, run) if tight else view.asked.revision if intent.serve == EVERY else None
    return Plan(
        serve=serve,
        beside=None if view.by_gateway or shares == serve else shares,
        split=_split(view, intent, serve, run) if view.gateway and serve != NOBODY else None,
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
        run.setdefault(view.asked.revision, _kept(view, capacity_for(view, intent.capacity)))
    return run


def _kept(view: View, size: Size) -> Size:
    """Return the size of a canary: no pods go before the weight that they carry has moved."""
    held = view.route.weights.get(view.asked.revision, 0) if view.by_gateway and view.route else 0
    has_moved = held <= view.weight and not _lags(view)
    return size if has_moved or size.least >= view.asked.wanted else view.size.of(view.asked.wanted)


def _stable_size(view: View) -> Size:
    """Return the size of the stable revision: while a canary holds a share, enough to take everything back."""
    return view.size.at_least(view.attempt.stable_replicas) if view.attempt else view.size


def _reached(view: View) -> set[str]:
    """Return who still gets requests, or may until the parents have taken the last change of the route."""
    by_route = view.route.weights if view.by_gateway and view.route else _addressed(view, view.serving)
    before = _addressed(view, EVERY) if _lags(view) else set()
    return {*by_route, *before, *_addressed(view, view.address)}


def _addressed(view: View, address: str | None) -> set[str]:
    """Return who is at an address that leads to one revision or to all."""
    if address == EVERY:
        return {name for name, revision in view.revisions.items() if revision.pods}
    return {address} if address else set()


def _lags(view: View) -> bool:
    """Return whether requests may still come as they did before the route was changed."""
    return view.route is not None and view.route.lags


def _split(view: View, intent: Intent, serve: str, run: Collection[str]) -> Split:
    """Return what the route is to say: a backend is added before it has weight, and removed after it lost it."""
    asked, held = view.asked.revision, view.route.weights if view.route else {}
    leaving = [name for name, weight in held.items() if name not in (serve, asked) and (weight or _lags(view))]
    if serve == asked:
        # Whoever still came for the old one comes for the new one from now on.
        is_known = leaving and asked in held
        return Split(leaving[0], Share(asked, WHOLE - _weight(view, intent, leaving[0]))) if is_known else Split(serve)
    if leaving:
        return Split(serve, Share(leaving[0], _weight(view, intent, leaving[0])))
    is_to_come = asked in run and (view.asked.ready or asked in held) and view.by_gateway
    is_still_there = held.get(asked) or (asked in held and _lags(view))
    if not is_to_come and not is_still_there:
        return Split(serve)
    weight = _weight(view, intent, asked)
    # Requests on the way to a share are not those that count for it.
    stamp = stamp_of(view.attempt) if view.attempt and weight == view.weight else None
    return Split(serve, Share(asked, weight, stamp))


def _weight(view: View, intent: Intent, revision: str) -> int:
    """Return the weight that a revision is to have beside the one that serves."""
    if not view.by_gateway:
        return 0
    if surge.is_tight(view):
        return surge.weight(view, intent, revision)
    return view.weight if revision == view.asked.revision else 0


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
