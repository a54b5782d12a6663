"""What is known when a decision is made. Built by controller/observe.py, read by every rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from math import ceil
from typing import Final

from serinus.api.commands import Command, Obeyed
from serinus.api.modeldeployment import Autoscaling, Rollout, Step
from serinus.api.modelrelease import Attempt, Result

EVERY: Final = "*"
"""In the place of a revision at the model's address: pods of all revisions answer there."""
NOBODY: Final = ""
"""In that place while nothing is to answer there yet."""
WHOLE: Final = 100
"""The weight of whoever gets all the traffic."""
EVERYTHING: Final = Step(weight=WHOLE)
"""What comes after the last step of a rollout."""


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

    def share(self, weight: int, stable_pods: int) -> "Size":
        """Return the size at which a pod of a canary with this weight carries as much as one of the stable revision."""
        if weight == WHOLE:
            return self.at_least(stable_pods)
        pods = max(1, ceil(stable_pods * weight / (WHOLE - weight)))
        if self.autoscaling is None:
            return self.of(pods)
        return self.of(min(pods, max(self.autoscaling.min_replicas, min(stable_pods, self.autoscaling.max_replicas))))

    def of(self, pods: int) -> "Size":
        """Return a size of so many pods, or of so many at least where an autoscaler decides, but none above this."""
        if self.autoscaling is None:
            return Size(min(pods, self.replicas))
        floor = min(pods, self.autoscaling.max_replicas)
        return Size(self.replicas, self.autoscaling.model_copy(update={"min_replicas": floor}))

    def at_least(self, pods: int) -> "Size":
        """Return this size with an autoscaler's lower end raised, as far as its upper end allows."""
        return self if self.autoscaling is None or pods <= self.autoscaling.min_replicas else self.of(pods)


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of one revision, as its Deployment and the pods themselves report them."""

    wanted: int
    ready: int
    started_at: datetime
    failure: str | None = None
    """Why a pod is not ready, in the container's own words."""


class Verdict(Enum):
    """What the evidence says of the asked revision beside the stable one. Without evidence nothing is asked of it."""

    PASSED = "Passed"
    """Every gate is satisfied."""
    OPEN = "Open"
    """Neither worse nor shown to be as good, though every source has answered since the operator started."""
    UNKNOWN = "Unknown"
    """A source does not answer: that is neither good nor bad."""
    WORSE = "Worse"
    """It is shown to be worse."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and what it rests on in a sentence for people."""

    verdict: Verdict
    says: str = ""


NO_GATES: Final = Judgement(Verdict.PASSED)


@dataclass(frozen=True, slots=True)
class RevisionView:
    """One revision: its record, and its pods if it has any."""

    revision: str
    version: str | None = None
    promoted_at: datetime | None = None
    pods: Pods | None = None
    recorded: bool = True
    """False where there are pods without a record: somebody deleted it."""
    result: Result | None = None
    """What became of its last attempt, as it counts now."""
    attempt: Attempt | None = None
    """Its last attempt; known of the asked revision only."""
    commands: tuple[Obeyed, ...] = ()
    """Commands about it that were obeyed, in all its attempts; known of the asked revision only."""

    @property
    def is_proven(self) -> bool:
        """Whether it was the stable revision once: it returns without steps, approval or a turn to wait for."""
        return self.promoted_at is not None

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
class RouteView:
    """The HTTPRoute as it stands, and what its parents say of it."""

    weights: Mapping[str, int]
    """What every revision in it holds, one at 0 included."""
    stamp: str | None
    """What it writes on the requests that count."""
    accepted: bool
    """Whether every parent carries it as it stands."""
    written_at: datetime
    """When we changed it last."""
    says: str = ""
    """Why it is not accepted."""
    pending: bool = False
    """Whether a parent has yet to answer."""
    lags: bool = False
    """Whether a parent may still send requests as the route was before."""


def served_by(route: RouteView) -> str | None:
    """Return who gets the requests that come by a route: a revision, or EVERY."""
    holders = [revision for revision, weight in route.weights.items() if weight]
    return EVERY if len(holders) > 1 else next(iter(holders), None)


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
    """The revision that gets all requests, or EVERY: by the route where there is one, else by the Service."""
    address: str | None = None
    """The revision that the model's Service selects, or EVERY."""
    gateway: bool = False
    """Whether the spec asks for a gateway that splits the traffic."""
    route: RouteView | None = None
    """The HTTPRoute, where there is one of ours."""
    nonce: str = ""
    """64 random bits, for an attempt that begins now."""
    paused: bool = False
    """Whether the spec holds all rollouts."""
    command: Command | None = None
    """The command that awaits an answer."""
    crowd: str = ""
    """Why the rollout has to wait for its turn; empty where it need not."""
    judgement: Judgement = NO_GATES
    """What the evidence says of the asked revision."""

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

    @property
    def asked_comes_next(self) -> bool:
        """Whether the spec describes another revision than the one that serves."""
        return self.stable is not None and not self.asked_is_stable

    @property
    def attempt(self) -> Attempt | None:
        """The attempt that goes on."""
        return self.asked.attempt if self.asked.result is Result.RUNNING else None

    @property
    def wants_room(self) -> bool:
        """Whether a rollout is about to begin, or waits for its turn to."""
        if self.attempt:
            return self.attempt.queued
        if not self.asked_comes_next or self.asked.is_proven:
            return False
        return self.asked.result is not Result.ROLLED_BACK or self.command is not None

    @property
    def weight(self) -> int:
        """The share of the traffic that the asked revision is to have beside the stable one, in percent."""
        return self.attempt.weight if self.attempt else 0

    @property
    def by_gateway(self) -> bool:
        """Whether a gateway splits the traffic now: an attempt goes on as it began until it is told otherwise."""
        return self.attempt.gateway if self.attempt and self.stable else self.gateway

    @property
    def weight_in_force(self) -> int:
        """The share of the traffic that the asked revision gets, in percent; as the Service spreads it over pods.

        At a gateway it is what the parents have confirmed, and 0 while one has not.
        """
        if self.by_gateway and self.route:
            return self.route.weights.get(self.asked.revision, 0) if self.route.accepted else 0
        if self.serving == self.asked.revision:
            return WHOLE
        answering = sum(revision.ready for revision in self.revisions.values())
        if self.serving != EVERY or not answering:
            return 0
        return round(WHOLE * self.asked.ready / answering)

    @property
    def incumbent(self) -> RevisionView:
        """Who serves while the asked revision does not: the stable one, unless only another one answers."""
        wanted = self.stable or self.asked
        if self.stable and self.stable.ready:
            return wanted
        answering = [
            revision for revision in self.revisions.values() if revision.ready and self._is_addressed(revision)
        ]
        answering.sort(key=lambda revision: revision.revision == self.asked.revision)
        return answering[0] if answering else wanted

    def _is_addressed(self, revision: RevisionView) -> bool:
        return self.serving in (revision.revision, EVERY)
