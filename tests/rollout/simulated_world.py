"""A world of Deployments, records and an address, and an operator in it that can be killed between two writes.

It does what controller/reconcile.py does, in its order, with the real decisions; the pods are dice. Like the real one
the operator looks only when something happened that it did not do itself, or when it asked to be woken.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

from serinus.api.commands import Command, Obeyed, Verb
from serinus.api.modeldeployment import ModelDeploymentStatus, Rollout
from serinus.api.modelrelease import Attempt, Result
from serinus.api.reasons import Reason
from serinus.rollout.commands import answer
from serinus.rollout.intent import Intent, Stage
from serinus.rollout.plan import Plan, plan
from serinus.rollout.report import Subject, report
from serinus.rollout.rules import decide
from serinus.rollout.split import Split
from serinus.rollout.view import (
    EVERY,
    NO_GATES,
    NOBODY,
    Judgement,
    Pods,
    RevisionView,
    RouteView,
    Size,
    Verdict,
    View,
    served_by,
)
from tests.rollout.views import NOW

DECISIONS = 4
OBSTACLE = timedelta(seconds=30)


@dataclass
class Deployment:
    """The pods of one revision."""

    wanted: int
    started_at: datetime
    least: int = 0
    most: int = 0
    ready: int = 0


@dataclass
class Record:
    """What a ModelRelease says."""

    created: datetime
    promoted_at: datetime | None = None
    attempt: Attempt | None = None
    result: Result | None = None
    commands: list[Obeyed] = field(default_factory=list)


@dataclass
class World:
    """What is there. Steps of the test change it, and so does the operator."""

    policy: Rollout
    asked: str = "a"
    size: Size = field(default_factory=lambda: Size(2))
    now: datetime = NOW
    deployments: dict[str, Deployment] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    serving: str | None = None
    broken: set[str] = field(default_factory=set)
    gateway: bool = False
    """Whether the spec asks for a gateway."""
    route: RouteView | None = None
    blocked: bool = False
    """Whether the address cannot be written: somebody else's object is there."""
    paused: bool = False
    crowd: str = ""
    judgement: Judgement = NO_GATES
    command: Command | None = None
    answered: Command | None = None
    """The last command that the status told of."""
    given: int = 0
    happened: bool = True
    wake_at: datetime | None = None
    away: int = 0
    """How many things happen yet before the killed operator is back."""
    drains: dict[str, datetime] = field(default_factory=dict)
    """Until when those who were stable are to keep their pods."""

    # What users, nodes and time do.

    def ask(self, name: str) -> None:
        self.asked, self.happened = name, True

    def give(self, verb: Verb) -> None:
        """Somebody gives a command for what is asked for."""
        self.given += 1
        self.command, self.happened = Command(verb, self.asked, str(self.given)), True

    def repeat(self, verb: Verb) -> None:
        """Somebody gives a command with a nonce that was used."""
        self.command, self.happened = Command(verb, self.asked, str(self.given)), True

    def pause(self, paused: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
        self.paused, self.happened = paused, True

    def crowded(self, crowd: str) -> None:
        """Other rollouts leave no room, or do."""
        self.crowd, self.happened = crowd, True

    def judge(self, verdict: Verdict) -> None:
        self.judgement, self.happened = Judgement(verdict, "the evidence says so"), True

    def resize(self, size: Size) -> None:
        self.size, self.happened = size, True

    def pods(self, name: str, ready: int) -> None:
        """So many pods of a revision are ready now, if it has as many and can."""
        if deployment := self.deployments.get(name):
            able = min(ready, deployment.wanted, deployment.ready if name in self.broken else deployment.wanted)
            self.happened |= able != deployment.ready
            deployment.ready = able

    def all_pods_come(self) -> None:
        for name, deployment in self.deployments.items():
            self.pods(name, deployment.wanted)

    def expected(self) -> str:
        """Who is to serve in the end: what was asked for, unless that was rolled back."""
        record = self.records.get(self.asked)
        return self.promoted_last() if record and record.result is Result.ROLLED_BACK else self.asked

    def awaited(self) -> Verb | None:
        """The command that the rollout waits for."""
        _, intent = self.decided()
        if intent.stage is not Stage.PAUSED:
            return None
        return Verb.RESUME if intent.reason is Reason.PAUSED else Verb.PROMOTE

    def promoted_last(self) -> str:
        stable = self.view().stable
        return stable.revision if stable else self.asked

    def autoscale(self, name: str, wanted: int) -> None:
        if (deployment := self.deployments.get(name)) and deployment.most:
            self._set_wanted(deployment, max(deployment.least, min(wanted, deployment.most)))

    def lose_record(self, name: str) -> None:
        """Somebody deletes a ModelRelease, and with it the knowledge of who followed whom."""
        self.drains.clear()
        self.happened |= name in self.records
        self.records.pop(name, None)

    def lose_deployment(self, name: str) -> None:
        self.happened |= self.deployments.pop(name, None) is not None

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def through_a_gateway(self, wanted: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
        self.gateway, self.happened = wanted, True

    def parents_answer(self, accepted: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
        """The gateway's controller has taken the route as it is, or cannot carry it."""
        if self.route:
            self.route = replace(self.route, accepted=accepted, pending=False, lags=False)
            self.happened = True

    # What the operator does.

    def operate(self) -> None:
        """The operator does what it does when it runs undisturbed."""
        if self.away:
            self.away -= 1
            return
        for _ in range(20):
            if not self.is_due():
                return
            for _ in self.reconcile():
                pass
        raise AssertionError("the operator finds no end")

    def operate_until_killed(self, writes: int, away: int) -> None:
        """The operator comes so far and is away for a while; at its start it looks at everything."""
        for _ in islice(self.reconcile(), writes):
            pass
        self.happened, self.away = True, away

    def is_due(self) -> bool:
        return self.happened or (self.wake_at is not None and self.wake_at <= self.now)

    def reconcile(self) -> Iterator[None]:
        """One reconcile; it yields after each write."""
        self.happened, self.wake_at = False, None
        view, intent = self.decided()
        for _ in range(DECISIONS):
            if intent.is_to_record:
                yield from self._write_down(view, intent)
                view, intent = self.decided()
        assert not intent.is_to_record, f"{intent} after {DECISIONS} records"
        brought = plan(view, intent)
        yield from self._bring_up(brought)
        view, intent = self.decided()
        if intent.is_to_record:
            self.happened = True
            return
        planned = plan(view, intent)
        yield from self._take_down(planned)
        self.wake_at = self.now + OBSTACLE if self.blocked else planned.wake_at
        view, intent = self.decided()
        if not self.blocked and (intent.is_to_record or not plan(view, intent).asks_for_the_same(brought)):
            self.happened = True
        elif (told := answer(view)) and not told.attempt:
            self.answered = self.command
            yield

    def view(self) -> View:
        names = [name for name in self.deployments if name not in self.records]
        names += sorted(self.records, key=lambda name: self.records[name].promoted_at or self.records[name].created)
        every = {name: self._revision(name) for name in names}
        asked = every.get(self.asked, RevisionView(self.asked))
        command = None if self.command == self.answered else self.command
        view = View(
            now=self.now,
            asked=asked,
            size=self.size,
            policy=self.policy,
            revisions=every,
            serving=self.serving,
            address=self.serving,
            gateway=self.gateway,
            route=self.route,
            nonce=f"{self.given:016x}",
            paused=self.paused,
            command=command,
            crowd=self.crowd,
            judgement=self.judgement,
        )
        return replace(view, serving=served_by(self.route) or self.serving) if view.by_gateway and self.route else view

    def decided(self) -> tuple[View, Intent]:
        view = self.view()
        return view, decide(view)

    def status(self) -> ModelDeploymentStatus:
        view, intent = self.decided()
        return report(Subject("fraud", "risk", 1, ModelDeploymentStatus()), view, intent)

    def _revision(self, name: str) -> RevisionView:
        found = self.deployments.get(name)
        failure = "broken" if name in self.broken else None
        pods = Pods(found.wanted, found.ready, found.started_at, failure) if found else None
        record = self.records.get(name)
        if record is None:
            return RevisionView(name, pods=pods, recorded=False)
        known = record.attempt if name == self.asked else None
        return RevisionView(
            name,
            promoted_at=record.promoted_at,
            pods=pods,
            attempt=known,
            result=record.result,
            commands=tuple(record.commands) if name == self.asked else (),
        )

    def _write_down(self, view: View, intent: Intent) -> Iterator[None]:
        name = intent.serve if intent.promote else self.asked
        lost = name not in self.records and name in self.deployments
        yield from self._record(name)
        if intent.attempt:
            self.records[name].attempt = intent.attempt
            obeyed = self.records[name].commands
            new = [each for each in intent.attempt.commands if each not in obeyed]
            assert not {each.nonce for each in new} & {each.nonce for each in obeyed}, "a command is obeyed twice"
            obeyed.extend(new)
            self.records[name].result = intent.attempt.outcome.result if intent.attempt.outcome else Result.RUNNING
            if self.records[name].result is Result.ROLLED_BACK:
                self.drains[name] = self.now
            elif self.records[name].result is Result.RUNNING:
                self.drains.pop(name, None)
        if intent.promote:
            self._promote(view, name, check=not lost)
        yield

    def _promote(self, view: View, name: str, *, check: bool) -> None:
        """What serves and merely lost its record is not looked at again."""
        found = self.deployments[name]
        needed = self.size.least - 1 if self.is_tight else self.size.least
        assert not check or found.ready >= found.wanted >= needed, f"{name} takes over before it is ready"
        if view.stable:
            self.drains[view.stable.revision] = view.promotion_time
        self.drains.pop(name, None)
        self.records[name].promoted_at = view.promotion_time

    def _bring_up(self, planned: Plan) -> Iterator[None]:
        for name, size in planned.run:
            yield from self._record(name)
            yield from self._run(name, size)
        if planned.serve == NOBODY:
            return
        yield from self._record(planned.serve)
        if planned.split and (self.route is None or not _is_drawn(planned.split, self.route)):
            self._check_split(planned.split)
            split = planned.split
            self.route = RouteView(
                split.weights,
                split.stamp,
                accepted=False,
                written_at=self.now,
                pending=True,
                lags=self.route is not None,
            )
            yield
        address = EVERY if planned.beside else planned.serve
        if self.serving != address and not self.blocked:
            self._check_move(address)
            self.serving = address
            yield

    def _take_down(self, planned: Plan) -> Iterator[None]:
        if self.route and planned.split is None:
            self.route = None
            yield
        for name in [name for name in self.deployments if name not in planned.keep]:
            weight = self.route.weights.get(name, 0) if self.route and self.view().by_gateway else 0
            assert not weight or self.size.is_zero, f"{name} has {weight} % at the gateway and goes"
            assert self.size.is_zero or name != self.serving, f"{name} is at the address and goes"
            shares = self.serving == EVERY and not self.view().by_gateway
            assert self.size.is_zero or not shares or not self._ready(name), f"{name} answers and goes"
            assert self._may_go(name), f"{name} goes before the end of its drain"
            self.lose_deployment(name)  # unlike the reply to another write, the end of an object is news
            yield
        for name in planned.leave:
            assert name != self.asked
            self.records[name].result = Result.ENDED
            yield
        for name in planned.forget:
            del self.records[name]
            self.drains.pop(name, None)
            yield

    @property
    def is_tight(self) -> bool:
        """Whether all pods together are to be no more than the size."""
        return self.policy.surge == 0 and not self.size.autoscaling and self.size.replicas > 1

    def _may_go(self, name: str) -> bool:
        if self.is_tight:
            return True
        record = self.records.get(name)
        if name != self.asked and record and record.result in (Result.ROLLED_BACK, Result.ENDED):
            return True
        since = self.drains.get(name)
        return since is None or since + timedelta(seconds=self.policy.scale_down_delay_seconds) <= self.now

    def _check_split(self, split: Split) -> None:
        """Nobody without a ready pod gains weight, as long as anybody who has weight has one."""
        held = self.route.weights if self.route else {}
        if self.size.is_zero or not any(self._ready(name) for name, weight in held.items() if weight):
            return
        for name, weight in split.weights.items():
            assert weight <= held.get(name, 0) or self._ready(name), f"{name} gains {weight} % without a ready pod"

    def _check_move(self, to: str) -> None:
        elsewhere = self.route and self.view().by_gateway and served_by(self.route) != self.serving
        if not self.size.is_zero and not elsewhere and self._ready(self.serving):
            assert self._ready(to), f"moved from {self.serving}, which answers, to {to}, which does not"

    def _ready(self, name: str | None) -> int:
        if name == EVERY:
            return sum(each.ready for each in self.deployments.values())
        found = self.deployments.get(name or "")
        return found.ready if found else 0

    def _record(self, name: str) -> Iterator[None]:
        if name not in self.records:
            assert name == self.asked or name in self.deployments, f"{name} can be rendered from nothing"
            self.records[name] = Record(self.now)
            yield

    def _run(self, name: str, size: Size) -> Iterator[None]:
        found = self.deployments.get(name)
        if found is None:
            found = self.deployments[name] = Deployment(wanted=0, started_at=self.now)
            yield
        least, most = (size.least, size.most) if size.autoscaling else (0, 0)
        wanted = max(found.wanted, size.least) if size.autoscaling else size.replicas
        if (found.wanted, found.least, found.most) != (wanted, least, most):
            others = sum(each.wanted for each in self.deployments.values() if each is not found)
            unlimited = not (self.is_tight and self.view().stable) or wanted in range(max(1, found.wanted) + 1)
            in_room = unlimited or others + wanted <= self.size.replicas
            assert in_room, f"{name} grows to {wanted} beside {others} of {self.size.replicas}"
            found.least, found.most = least, most
            self._set_wanted(found, wanted)
            yield

    def _set_wanted(self, deployment: Deployment, wanted: int) -> None:
        """The Deployment's controller ends pods at once, and says so; starting them takes time."""
        self.happened |= deployment.wanted != wanted
        deployment.wanted, deployment.ready = wanted, min(deployment.ready, wanted)


def _is_drawn(split: Split, route: RouteView) -> bool:
    return (split.weights, split.stamp) == (route.weights, route.stamp)
