"""The script run undisturbed, and run again while something goes wrong: the second must end as the first did."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from tests.cluster.api import Json
from tests.cluster.eventually import eventually
from tests.cluster.simulated_pods import crash_loop
from tests.e2e.history import History
from tests.e2e.models import Model
from tests.faults.proxy import Fault, Request
from tests.faults.rig import Rig
from tests.faults.script import BAD_IMAGE, SCRIPT, state_of

REST_SECONDS: Final = 2.0
"""Longer than anything in the script waits by itself."""
STEP_SECONDS: Final = 60
LOOK_SECONDS: Final = 0.2
"""Between two looks at the whole state, which cost more than the operator does."""

Mischief = Callable[[Request, int], Fault | None]
"""Given a write of the operator and its number, counted from 1: what is to become of it, None for nothing unusual."""


@dataclass
class Run:
    """One run of the script and what the operator wrote meanwhile."""

    model: Model
    mischief: Mischief
    writes: int = 0
    objects: Counter[str] = field(default_factory=Counter)
    """How often each object was created and deleted, by the API server's answers."""

    def fault(self, request: Request) -> Fault | None:
        """Count a write and say what becomes of it."""
        if not (request.writes and request.namespace == self.model.namespace):
            return None
        self.writes += 1
        return self.mischief(request, self.writes)

    def answered(self, request: Request, status: int) -> None:
        """Count what came to be and what went; Events are for people, and say what happened on the way."""
        created = status == HTTPStatus.CREATED
        deleted = status == HTTPStatus.OK and request.method == "DELETE"
        if request.namespace == self.model.namespace and request.plural != "events" and (created or deleted):
            self.objects[str(request)] += 1


@dataclass(frozen=True)
class Recording:
    """What an undisturbed run does: the state after each step, the objects that come and go, the number of writes."""

    states: Sequence[Json]
    objects: Counter[str]
    writes: int


def record(rig: Rig) -> Recording:
    """Run the script undisturbed."""
    run = _begin(rig, lambda *_: None)
    states = []
    for step in SCRIPT:
        step.act(run.model)
        step.settled(run.model)
        states.append(at_rest(run.model))
    recording = Recording(states, Counter(run.objects), run.writes)
    run.model.delete()
    return recording


def replay(rig: Rig, recording: Recording, mischief: Mischief, at_the_end: Callable[[], object] = lambda: None) -> None:
    """Run the script with something wrong: the same states, no more objects come and go, no request is lost.

    Fewer may: a revision whose deadline ended while the operator was away needs no Service any more.
    """
    run = _begin(rig, mischief)
    history = History.from_now(rig.plane.api, run.model.namespace)
    for step, wanted in zip(SCRIPT, recording.states, strict=True):
        step.act(run.model)
        _converges(run.model, wanted, step.name)
    at_the_end()
    _converges(run.model, recording.states[-1], "the end")
    history.assert_always_served(run.model.name)
    more = run.objects - recording.objects
    assert not more, f"more than undisturbed: {dict(more)}"
    # Not counted any more: what goes, goes by the garbage collector's hand.
    run.model.delete()
    run.model.is_gone()


def _begin(rig: Rig, mischief: Mischief) -> Run:
    rig.nodes.decide(crash_loop(exit_code=1), image=BAD_IMAGE)
    run = Run(Model.in_new_namespace(rig.plane.api), mischief)
    rig.proxy.fault, rig.proxy.done = run.fault, run.answered
    return run


def at_rest(model: Model) -> Json:
    def rests() -> Json:
        state = state_of(model)
        time.sleep(REST_SECONDS)
        assert state_of(model) == state, "it still changes"
        return {"state": state}

    state: Json = eventually(rests, STEP_SECONDS, "the model comes to rest", interval=0)["state"]
    return state


def _converges(model: Model, wanted: Json, step: str) -> None:
    def same() -> bool:
        state = state_of(model)
        assert state == wanted, difference(wanted, state)
        return True

    eventually(same, STEP_SECONDS, f"'{step}' ends as in the undisturbed run", interval=LOOK_SECONDS)


def difference(wanted: Json, state: Json) -> str:
    return "; ".join(
        f"{name}: {state.get(name, 'missing')}, wanted {wanted.get(name, 'nothing')}"
        for name in sorted(wanted.keys() | state.keys())
        if wanted.get(name) != state.get(name)
    )
