"""No room beside the stable revision (`surge: 0`): pods, and the weight with them, change hands one at a time."""

from collections.abc import Callable, Iterator

import pytest

from serinus.api.commands import Verb
from serinus.rollout.view import EVERY
from tests.rollout.simulated_world import World
from tests.rollout.views import fixed, steps

SIZE = 10
POLICY = steps(10, 50, seconds=60, surge=0)

each_way = pytest.mark.parametrize("gateway", [True, False], ids=["by a gateway", "by numbers of pods"])


def serving(gateway: bool, *asked: str) -> World:  # noqa: FBT001 - parametrized
    """A world in which these revisions served, one after the other, the last of them still."""
    world = World(POLICY, asked=asked[0], size=fixed(SIZE), gateway=gateway)
    for name in asked:
        world.ask(name)
        until(world, lambda: serves_alone(world, name))  # noqa: B023 - called at once
    return world


def serves_alone(world: World, name: str) -> bool:
    return set(world.deployments) == {world.serving} == {name} and ready(world, name) == SIZE


def ready(world: World, name: str) -> int:
    found = world.deployments.get(name)
    return found.ready if found else 0


def until(world: World, reached: Callable[[], bool]) -> list[str]:
    """Pods become ready and parents accept, in their time; return who had how many pods, each time that changed."""
    history: list[str] = []
    note(world, history)
    for _ in range(400):
        for _ in one_look(world):
            one_pod_is_missing_at_most(world)
            note(world, history)
        if reached():
            return history
        if world.route and not world.route.accepted:
            world.parents_answer(accepted=True)
        elif any(each.ready < each.wanted for each in world.deployments.values()):
            world.all_pods_come()
        elif not world.is_due():
            world.wait(1)
        note(world, history)
    raise AssertionError(f"never: {history}")


def one_look(world: World) -> Iterator[None]:
    if world.is_due():
        yield from world.reconcile()
    yield


def one_pod_is_missing_at_most(world: World) -> None:
    """Whoever gets requests has pods for them, but for one; all pods together are never more than the size."""
    if world.promoted_last() not in world.deployments or world.view().stable is None:
        return
    assert sum(each.wanted for each in world.deployments.values()) <= SIZE
    if world.gateway and world.route and world.route.accepted:
        for name, weight in world.route.weights.items():
            ready = world.deployments[name].ready if name in world.deployments else 0
            assert ready >= weight * SIZE // 100 - 1, f"{name}: {ready} pods for {weight} %"
    if not world.gateway:
        answering = [each.ready for name, each in world.deployments.items() if world.serving in (name, EVERY)]
        assert sum(answering) >= SIZE - 2, f"{answering} answer"  # one goes while another comes


def note(world: World, history: list[str]) -> None:
    pods = " ".join(f"{name}{each.wanted}" for name, each in sorted(world.deployments.items()) if each.wanted)
    if history[-1:] != [pods]:
        history.append(pods)


@each_way
def test_the_stable_revision_shrinks_as_the_new_one_grows(gateway: bool) -> None:  # noqa: FBT001 - parametrized
    world = serving(gateway, "a")
    world.ask("b")
    history = until(world, lambda: serves_alone(world, "b"))
    handed = [step for pods in range(1, SIZE) for step in (f"a{SIZE - pods} b{pods - 1}", f"a{SIZE - pods} b{pods}")]
    assert history == ["a10", "a9", *handed[1:], "b9", "b10"]


@each_way
def test_each_step_is_held_for_its_time_from_its_last_pod_on(gateway: bool) -> None:  # noqa: FBT001 - parametrized
    world = serving(gateway, "a")
    world.ask("b")
    until(world, lambda: serves_alone(world, "b"))
    attempt = world.records["b"].attempt
    assert attempt
    assert [(each.weight, (each.until - each.since).total_seconds()) for each in attempt.held] == [(10, 60), (50, 60)]


@each_way
@pytest.mark.parametrize("way", ["abort", "revert", "another"])
def test_the_stable_revision_grows_before_its_traffic_returns(gateway: bool, way: str) -> None:  # noqa: FBT001
    world = serving(gateway, "a")
    world.ask("b")
    until(world, lambda: ready(world, "b") == SIZE // 2)
    if way == "abort":
        world.give(Verb.ABORT)
    else:
        world.ask("a" if way == "revert" else "c")
    history = until(world, lambda: "b" not in world.deployments)
    shrinking = [f"a{SIZE - pods} b{pods}" for pods in range(SIZE // 2, 0, -1)]
    assert [each for each in history if each in shrinking] == shrinking
    until(world, lambda: serves_alone(world, "c" if way == "another" else "a"))


@each_way
def test_a_revision_that_served_before_returns_in_the_same_way(gateway: bool) -> None:  # noqa: FBT001 - parametrized
    world = serving(gateway, "a", "b")
    world.ask("a")
    history = until(world, lambda: serves_alone(world, "a"))
    assert f"a{SIZE // 2} b{SIZE // 2}" in history


@each_way
def test_promote_full_skips_the_steps_and_no_pod(gateway: bool) -> None:  # noqa: FBT001 - parametrized
    world = serving(gateway, "a")
    world.ask("b")
    world.operate()
    world.give(Verb.PROMOTE_FULL)
    started = world.now
    history = until(world, lambda: serves_alone(world, "b"))
    assert f"a{SIZE // 2} b{SIZE // 2}" in history
    assert (world.now - started).total_seconds() < POLICY.steps[0].min_seconds


@each_way
def test_without_any_ready_pod_the_new_one_loses_its_weight_at_once(gateway: bool) -> None:  # noqa: FBT001
    world = serving(gateway, "a")
    world.ask("b")
    until(world, lambda: ready(world, "b") == SIZE // 2)
    world.broken.add("b")
    world.pods("b", 0)
    world.operate()
    assert world.view().weight == 0
    assert (world.route.weights["b"] if world.route else world.serving) == (0 if gateway else "a")
