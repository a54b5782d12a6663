"""Random walks: whatever users, pods, time and kills do, what is asked for serves in the end, alone."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given, note, settings
from hypothesis import strategies as st

from serinus.api.commands import Verb
from serinus.rollout.view import NO_GATES, Size, Verdict
from tests.rollout.simulated_world import World
from tests.rollout.views import fixed, scaling
from tests.rollout.views import steps as steps_of

walking = settings(max_examples=200, deadline=None, derandomize=True)


@dataclass(frozen=True, repr=False)
class Step:
    """Something that happens in the world."""

    name: str
    arguments: tuple[object, ...]
    act: Callable[..., None]

    def __repr__(self) -> str:
        return f"{self.name} {', '.join(map(str, self.arguments))}".strip()


def step(name: str, act: Callable[..., None], *arguments: st.SearchStrategy[object]) -> st.SearchStrategy[Step]:
    return st.tuples(*arguments).map(lambda drawn: Step(name, drawn, act))


names = st.sampled_from("abc")
numbers = st.integers(0, 4)
sizes = st.sampled_from([*map(fixed, range(4)), scaling(1, 1), scaling(1, 4), scaling(2, 3), scaling(3, 6)])
often = [
    step("ask for", World.ask, names),
    step("all pods come", World.all_pods_come),
    step("seconds pass:", World.wait, st.sampled_from([1, 31, 60, 601])),
    step("the parents accept", World.parents_answer, st.just(True)),  # noqa: FBT003 - what they answer
]
sometimes = [
    step("ready pods of", World.pods, names, numbers),
    step("ready pods of what is asked for:", lambda world, ready: world.pods(world.asked, ready), numbers),
    step(
        "ready pods of who was promoted last:", lambda world, ready: world.pods(world.promoted_last(), ready), numbers
    ),
    step("give the command", World.give, st.sampled_from(Verb)),
    step("break", lambda world, name: world.broken.add(name), names),
    step("mend", lambda world, name: world.broken.discard(name), names),
    step("the autoscaler wants of", World.autoscale, names, numbers),
    step("resize to", World.resize, sizes),
    step("killed after writes, away for steps:", World.operate_until_killed, st.integers(0, 6), numbers),
]
seldom = [
    step("give with an old nonce the command", World.repeat, st.sampled_from(Verb)),
    step("pause in the spec:", World.pause, st.booleans()),
    step("through a gateway:", World.through_a_gateway, st.booleans()),
    step("the parents answer", World.parents_answer, st.sampled_from([True, True, False])),
    step("others go on:", World.crowded, st.sampled_from(["", "2 rollouts go on"])),
    step("the evidence says", World.judge, st.sampled_from(Verdict)),
    step("the clock is set back", lambda world: world.wait(-3_600)),
    step("lose the record of", World.lose_record, names),
    step("lose the Deployment of", World.lose_deployment, names),
    step("block the address", lambda world: setattr(world, "blocked", True)),
    step("free the address", lambda world: setattr(world, "blocked", False)),
]
steps = st.one_of(*often * 4, *sometimes * 2, *seldom)
walks = st.lists(steps, min_size=10, max_size=40)
policies = st.sampled_from(
    [
        steps_of(
            *weights,
            seconds=seconds,
            pause=by_hand,
            approval="Required" if by_hand else "NotRequired",
            deadline_seconds=deadline,
            on_inconclusive="Rollback" if history == 1 else "Hold",
            scale_down_delay_seconds=delay,
            surge=surge,
            history=history,
        )
        for weights, seconds in (((), 0), ((10, 50), 60), ((10, 50), 0), ((100,), 60), ((40, 20), 60))
        for delay in (0, 30)
        for history in (1, 2, 3)
        for by_hand in (False, False, True)
        for deadline in (None, 90)
        for surge in ("100%", "100%", 0)
    ]
)


worlds = st.builds(World, policies, gateway=st.booleans())


def walk(world: World, steps: list[Step]) -> None:
    world.operate()
    for each in steps:
        note(repr(each))
        each.act(world, *each.arguments)
        world.operate()


def settle(world: World) -> None:
    """The operator is back, all pods come, who is to be asked says yes, and time passes as far as it is waited for."""
    world.away, world.blocked, world.paused, world.judgement = 0, False, False, NO_GATES
    world.crowded("")
    world.broken.clear()
    for _ in range(50):
        world.operate()
        world.all_pods_come()
        if world.route and not world.route.accepted:
            world.parents_answer(accepted=True)
        if verb := world.awaited():
            world.give(verb)
        elif not world.is_due():
            if world.wake_at is None:
                return
            world.now = world.wake_at
    raise AssertionError("the world does not come to rest")


@walking
@given(worlds, walks)
def test_what_is_asked_for_serves_in_the_end_unless_it_was_rolled_back_and_nothing_else_runs(
    world: World, steps: list[Step]
) -> None:
    walk(world, steps)
    if world.size.is_zero:
        world.resize(fixed(1))
    settle(world)
    expected = world.expected()
    assert world.serving == expected
    assert (world.route.weights if world.route else None) == ({expected: 100} if world.gateway else None)
    assert set(world.deployments) == {expected}
    deployment = world.deployments[expected]
    assert world.size.least <= deployment.ready == deployment.wanted
    conditions = {each.type: each.status for each in world.status().conditions or ()}
    assert conditions["Ready"] == ("True" if expected == world.asked else "False")
    assert conditions.get("Stalled") == (None if expected == world.asked else "True")


@walking
@given(worlds, walks)
def test_no_more_than_the_history_is_kept(world: World, steps: list[Step]) -> None:
    walk(world, steps)
    if world.size.is_zero:
        world.resize(fixed(1))
    settle(world)
    assert world.asked in world.records
    beside = {world.asked, world.promoted_last()}
    assert len(world.records) <= len(beside) + world.policy.history


@walking
@given(worlds, walks)
def test_at_zero_nothing_runs(world: World, steps: list[Step]) -> None:
    walk(world, steps)
    world.resize(Size(0))
    settle(world)
    assert all(deployment.wanted == 0 for deployment in world.deployments.values())
    assert len(world.deployments) <= 1


@walking
@given(worlds, walks)
def test_at_rest_the_operator_writes_nothing(world: World, steps: list[Step]) -> None:
    walk(world, steps)
    settle(world)
    assert list(world.reconcile()) == []
