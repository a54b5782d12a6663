"""What is known when a decision is made. Built by controller/observe.py, read by every rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from serinus.api.modeldeployment import Autoscaling, Rollout


@dataclass(frozen=True, slots=True)
class Size:
    """How many pods are asked for: a number, or a range that an autoscaler moves in."""

    replicas: int
    autoscaling: Autoscaling | None = None

    @property
    def least(self) -> int:
        """The fewest pods this size can mean."""
        return self.autoscaling.min_replicas if self.autoscaling else self.replicas

    @property
    def most(self) -> int:
        """The most pods this size can mean."""
        return self.autoscaling.max_replicas if self.autoscaling else self.replicas

    @property
    def is_zero(self) -> bool:
        """Whether nothing is to run."""
        return self.most == 0

    def at_least(self, pods: int) -> "Size":
        """Return this size with an autoscaler's lower end raised, as far as its upper end allows."""
        if self.autoscaling is None or pods <= self.autoscaling.min_replicas:
            return self
        floor = min(pods, self.autoscaling.max_replicas)
        return Size(self.replicas, self.autoscaling.model_copy(update={"min_replicas": floor}))


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of one revision, as its Deployment and the pods themselves report them."""

    wanted: int
    ready: int
    started_at: datetime
    failure: str | None = None
    """Why a pod is not ready, in the container's own words."""


@dataclass(frozen=True, slots=True)
class RevisionView:
    """One revision: its record, and its pods if it has any."""

    revision: str
    version: str | None = None
    promoted_at: datetime | None = None
    pods: Pods | None = None
    recorded: bool = True
    """False where there are pods without a record: somebody deleted it."""

    @property
    def ready(self) -> int:
        """Number of pods that are ready."""
        return self.pods.ready if self.pods else 0

    @property
    def wanted(self) -> int:
        """Number of pods asked for."""
        return self.pods.wanted if self.pods else 0

    def __str__(self) -> str:
        return f"revision {self.revision}" + (f" (version {self.version})" if self.version else "")


@dataclass(frozen=True, slots=True)
class View:
    """Everything that decides about one ModelDeployment, at one moment."""

    now: datetime
    asked: RevisionView
    """The revision that the spec describes."""
    size: Size
    policy: Rollout
    revisions: Mapping[str, RevisionView]
    """Every revision that has a record or pods, the asked one included once it has."""
    serving: str | None
    """The revision that the model's Service selects."""

    @property
    def promotions(self) -> tuple[RevisionView, ...]:
        """Revisions that were promoted, in that order."""
        promoted = ((view.promoted_at, view) for view in self.revisions.values() if view.promoted_at is not None)
        return tuple(view for _, view in sorted(promoted, key=lambda pair: (pair[0], pair[1].revision)))

    @property
    def stable(self) -> RevisionView | None:
        """The revision that was promoted last; nothing else says which one is stable."""
        return self.promotions[-1] if self.promotions else None

    @property
    def promotion_time(self) -> datetime:
        """When a promotion happens that is made now: after the last one, also if the clock was set back since."""
        last = self.stable.promoted_at if self.stable else None
        return max(self.now, last + timedelta(microseconds=1)) if last else self.now

    @property
    def asked_is_stable(self) -> bool:
        """Whether the spec describes what already serves."""
        return self.stable is not None and self.stable.revision == self.asked.revision
