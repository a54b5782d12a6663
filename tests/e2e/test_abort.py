"""A rollout that is given up: what is told of it, in which order, and that the stable revision never shrinks for it."""

from collections.abc import Iterator

import pytest

from serinus.cluster.events import CONTROLLER
from tests.cluster.eventually import eventually
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.cluster.simulated_pods import NEVER_READY
from tests.e2e.history import History
from tests.e2e.models import SECONDS, Model
from tests.e2e.test_canary import HELD_FOR_EVER, attempt, canary_spec, holds, serves
from tests.e2e.test_commands import answers, give

pytestmark = pytest.mark.control_plane

ON_THEIR_WAY = ("PodsNotReady", "RolloutInProgress", "PromotionWaitsForPods")


@pytest.fixture
def history(model: Model) -> Iterator[History]:
    """A model that is asked all the while."""
    history = History.from_now(model.api, model.namespace)
    yield history
    history.assert_always_served(model.name)


def story(model: Model) -> list[str]:
    """What was told, in the order in which it was told first: reasons, and the verbs of commands.

    That pods are on their way is told only where it takes them a moment.
    """
    found = model.api.find("events.k8s.io/v1", "Event", model.namespace)
    ours = [each for each in found if each.get("reportingController") == CONTROLLER]
    told = [
        each["note"].split()[0] if each["reason"] == "CommandObeyed" else each["reason"]
        for each in sorted(ours, key=lambda each: str(each["eventTime"]))
    ]
    return [each for each in told if each not in ON_THEIR_WAY]


def test_abort_retry_and_promotion_are_told_in_order(model: Model, history: History) -> None:
    first = serves(model)
    second = model.apply(canary_spec("model:2", (25, HELD_FOR_EVER)))
    holds(model, second, 25)
    give(model, f"abort {second} 1")
    model.reports("Aborted")
    eventually(lambda: model.child("Deployment", second) is None, SECONDS, "only the old pods are left")
    give(model, f"retry {second} 2")
    holds(model, second, 25)
    give(model, f"promote-full {second} 3")
    model.settles(second)

    told = ["Serving", "CanaryInProgress", "Aborted", "abort", "retry", "promote-full", "Serving"]
    assert story(model) == told
    assert history.sizes(f"fraud-{first}") == [4]


def test_aborted_after_all_its_pods_were_deleted_it_leaves_only_the_old_ones(
    model: Model, history: History, simulated_nodes: SimulatedNodes
) -> None:
    first = serves(model)
    second = model.apply(canary_spec("model:2", (25, HELD_FOR_EVER)))
    holds(model, second, 25)
    pods = model.pod_uids(first)
    simulated_nodes.decide(NEVER_READY, image="model:2")
    for pod in model.pods(second):
        model.api.delete("v1", "Pod", pod["metadata"]["name"], model.namespace)
    model.reports("Retreated")

    give(model, f"abort {second} 1")

    model.reports("Aborted", "was given up")
    answers(model, "1", "is given up")
    eventually(lambda: not model.pods(second), SECONDS, "no pod of it is left")
    assert model.pod_uids(first) == pods
    assert model.serving() == first
    assert history.sizes(f"fraud-{first}") == [4]


def test_scaled_up_while_it_shifts_both_revisions_only_grow(model: Model, history: History) -> None:
    first = serves(model)
    second = model.apply(canary_spec("model:2", (25, 1), (50, 2)))
    holds(model, second, 25)
    model.scale(8)
    model.settles(second)

    assert history.sizes(f"fraud-{first}") == [4, 8]
    sizes = history.sizes(f"fraud-{second}")
    assert sizes == sorted(sizes)
    assert sizes[-1] == 8
    assert [held["weight"] for held in attempt(model, second)["held"]] == [25, 50]


def test_a_lower_weight_and_an_abort_leave_the_stable_revision_its_size(model: Model, history: History) -> None:
    first = serves(model)
    second = model.apply(canary_spec("model:2", (75, 1), (25, HELD_FOR_EVER)))
    holds(model, second, 25)
    give(model, f"abort {second} 1")
    model.reports("Aborted")
    eventually(lambda: model.child("Deployment", second) is None, SECONDS, "its pods are gone")

    assert history.sizes(f"fraud-{first}") == [4]
    sizes = history.sizes(f"fraud-{second}")
    assert min(sizes) >= 2, "25 % of four pods' traffic is more than one pod may carry"
