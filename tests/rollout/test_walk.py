"""Random walks: whatever users, pods, time and kills do, what is asked for serves in the end, alone."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.api.modeldeployment import Rollout
from serinus.rollout.view import Size
from tests.rollout.simulated_world import FAR, World
from tests.rollout.views import fixed, scaling

Step = tuple[str, Callable[[World], None]]

names = st.sampled_from("abcd")
numbers = st.integers(0, 4)


def step(text: str, act: Callable[..., None], *arguments: st.SearchStrategy[object]) -> st.SearchStrategy[Step]:
    return st.tuples(*arguments).map(lambda given: (f"{text}{given}", lambda world: act(world, *given)))


sizes = st.builds(fixed, numbers) | st.builds(
    lambda least, more: scaling(least, least + more), st.integers(1, 3), numbers
)

steps = st.one_of(
    step("ask", World.ask, names),
    step("pods", World.pods, names, numbers),
    step("pods", World.pods, names, numbers),
    step("autoscale", World.autoscale, names, numbers),
    step("resize", World.resize, sizes),
    step("break", lambda world, name: world.broken.add(name), names),
    step("mend", lambda world, name: world.broken.discard(name), names),
    step("wait", World.wait, st.sampled_from([1, 5, 31, 601])),
    step("clock set back", World.wait, st.just(-3600)),
    step("lose the record of", World.lose_record, names),
    step("lose the Deployment of", World.lose_deployment, names),
    step("killed after writes", World.operate_until_killed, st.integers(0, 6)),
)

policies = st.sampled_from(
    [Rollout(scale_down_delay_seconds=delay, history=history) for delay in (0, 30) for history in (1, 2, 3)]
)


def walk(policy: Rollout, taken: list[Step]) -> World:
    world = World(policy)
    world.operate()
    for _, act in taken:
        act(world)
        world.operate()
    return world


def settle(world: World) -> None:
    """All pods come, and time passes as far as somebody waits for it."""
    world.broken.clear()
    for _ in range(50):
        world.operate()
        for name, deployment in world.deployments.items():
            world.pods(name, deployment.wanted)
        if not world.is_due():
            if world.wake_at is None or world.wake_at > world.now + FAR:
                return
            world.now = world.wake_at
    raise AssertionError("the world does not come to rest")


@settings(max_examples=400, deadline=None, derandomize=True)
@given(policies, st.lists(steps, max_size=25))
def test_what_is_asked_for_serves_in_the_end_and_nothing_else_runs(policy: Rollout, taken: list[Step]) -> None:
    world = walk(policy, taken)
    if world.size.is_zero:
        world.resize(fixed(1))
    settle(world)
    assert world.serving == world.asked
    assert set(world.deployments) == {world.asked}
    deployment = world.deployments[world.asked]
    assert world.size.least <= deployment.ready == deployment.wanted
    ready = (world.status().conditions or ())[0]
    assert (ready.type, ready.status) == ("Ready", "True")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(policies, st.lists(steps, max_size=25))
def test_the_history_that_is_kept_is_the_newest(policy: Rollout, taken: list[Step]) -> None:
    world = walk(policy, taken)
    settle(world)
    others = [name for name in world.records if name not in world.deployments and name != world.asked]
    assert len(others) <= policy.history + 1  # a stable revision at zero may have no pods either
    assert world.asked in world.records


@settings(max_examples=200, deadline=None, derandomize=True)
@given(policies, st.lists(steps, max_size=25))
def test_at_zero_nothing_runs(policy: Rollout, taken: list[Step]) -> None:
    world = walk(policy, taken)
    world.resize(Size(0))
    settle(world)
    assert all(deployment.wanted == 0 for deployment in world.deployments.values())
    assert len(world.deployments) <= 1


@settings(max_examples=200, deadline=None, derandomize=True)
@given(policies, st.lists(steps, max_size=25))
def test_at_rest_the_operator_writes_nothing(policy: Rollout, taken: list[Step]) -> None:
    world = walk(policy, taken)
    settle(world)
    assert list(world.reconcile()) == []
