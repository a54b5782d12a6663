"""A script run undisturbed, and run again while something goes wrong: the second must end as the first did.

Every step of a script is compared, so that what goes wrong in one is over when the next one begins.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from tests.cluster.api import Json
from tests.cluster.eventually import eventually
from tests.cluster.simulated_pods import crash_loop
from tests.e2e.models import Model
from tests.faults.proxy import Fault, Request
from tests.faults.rig import Rig
from tests.faults.script import BAD_IMAGE, ITSELF, Script, Step, state_of, status_of
from tests.faults.witness import witnessed

REST_SECONDS: Final = 2.0
"""Longer than anything in the scripts waits by itself."""
STEP_SECONDS: Final = 90
LOOK_SECONDS: Final = 0.1

Mischief = Callable[[Request, Step, int], Fault | None]
"""Given a write of the operator and its number in a step, from 1: what becomes of it, None for nothing unusual."""


@dataclass
class Run:
    """One run of a script and what the operator wrote meanwhile."""

    model: Model
    mischief: Mischief
    step: Step
    writes: int = 0
    """How many there were in this step."""
    objects: Counter[str] = field(default_factory=Counter)
    """How often each object was created and deleted, by the API server's answers."""

    def begin(self, step: Step) -> None:
        """Do what a user does."""
        self.step, self.writes = step, 0
        step.act(self.model)

    def fault(self, request: Request) -> Fault | None:
        """Count a write and say what becomes of it."""
        if not request.writes:
            return None
        self.writes += 1
        return self.mischief(request, self.step, self.writes)

    def answered(self, request: Request, status: int) -> None:
        """Count what came to be and what went; Events are for people, and say what happened on the way."""
        created = status == HTTPStatus.CREATED
        deleted = status == HTTPStatus.OK and request.method == "DELETE"
        if request.plural != "events" and (created or deleted):
            self.objects[str(request)] += 1


class Stage:
    """A rig on which scripts run, each in a namespace of its own and side by side if need be."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self._runs: dict[str, Run] = {}
        rig.nodes.decide(crash_loop(exit_code=1), image=BAD_IMAGE)
        rig.proxy.fault, rig.proxy.done = self._fault, self._answered

    def begin(self, script: Script, mischief: Mischief) -> Run:
        """A run of a script, before its first step."""
        model = Model.in_new_namespace(self.rig.plane.api)
        run = self._runs[model.namespace] = Run(model, mischief, script.steps[0])
        return run

    def _fault(self, request: Request) -> Fault | None:
        run = self._runs.get(request.namespace)
        return run.fault(request) if run else None

    def _answered(self, request: Request, status: int) -> None:
        if run := self._runs.get(request.namespace):
            run.answered(request, status)


@dataclass(frozen=True)
class Recorded:
    """What a step of an undisturbed run leads to."""

    state: Json
    objects: Counter[str]
    """How often each object was created and deleted until then."""
    writes: int


Recording = Sequence[Recorded]
"""What an undisturbed run does, step by step."""


def record(stage: Stage, script: Script) -> Recording:
    """Run a script undisturbed."""
    run = stage.begin(script, lambda *_: None)

    def recorded(step: Step) -> Recorded:
        run.begin(step)
        step.settled(run.model)
        return Recorded(at_rest(run.model), run.objects.copy(), run.writes)

    with script.others(run.model):
        return [recorded(step) for step in script.steps]


def replay(
    stage: Stage,
    script: Script,
    recording: Recording,
    mischief: Mischief,
    *,
    after: Callable[[Step], object] = lambda _: None,
    last: Step | None = None,
) -> None:
    """Run a script with something wrong: the same states, no more objects come and go, no request is lost.

    Fewer may: a revision whose deadline ended while the operator was away needs no Service any more. What is done
    `after` a step, if it returns true, makes no difference either. Between the `last` step in which something goes
    wrong, if one is named, and the end of the script nothing need be done.
    """
    upto = script.steps.index(last) + 1 if last else len(script.steps)
    run = stage.begin(script, mischief)
    with witnessed(stage.rig.plane.api, run.model.namespace) as witness, script.others(run.model):
        for number, (step, wanted) in enumerate(zip(script.steps, recording, strict=True), start=1):
            if upto < number < len(script.steps):
                continue
            run.begin(step)
            _converges(run.model, wanted.state, step.name)
            if after(step):
                _converges(run.model, wanted.state, step.name)
            more = run.objects - wanted.objects
            assert not more, f"'{step.name}' took more than undisturbed: {dict(more)}"
        run.model.is_gone()
        witness.assert_served_until_deleted(run.model.name)


def at_rest(model: Model) -> Json:
    """The state of a model when it has not changed for a while."""
    last: Json = {}
    since = time.monotonic()

    def rests() -> tuple[Json]:
        nonlocal last, since
        state = state_of(model)
        if state != last:
            last, since = state, time.monotonic()
        assert time.monotonic() - since > REST_SECONDS, "it still changes"
        return (state,)

    [state] = eventually(rests, STEP_SECONDS, "the model comes to rest", interval=LOOK_SECONDS)
    return state


def _converges(model: Model, wanted: Json, step: str) -> None:
    told = {name: part for name, part in wanted.items() if name == ITSELF}

    def same() -> bool:
        # The operator reports last, and to look at everything costs more than all that it does.
        for look, expected in ((status_of, told), (state_of, wanted)):
            state = look(model)
            assert state == expected, difference(expected, state)
        return True

    eventually(same, STEP_SECONDS, f"'{step}' ends as in the undisturbed run", interval=LOOK_SECONDS)


def difference(wanted: Json, state: Json) -> str:
    """What of a state is not as it should be."""
    return "; ".join(
        f"{name}: {state.get(name, 'missing')}, wanted {wanted.get(name, 'nothing')}"
        for name in sorted(wanted.keys() | state.keys())
        if wanted.get(name) != state.get(name)
    )
