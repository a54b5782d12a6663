"""A new revision gets its shares of the traffic step by step, loses them when it fails, and takes over in the end."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from serinus.api.names import LABEL_DEPLOYMENT, LABEL_REVISION
from tests.cluster.api import Json
from tests.cluster.eventually import eventually
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.cluster.simulated_pods import NEVER_READY, READY, crash_loop
from tests.e2e.history import History
from tests.e2e.models import SECONDS, Model, spec
from tests.e2e.operator import OperatorProcess

pytestmark = pytest.mark.control_plane

HELD_FOR_EVER = 86_400


def canary_spec(image: str, *steps: tuple[int, int], replicas: int = 4, **rollout: int) -> Json:
    """A spec whose new revisions hold each weight for so many seconds."""
    held = [{"weight": weight, "minSeconds": seconds} for weight, seconds in steps]
    return spec(image, replicas=replicas, rollout={"steps": held, **rollout})


def serves(model: Model, image: str = "model:1", **rollout: int) -> str:
    """Bring a first revision into service."""
    revision = model.apply(canary_spec(image, (25, HELD_FOR_EVER), **rollout))
    model.settles(revision)
    return revision


def holds(model: Model, revision: str, weight: int) -> Json:
    """Wait until a canary has its share, asked for and in force."""

    def held() -> Json:
        canary: Json = model.status().get("canary", {})
        assert (canary.get("revision"), canary.get("weight")) == (revision, weight), canary
        assert model.child_now("Service")["spec"]["selector"] == {LABEL_DEPLOYMENT: model.name}
        return canary

    return eventually(held, SECONDS, f"{revision} holds {weight} %")


def attempt(model: Model, revision: str) -> Json:
    """The last attempt on record."""
    last: Json = model.child_now("ModelRelease", revision)["status"]["attempts"][-1]
    return last


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def test_a_rollout_goes_through_its_steps_and_no_pod_moves_at_the_promotion(model: Model) -> None:
    history = History.from_now(model.api, model.namespace)
    first = serves(model)
    second = model.apply(canary_spec("model:2", (25, 1), (50, 2)))
    model.settles(second)

    assert history.sizes(f"fraud-{second}") == [2, 4]
    assert history.sizes(f"fraud-{first}") == [4]
    status = model.child_now("ModelRelease", second)["status"]
    assert status["result"] == "Promoted"
    assert [(held["step"], held["weight"]) for held in attempt(model, second)["held"]] == [(1, 25), (2, 50)]
    for held, seconds in zip(attempt(model, second)["held"], (1, 2), strict=True):
        assert seconds_between(held["since"], held["until"]) >= seconds
    assert attempt(model, second)["outcome"]["result"] == "Promoted"
    assert model.serving() == second
    history.assert_always_served("fraud")


def test_the_status_shows_the_step_the_share_asked_for_and_the_one_in_force(model: Model) -> None:
    first = serves(model)
    second = model.apply(canary_spec("model:2", (10, HELD_FOR_EVER), (50, 60)))

    canary = holds(model, second, 10)
    assert (canary["step"], canary["steps"]) == (1, 2)
    assert (canary["replicas"], canary["weightInForce"]) == (1, 20)
    assert model.status()["stable"] == {"revision": first, "weight": 90, "replicas": 4, "readyReplicas": 4}
    model.reports("CanaryInProgress", f"revision {second} holds 10 % of the traffic at step 1 of 2")
    assert model.says("Available") == ("True", "Serving")


def test_a_policy_that_is_edited_in_mid_canary_counts_for_the_next_attempt(model: Model) -> None:
    serves(model)
    second = model.apply(canary_spec("model:2", (25, HELD_FOR_EVER)))
    holds(model, second, 25)

    model.apply(canary_spec("model:2", (50, 0)))
    eventually(lambda: model.status()["observedGeneration"] == 3, SECONDS, "the edit was seen")

    assert model.status()["canary"]["weight"] == 25
    assert attempt(model, second)["policy"]["steps"] == [{"weight": 25, "minSeconds": HELD_FOR_EVER, "pause": False}]


def test_a_canary_that_loses_its_last_ready_pod_gives_its_share_back_and_begins_the_step_anew(
    model: Model, simulated_nodes: SimulatedNodes
) -> None:
    first = serves(model)
    second = model.apply(canary_spec("model:2", (25, HELD_FOR_EVER)))
    holds(model, second, 25)
    began = attempt(model, second)["since"]

    simulated_nodes.decide(crash_loop(exit_code=1), image="model:2")
    model.reports("Retreated", f"revision {first} goes on serving", "step 1 begins anew")
    assert model.serving() == first

    simulated_nodes.decide(READY, image="model:2")
    holds(model, second, 25)
    assert seconds_between(began, attempt(model, second)["since"]) > 0
    assert len(attempt(model, second)["held"]) == 1


def test_a_canary_whose_pods_never_come_is_rolled_back_and_not_tried_again(
    model: Model, simulated_nodes: SimulatedNodes
) -> None:
    first = serves(model)
    pods = model.pod_uids(first)
    simulated_nodes.decide(crash_loop(exit_code=3), image="model:2")
    bad = canary_spec("model:2", (25, 1), progressDeadlineSeconds=1)
    second = model.apply(bad)

    model.reports("ProgressDeadlineExceeded", "exit code 3", "rolled back", f"revision {first} goes on serving")
    eventually(lambda: model.child("Deployment", second) is None, SECONDS, "its pods are gone")
    assert model.says("Stalled") == ("True", "ProgressDeadlineExceeded")
    assert model.pod_uids(first) == pods

    simulated_nodes.forget_decisions()
    model.apply({**bad, "replicas": 5})
    eventually(lambda: len(model.pods(first)) == 5, SECONDS, "scaling is no new try")
    assert model.child("Deployment", second) is None


def test_what_was_rolled_back_is_tried_again_after_another_revision_was_asked_for(
    model: Model, simulated_nodes: SimulatedNodes
) -> None:
    first = serves(model)
    simulated_nodes.decide(crash_loop(exit_code=3), image="model:2")
    bad = canary_spec("model:2", (25, 1), progressDeadlineSeconds=1)
    second = model.apply(bad)
    model.reports("ProgressDeadlineExceeded", "rolled back")
    serves(model)

    simulated_nodes.forget_decisions()
    model.apply(bad)

    model.settles(second)
    assert attempt(model, second)["number"] == 2
    assert model.serving() != first


def test_the_stable_spec_applied_again_ends_the_canary_at_once(model: Model) -> None:
    history = History.from_now(model.api, model.namespace)
    first = serves(model)
    pods = model.pod_uids(first)
    second = model.apply(canary_spec("model:2", (25, HELD_FOR_EVER)))
    holds(model, second, 25)

    serves(model)

    eventually(lambda: model.child("Deployment", second) is None, SECONDS, "the canary is gone")
    assert model.pod_uids(first) == pods
    assert attempt(model, second)["outcome"]["reason"] == "Superseded"
    history.assert_always_served("fraud")


def test_a_third_revision_supersedes_the_canary(model: Model) -> None:
    history = History.from_now(model.api, model.namespace)
    serves(model)
    second = model.apply(canary_spec("model:2", (25, HELD_FOR_EVER)))
    holds(model, second, 25)

    third = model.apply(canary_spec("model:3", (25, 1)))

    model.settles(third)
    assert model.child_now("ModelRelease", second)["status"]["result"] == "Ended"
    assert model.child("Deployment", second) is None
    history.assert_always_served("fraud")


def test_a_return_to_a_revision_that_served_needs_no_steps_and_leaves_its_record(model: Model) -> None:
    serves(model)
    wanted = canary_spec("model:2", (25, 0))
    second = model.apply(wanted)
    model.settles(second)
    serves(model)

    model.apply(wanted)
    model.settles(second)

    by_steps, back = model.child_now("ModelRelease", second)["status"]["attempts"]
    assert ([each["weight"] for each in by_steps["held"]], by_steps["outcome"]["result"]) == ([25], "Promoted")
    assert (back["number"], back["policy"]["steps"], back["outcome"]["result"]) == (2, [], "Promoted")


def test_a_return_is_given_up_where_the_pods_do_not_come(model: Model, simulated_nodes: SimulatedNodes) -> None:
    first = serves(model)
    second = model.apply(canary_spec("model:2", (25, 0)))
    model.settles(second)
    simulated_nodes.decide(NEVER_READY, image="model:1")

    model.apply(canary_spec("model:1", (25, 0), progressDeadlineSeconds=1))

    model.reports("ProgressDeadlineExceeded", "rolled back", f"{second} goes on serving")
    assert model.serving() == second
    model.pods_come(first, 0)


def attempt_count(model: Model, revision: str) -> int:
    return len(model.child_now("ModelRelease", revision)["status"].get("attempts", ()))


def test_scaling_in_mid_canary_keeps_the_share(model: Model) -> None:
    serves(model)
    second = model.apply(canary_spec("model:2", (50, HELD_FOR_EVER)))
    holds(model, second, 50)

    model.scale(6)

    def scaled() -> bool:
        status = model.status()
        return bool(status["stable"]["readyReplicas"] == status["canary"]["readyReplicas"] == 6)

    eventually(scaled, SECONDS, "both have grown")
    holds(model, second, 50)


def test_an_operator_that_was_away_goes_on_where_it_was(model: Model, operator: OperatorProcess) -> None:
    serves(model)
    second = model.apply(canary_spec("model:2", (25, HELD_FOR_EVER)))
    holds(model, second, 25)
    before = attempt(model, second)

    operator.restart()
    model.scale(5)
    eventually(lambda: model.status()["stable"]["readyReplicas"] == 5, SECONDS, "it works again")

    assert attempt(model, second) == before
    holds(model, second, 25)


def test_shares_stay_while_stable_has_no_ready_pod(model: Model, simulated_nodes: SimulatedNodes) -> None:
    first = serves(model)
    second = model.apply(canary_spec("model:2", (25, 2)))
    holds(model, second, 25)

    simulated_nodes.decide(NEVER_READY, image="model:1")
    for pod in model.pods(first):
        model.api.delete("v1", "Pod", pod["metadata"]["name"], model.namespace)
    model.reports("StableNotReady", f"revision {first} has no ready pod", f"revision {second} stays at 25 %")
    assert model.says("Available") == ("True", "Serving")

    simulated_nodes.forget_decisions()
    model.settles(second)


def test_two_revisions_that_listen_on_different_ports_cannot_share_one_service(model: Model) -> None:
    first = serves(model)
    other = canary_spec("model:2", (25, 1))
    other["template"]["spec"]["containers"][0]["ports"] = [{"name": "web", "containerPort": 9090}]

    second = model.apply(other)

    model.reports("RenderFailed", f"revision {second} listens on port 9090", "give both ports the same name")
    assert model.serving() == first
    assert LABEL_REVISION in model.child_now("Service")["spec"]["selector"]


def test_scaling_is_no_new_try_of_what_was_rolled_back(model: Model, simulated_nodes: SimulatedNodes) -> None:
    first = serves(model)
    simulated_nodes.decide(NEVER_READY, image="model:2")
    second = model.apply(canary_spec("model:2", (25, 0), progressDeadlineSeconds=1))
    model.reports("ProgressDeadlineExceeded")
    simulated_nodes.forget_decisions()

    model.scale(6)
    model.pods_come(first, 6)
    eventually(lambda: model.status()["stable"]["readyReplicas"] == 6, SECONDS, "all are ready")
    model.reports("ProgressDeadlineExceeded", second)
    assert model.child("Deployment", second) is None


def test_of_three_versions_in_succession_each_keeps_its_pods_for_a_while_after_it_was_replaced(model: Model) -> None:
    history = History.from_now(model.api, model.namespace)
    revisions = []
    for number in (1, 2, 3):
        revisions.append(model.apply(spec(f"model:{number}", drain=6)))
        model.settles(revisions[-1])
    assert model.child("Deployment", revisions[0]), "it still drains, with the second"
    assert model.child("Deployment", revisions[1])

    model.pods_come(revisions[1], 0)
    for revision, successor in pairwise(revisions):
        replaced = datetime.fromisoformat(model.child_now("ModelRelease", successor)["status"]["promotedAt"])
        assert history.told_to_end(revision) - replaced >= timedelta(seconds=5)  # the one is in whole seconds
    assert history.told_to_end(revisions[0]) <= history.told_to_end(revisions[1])
