"""Views written short, for the tests of the rollout: what is asked, what runs, who serves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from serinus.api.modeldeployment import Autoscaling, Rollout, Step
from serinus.api.modelrelease import Attempt, Result
from serinus.rollout.attempt import begun
from serinus.rollout.intent import Intent
from serinus.rollout.view import Pods, RevisionView, Size, View

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


NO_STEPS = Rollout(steps=())


def steps(*weights: int, seconds: int = 60, pause: bool = False, **policy: Any) -> Rollout:  # noqa: ANN401 - passed on
    return Rollout(steps=tuple(Step(weight=weight, min_seconds=seconds, pause=pause) for weight in weights), **policy)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def ahead(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def revision(
    name: str,
    pods: str | None = None,
    *,
    promoted: datetime | None = None,
    started: datetime | None = None,
    failure: str | None = None,
    version: str | None = None,
) -> RevisionView:
    """One revision; "2/3" are two ready pods of three, None is no Deployment at all."""
    if pods is None:
        return RevisionView(name, version, promoted)
    ready, wanted = map(int, pods.split("/"))
    return RevisionView(name, version, promoted, Pods(wanted, ready, started or ago(60), failure))


def fixed(replicas: int) -> Size:
    return Size(replicas)


def scaling(least: int, most: int) -> Size:
    return Size(1, Autoscaling(min_replicas=least, max_replicas=most))


def view(
    asked: RevisionView | str,
    *others: RevisionView,
    size: Size | int = 3,
    serving: str | None = None,
    policy: Rollout = NO_STEPS,
    new: bool = False,
) -> View:
    """What is seen when `asked` is the spec's revision; as text it has neither a record nor pods yet.

    Unless the View is to be new, the attempt of a revision that needs one has begun, when its pods did.
    """
    known = [] if isinstance(asked, str) else [asked]
    seen = View(
        now=NOW,
        asked=RevisionView(asked) if isinstance(asked, str) else asked,
        size=fixed(size) if isinstance(size, int) else size,
        policy=policy,
        revisions={each.revision: each for each in (*others, *known)},
        serving=serving,
    )
    needs_attempt = seen.asked_comes_next
    if new or not needs_attempt or seen.asked.attempt:
        return seen
    return with_attempt(seen, begun(replace(seen, now=seen.asked.pods.started_at if seen.asked.pods else NOW)))


def with_attempt(seen: View, attempt: Attempt) -> View:
    """The View when this is on record of the asked revision."""
    result = attempt.outcome.result if attempt.outcome else Result.RUNNING
    asked = replace(seen.asked, attempt=attempt, result=result)
    return replace(seen, asked=asked, revisions={**seen.revisions, asked.revision: asked})


def recorded(seen: View, intent: Intent) -> View:
    """The View when what was decided is on record."""
    if intent.attempt:
        seen = with_attempt(seen, intent.attempt)
    if not intent.promote:
        return seen
    promoted = replace(seen.revisions[intent.serve], promoted_at=seen.promotion_time, recorded=True)
    asked = promoted if promoted.revision == seen.asked.revision else seen.asked
    return replace(seen, asked=asked, revisions={**seen.revisions, promoted.revision: promoted})
