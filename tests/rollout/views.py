"""Views written short, for the tests of the rollout: what is asked, what runs, who serves."""

from datetime import UTC, datetime, timedelta

from serinus.api.modeldeployment import Autoscaling, Rollout
from serinus.rollout.view import Pods, RevisionView, Size, View

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


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
    policy: Rollout | None = None,
) -> View:
    """What is seen when `asked` is the spec's revision; as text it has neither a record nor pods yet."""
    known = [] if isinstance(asked, str) else [asked]
    return View(
        now=NOW,
        asked=RevisionView(asked) if isinstance(asked, str) else asked,
        size=fixed(size) if isinstance(size, int) else size,
        policy=policy or Rollout(),
        revisions={each.revision: each for each in (*others, *known)},
        serving=serving,
    )
