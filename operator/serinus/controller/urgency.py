"""Says of what was seen whether its ModelDeployment can wait its turn. Asked by edge.py."""

from serinus.cluster.objects import Seen, SeenChild, SeenModelDeployment
from serinus.controller.observe import command_of


def is_urgent(before: Seen | None, now: Seen | None) -> bool:
    """Return whether requests may be failing, or somebody waits for an answer, since an object changed.

    Before is None where it was never seen: after a start, what was lost while nobody looked is as urgent. Now is None
    where it is gone.
    """
    if isinstance(now, SeenModelDeployment):
        known = before.command if isinstance(before, SeenModelDeployment) else None
        return now.command != known and command_of(now) is not None
    return _lost_its_pods(before, now)


def _lost_its_pods(before: Seen | None, now: Seen | None) -> bool:
    """Return whether a Deployment has no ready pod any more; one that we delete ourselves answers nothing."""
    if _ready(now):
        return False
    if before is None:
        return isinstance(now, SeenChild) and now.pods is not None and now.pods.wanted > 0
    return _ready(before) > 0 and not before.deleting


def _ready(item: Seen | None) -> int:
    return item.pods.ready if isinstance(item, SeenChild) and item.pods else 0
