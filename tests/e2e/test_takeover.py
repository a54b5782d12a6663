"""A changed template: a new revision takes over once it is ready, and until then nothing is lost."""

from datetime import datetime

import pytest

from tests.cluster.eventually import eventually
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.cluster.simulated_pods import NEVER_READY, READY, crash_loop, image_pull_back_off
from tests.e2e.history import History
from tests.e2e.models import SECONDS, Model, children_of, spec

pytestmark = pytest.mark.control_plane

RUNNING = ("ModelRelease", "Deployment", "Service", "PodDisruptionBudget")


def test_a_new_revision_takes_over_and_the_old_one_stays_as_a_record(model: Model) -> None:
    history = History.from_now(model.api, model.namespace)
    first = model.apply(spec("model:1"))
    model.settles(first)
    second = model.apply(spec("model:2"))
    model.settles(second)

    model.has("Service fraud", *children_of("fraud", second, *RUNNING), f"ModelRelease fraud-{first}")
    assert _promotion(model, first) < _promotion(model, second)
    history.assert_always_served("fraud")


def test_the_old_revision_serves_until_all_new_pods_are_ready(model: Model, simulated_nodes: SimulatedNodes) -> None:
    first = model.apply(spec("model:1", replicas=3))
    model.settles(first)
    pods = model.pod_uids(first)
    simulated_nodes.decide(NEVER_READY, image="model:2")
    second = model.apply(spec("model:2", replicas=3))
    model.reports("RolloutInProgress", f"revision {second}", "0 of 3 pods ready", f"revision {first} goes on serving")

    slow, *others = model.pods_come(second, 3)
    simulated_nodes.decide(NEVER_READY, pod=f"{model.namespace}/{slow}")
    for other in others:
        simulated_nodes.decide(READY, pod=f"{model.namespace}/{other}")
    model.reports("RolloutInProgress", "2 of 3 pods ready")

    assert model.serving() == first
    assert model.pod_uids(first) == pods
    status = model.status()
    assert status["stable"] == {"revision": first, "weight": 100, "replicas": 3, "readyReplicas": 3}
    assert status["canary"] == {
        "revision": second,
        "weight": 0,
        "weightInForce": 0,
        "replicas": 3,
        "readyReplicas": 2,
    }
    assert (status["replicas"], status["readyReplicas"]) == (6, 5)
    simulated_nodes.forget_decisions()
    model.settles(second)


def test_no_pod_moves_when_a_revision_is_promoted(model: Model, simulated_nodes: SimulatedNodes) -> None:
    model.settles(model.apply(spec("model:1")))
    simulated_nodes.decide(NEVER_READY, image="model:2")
    second = model.apply(spec("model:2"))
    model.pods_come(second, 2)
    pods = model.pod_uids(second)

    simulated_nodes.forget_decisions()
    model.settles(second)

    assert model.pod_uids(second) == pods


def test_the_old_revision_keeps_its_pods_for_a_while(model: Model) -> None:
    history = History.from_now(model.api, model.namespace)
    first = model.apply(spec("model:1", drain=3))
    model.settles(first)
    pods = model.pod_uids(first)
    second = model.apply(spec("model:2", drain=3))
    model.settles(second)
    assert model.pod_uids(first) == pods

    model.has("Service fraud", *children_of("fraud", second, *RUNNING), f"ModelRelease fraud-{first}")

    gone = next(
        datetime.fromisoformat(item["metadata"]["deletionTimestamp"])
        for change, item in history.of("Pod")
        if item["metadata"]["uid"] in pods and "deletionTimestamp" in item["metadata"]
    )
    # A deletionTimestamp is when the pod must have ended: its grace lies between.
    grace = next(item["spec"]["terminationGracePeriodSeconds"] for _, item in history.of("Pod"))
    kept = gone.timestamp() - grace - _promotion(model, second).timestamp()
    assert 2 <= kept < 10


def test_going_back_in_the_middle_keeps_what_serves(model: Model, simulated_nodes: SimulatedNodes) -> None:
    history = History.from_now(model.api, model.namespace)
    first = model.apply(spec("model:1"))
    model.settles(first)
    pods = model.pod_uids(first)
    simulated_nodes.decide(NEVER_READY, image="model:2")
    second = model.apply(spec("model:2"))
    model.reports("RolloutInProgress", f"revision {second}")

    model.apply(spec("model:1"))

    model.settles(first)
    model.has("Service fraud", *children_of("fraud", first, *RUNNING), f"ModelRelease fraud-{second}")
    assert model.pod_uids(first) == pods
    assert "promotedAt" not in model.child_now("ModelRelease", second).get("status", {})
    history.assert_always_served("fraud")


def test_a_revision_that_was_left_comes_back_with_its_record(model: Model) -> None:
    first = model.apply(spec("model:1"))
    model.settles(first)
    record = model.child_now("ModelRelease", first)
    second = model.apply(spec("model:2"))
    model.settles(second)

    model.apply(spec("model:1"))
    model.settles(first)

    again = model.child_now("ModelRelease", first)
    assert again["metadata"]["uid"] == record["metadata"]["uid"]
    assert again["status"]["promotedAt"] > record["status"]["promotedAt"]
    assert _promotion(model, second) < _promotion(model, first)


def test_a_new_spec_in_the_middle_replaces_the_one_before(model: Model, simulated_nodes: SimulatedNodes) -> None:
    first = model.apply(spec("model:1"))
    model.settles(first)
    simulated_nodes.decide(NEVER_READY, image="model:2")
    second = model.apply(spec("model:2"))
    model.reports("RolloutInProgress", f"revision {second}")

    third = model.apply(spec("model:3"))

    model.settles(third)
    records = [f"ModelRelease fraud-{revision}" for revision in (first, second)]
    model.has("Service fraud", *children_of("fraud", third, *RUNNING), *records)


def test_an_image_that_cannot_be_pulled_is_rolled_back_and_the_old_revision_serves(
    model: Model, simulated_nodes: SimulatedNodes
) -> None:
    first = model.apply(spec("model:1"))
    model.settles(first)
    pods = model.pod_uids(first)
    simulated_nodes.decide(image_pull_back_off("manifest unknown"), image="bad:1")
    second = model.apply(spec("bad:1", rollout={"progressDeadlineSeconds": 2}))

    model.reports("ProgressDeadlineExceeded", f"revision {second}", "after 2 s", "manifest unknown", "rolled back")

    kinds = {each["type"]: each["status"] for each in model.status()["conditions"]}
    assert kinds == {"Ready": "False", "Available": "True", "Stalled": "True"}
    assert model.serving() == first
    assert model.pod_uids(first) == pods
    third = model.apply(spec("model:3"))
    model.settles(third)


def test_a_first_revision_that_stalled_still_serves_when_its_pods_come(
    model: Model, simulated_nodes: SimulatedNodes
) -> None:
    simulated_nodes.decide(NEVER_READY, image="model:1")
    first = model.apply(spec("model:1", rollout={"progressDeadlineSeconds": 1}))
    model.reports("ProgressDeadlineExceeded", "it still takes over when it is ready")

    simulated_nodes.forget_decisions()

    model.settles(first)


def test_a_first_deploy_that_never_worked_is_replaced_by_a_good_one(
    model: Model, simulated_nodes: SimulatedNodes
) -> None:
    simulated_nodes.decide(crash_loop(exit_code=1), image="bad:1")
    first = model.apply(spec("bad:1", rollout={"progressDeadlineSeconds": 1}))
    model.reports("ProgressDeadlineExceeded", "exit code 1")

    second = model.apply(spec("model:2"))

    model.settles(second)
    model.has("Service fraud", *children_of("fraud", second, *RUNNING), f"ModelRelease fraud-{first}")
    eventually(lambda: not model.pods(first), SECONDS, "the pods that never worked are gone")


def test_bad_after_bad_leaves_nothing_but_records_beside_the_stable_one(
    model: Model, simulated_nodes: SimulatedNodes
) -> None:
    first = model.apply(spec("model:1"))
    model.settles(first)
    pods = model.pod_uids(first)
    bad = []
    for number in range(1, 5):
        simulated_nodes.decide(crash_loop(), image=f"bad:{number}")
        bad.append(model.apply(spec(f"bad:{number}", rollout={"progressDeadlineSeconds": 1})))
        model.reports("ProgressDeadlineExceeded", f"revision {bad[-1]}")

    model.has(
        "Service fraud",
        *children_of("fraud", first, *RUNNING),
        *(f"ModelRelease fraud-{revision}" for revision in bad),
    )
    assert model.pod_uids(first) == pods
    eventually(lambda: len(model.pods()) == 2, SECONDS, "the bad pods are gone")


def test_records_beyond_the_history_go_oldest_first(model: Model) -> None:
    revisions = []
    for number in range(1, 6):
        revisions.append(model.apply(spec(f"model:{number}", rollout={"history": 2})))
        model.settles(revisions[-1])

    records = [f"ModelRelease fraud-{revision}" for revision in revisions[2:4]]
    model.has("Service fraud", *children_of("fraud", revisions[-1], *RUNNING), *records)


def test_what_is_no_part_of_a_revision_moves_no_pod(model: Model) -> None:
    revision = model.apply(spec("model:1", replicas=2))
    model.settles(revision)
    pods = model.pod_uids(revision)

    assert model.apply(spec("model:1", replicas=2, drain=20, rollout={"history": 3})) == revision

    model.settles(revision)
    assert model.pod_uids(revision) == pods


def _promotion(model: Model, revision: str) -> datetime:
    return datetime.fromisoformat(model.child_now("ModelRelease", revision)["status"]["promotedAt"])
