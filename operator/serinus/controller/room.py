"""How many rollouts may go on at a time, and whose turn it is. Asked and told by reconcile.py."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from serinus.api import modelrelease
from serinus.api.modelrelease import Result
from serinus.api.reasons import Reason
from serinus.cluster.cache import Cache
from serinus.cluster.objects import Key, SeenRelease
from serinus.rollout.intent import Intent, Stage
from serinus.rollout.view import View


@dataclass(frozen=True, slots=True)
class Limits:
    """The most rollouts at a time; 0 for no limit."""

    everywhere: int = 0
    in_a_namespace: int = 0

    @property
    def are_set(self) -> bool:
        """Whether anybody ever waits."""
        return bool(self.everywhere or self.in_a_namespace)


class Room:
    """Who takes up room and who waits for it. Memory alone: after a start each reconcile says how it is.

    Until then whoever has a rollout on record counts as taking up room.
    """

    def __init__(self, limits: Limits, cache: Cache, wake: Callable[[Key], None]) -> None:
        self._limits = limits
        self._cache = cache
        self._wake = wake
        self._going: set[Key] = set()
        self._waiting: dict[Key, datetime] = {}
        self._known: set[Key] = set()

    def crowd(self, key: Key, since: datetime) -> str:
        """Return why a rollout has to wait, as it has since then; empty where it has its room now."""
        if not self._limits.are_set or key in self._going:
            return ""
        if key in self._next({**self._waiting, key: since}):
            self._waiting.pop(key, None)
            self._going.add(key)
            return ""
        everywhere, of_namespace = self._count()
        if self._limits.in_a_namespace and of_namespace[key.namespace] >= self._limits.in_a_namespace:
            return f"{of_namespace[key.namespace]} rollouts go on in namespace {key.namespace}, as many as may"
        return f"{everywhere} rollouts go on in the cluster, as many as may, or others have waited longer"

    def note(self, key: Key, view: View, intent: Intent) -> None:
        """Note how a rollout stands; what it makes free is for who has waited longest."""
        if not self._limits.are_set:
            return
        attempt = view.attempt
        self._forget(key)
        self._known.add(key)
        if attempt and attempt.queued and intent.reason is Reason.QUEUED:
            self._waiting[key] = attempt.started_at
        elif attempt and not attempt.queued and view.stable and intent.stage is not Stage.PAUSED:
            self._going.add(key)
        self._call_next()

    def leave(self, key: Key) -> None:
        """Note that a ModelDeployment is gone."""
        self._forget(key)
        self._known.discard(key)
        self._call_next()

    def _forget(self, key: Key) -> None:
        self._going.discard(key)
        self._waiting.pop(key, None)

    def _call_next(self) -> None:
        if self._waiting:  # who takes up room is counted over all releases
            for key in self._next(self._waiting):
                self._wake(key)

    def _next(self, waiting: dict[Key, datetime]) -> list[Key]:
        """Return who of those that wait may go on, in order of age."""
        everywhere, of_namespace = self._count()
        chosen = []
        for key in sorted(waiting, key=lambda each: (waiting[each], each)):
            within = not self._limits.in_a_namespace or of_namespace[key.namespace] < self._limits.in_a_namespace
            if within and (not self._limits.everywhere or everywhere < self._limits.everywhere):
                chosen.append(key)
                everywhere += 1
                of_namespace[key.namespace] += 1
        return chosen

    def _count(self) -> tuple[int, Counter[str]]:
        unheard = {
            release.key
            for release in self._cache.of_kind(modelrelease.KIND)
            if isinstance(release, SeenRelease) and release.result is Result.RUNNING and release.key not in self._known
        }
        going = self._going | unheard - self._waiting.keys()
        return len(going), Counter(key.namespace for key in going)
