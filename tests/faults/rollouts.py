"""Many small rollouts side by side on one rig, each in a namespace of its own, with its own disturbance and oracle.

A rollout creates a model, tries a second version on half of the traffic and promotes it. Whatever disturbs it, it ends
as the undisturbed one did, makes and deletes no more objects, and serves all the while.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from tests.cluster.api import Json
from tests.cluster.eventually import eventually
from tests.e2e.history import History
from tests.e2e.models import Model, spec
from tests.faults.proxy import ON_TIME, Arrivals, Change, Fault, Request
from tests.faults.replay import at_rest, difference
from tests.faults.rig import Rig
from tests.faults.script import state_of

SECONDS: Final = 90
"""How long a rollout may take beside many others on a busy machine."""
LOOK_SECONDS: Final = 0.3

FIRST: Final = spec("model:1", model={"version": "1"})
WEIGHT: Final = 50


def nothing_wrong(_: Request) -> Fault | None:
    """Every request is answered."""
    return None


def all_on_time(_: Change) -> Arrivals:
    """Every event arrives once."""
    return ON_TIME


@dataclass(frozen=True)
class Disturbance:
    """What goes wrong: what becomes of a request, and when an event arrives. Both are asked in the proxy's thread."""

    fault: Callable[[Request], Fault | None] = nothing_wrong
    arrivals: Callable[[Change], Arrivals] = all_on_time


UNDISTURBED: Final = Disturbance()


@dataclass
class Trial:
    """One model, and what the operator asked and was told about it."""

    model: Model
    disturbance: Disturbance
    objects: Counter[str] = field(default_factory=Counter)
    """How often each object was created and deleted by the operator."""
    requests: Counter[str] = field(default_factory=Counter)
    """How often it asked what, by method and plural."""
    changes: Counter[str] = field(default_factory=Counter)
    """How many events came for each plural."""

    def is_promoted(self, wanted: Json) -> None:
        """Wait until the operator says that this spec serves."""
        revision = self.model.revision(wanted)

        def promoted() -> bool:
            seen = self.model.read()
            status = seen["status"]
            told = {each["type"]: each["status"] for each in status.get("conditions", ())}
            assert status["observedGeneration"] == seen["metadata"]["generation"], status
            assert (told.get("Ready"), status.get("stable", {}).get("revision")) == ("True", revision), status
            assert "canary" not in status, status
            return True

        eventually(promoted, SECONDS, f"{revision} is promoted", interval=LOOK_SECONDS)

    def holds_its_share(self) -> None:
        """Wait until the operator says that the canary has its share."""

        def held() -> bool:
            return bool(self.model.status().get("canary", {}).get("weight") == WEIGHT)

        eventually(held, SECONDS, "the canary holds its share")


@dataclass(frozen=True)
class Ending:
    """How the undisturbed rollout ends, and what it took."""

    state: Json
    attempts: Json
    objects: Counter[str]
    requests: Counter[str]
    changes: Counter[str]


def second_version(hold: int, *, pause: bool = False, **fields: Any) -> Json:  # noqa: ANN401 - JSON
    """One that is tried on its share for so many seconds, and until the command `promote` if it pauses there."""
    rollout = {"steps": [{"weight": WEIGHT, "minSeconds": hold, "pause": pause}], **fields.pop("rollout", {})}
    return spec("model:2", model={"version": "2"}, rollout=rollout, **fields)


Meanwhile = Callable[[Trial], object]


def nothing(_: Trial) -> None:
    """Nobody does anything while it is rolled out."""


class Rollouts:
    """Tells apart whose each request and each event is; a canary holds its share for so many seconds.

    `second` is what is rolled out at last, if it is to have more in it, after all of `before`; and `meanwhile` is what
    somebody does when it was asked for, in the undisturbed one, too.
    """

    def __init__(
        self,
        rig: Rig,
        hold: int = 1,
        *,
        before: Sequence[Json] = (FIRST,),
        second: Json | None = None,
        meanwhile: Meanwhile = nothing,
    ) -> None:
        self.rig = rig
        self.before = before
        self.second = second or second_version(hold)
        self.meanwhile = meanwhile
        self.weather = UNDISTURBED
        """What disturbs all of them, and what belongs to none: lists and watches."""
        self._trials: dict[str, Trial] = {}
        rig.proxy.fault, rig.proxy.done, rig.proxy.arrivals = self.fault, self.answered, self._arrivals
        rig.proxy.call(rig.proxy.break_watches)  # those that are open pass events unread
        self.undisturbed = self._record()

    def begin(self, disturbance: Disturbance) -> Trial:
        """A model that is not there yet."""
        model = Model.in_new_namespace(self.rig.plane.api)
        trial = self._trials[model.namespace] = Trial(model, disturbance)
        return trial

    def disturbed(self, disturbance: Disturbance, *, meanwhile: Meanwhile = nothing) -> Trial:
        """Roll out under a disturbance, and do something when the second version was asked for."""
        trial = self.begin(disturbance)
        history = History.from_now(self.rig.plane.api, trial.model.namespace)
        self._ask_for_all(trial)
        meanwhile(trial)
        self.ends_alike(trial)
        history.assert_always_served(trial.model.name)
        return trial

    def ends_alike(self, trial: Trial) -> None:
        """Wait until everything is as after the undisturbed rollout, and look at what it took."""
        trial.is_promoted(self.second)
        wanted = self.undisturbed.state

        def same() -> bool:
            state = state_of(trial.model)
            assert state == wanted, difference(wanted, state)
            return True

        eventually(same, SECONDS, "it ends as the undisturbed rollout", interval=LOOK_SECONDS)
        assert attempts_of(trial.model, self.second) == self.undisturbed.attempts
        more = trial.objects - self.undisturbed.objects
        assert not more, f"more than undisturbed: {dict(more)}"
        trial.model.delete()

    def _record(self) -> Ending:
        trial = self.begin(UNDISTURBED)
        self._ask_for_all(trial)
        trial.is_promoted(self.second)
        state, attempts = at_rest(trial.model), attempts_of(trial.model, self.second)
        objects, requests, changes = trial.objects.copy(), trial.requests.copy(), trial.changes.copy()
        trial.model.delete()
        return Ending(state, attempts, objects, requests, changes)

    def _ask_for_all(self, trial: Trial) -> None:
        for wanted in self.before:
            trial.model.apply(wanted)
            trial.is_promoted(wanted)
        trial.model.apply(self.second)
        self.meanwhile(trial)

    def fault(self, request: Request) -> Fault | None:
        """Count a request, and say what becomes of it."""
        fault = self.weather.fault(request)
        if trial := self._trials.get(request.namespace):
            trial.requests[request.what] += 1
            fault = fault or trial.disturbance.fault(request)
        return fault

    def calm(self, request: Request) -> Fault | None:
        """The same, where nothing but what is wrong with one trial disturbs."""
        trial = self._trials.get(request.namespace)
        return trial.disturbance.fault(request) if trial else None

    def answered(self, request: Request, status: int) -> None:
        """Count what came to be and what went."""
        made = status == HTTPStatus.CREATED
        gone = status == HTTPStatus.OK and request.method == "DELETE"
        if (made or gone) and request.plural != "events" and (trial := self._trials.get(request.namespace)):
            trial.objects[str(request)] += 1

    def _arrivals(self, change: Change) -> Arrivals:
        arrivals = self.weather.arrivals(change)
        trial = self._trials.get(change.namespace)
        if trial is None or arrivals != ON_TIME:
            return arrivals
        trial.changes[change.plural] += 1
        return trial.disturbance.arrivals(change)


def attempts_of(model: Model, wanted: Json) -> Json:
    """What is on record of how a revision was tried, without times."""
    attempts = model.child_now("ModelRelease", model.revision(wanted))["status"].get("attempts", ())
    return {
        str(each["number"]): {
            "held": sorted({(held["step"], held["weight"]) for held in each.get("held", ())}),
            "result": each["outcome"]["result"],
            "reason": each["outcome"]["reason"],
        }
        for each in attempts
    }
