"""People, pods and specs that change in mid-canary: it ends as it should, and somebody is served all the while."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count

import pytest

from serinus.api.names import LABEL_DEPLOYMENT, LABEL_REVISION
from tests.cluster.api import ApiError, Json
from tests.cluster.eventually import eventually
from tests.cluster.side_by_side import SideBySide
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.cluster.simulated_pods import NEVER_READY, READY, Behaviour, crash_loop, image_pull_back_off
from tests.e2e.history import History
from tests.e2e.models import KINDS, SECONDS, Model
from tests.e2e.operator import OperatorProcess
from tests.e2e.test_canary import attempt, canary_spec, holds, serves
from tests.e2e.test_commands import give

pytestmark = pytest.mark.control_plane

HOLD = 2
HPA = "HorizontalPodAutoscaler"
WEIGHT = 50


@pytest.fixture
def served(model: Model) -> Iterator[Model]:
    """A model that is asked all the while."""
    history = History.from_now(model.api, model.namespace)
    yield model
    history.assert_always_served(model.name)


def begins(model: Model, seconds: int = HOLD, **rollout: int) -> tuple[str, str]:
    """A canary beside a first revision; returns both."""
    first = serves(model)
    second = model.apply(canary_spec("model:2", (WEIGHT, seconds), **rollout))
    holds(model, second, WEIGHT)
    return first, second


Hand = Callable[[Model, str, str], object]


def child_deleted(kind: str, which: int) -> Hand:
    return lambda model, *both: model.api.delete(KINDS[kind], kind, f"{model.name}-{both[which]}", model.namespace)


def child_edited(kind: str, which: int, edit: Json) -> Hand:
    return lambda model, *both: model.api.patch(KINDS[kind], kind, f"fraud-{both[which]}", edit, model.namespace)


def address_deleted(model: Model, *_: str) -> None:
    model.api.delete("v1", "Service", model.name, model.namespace)


def address_edited(edit: Json) -> Hand:
    return lambda model, *_: model.api.patch("v1", "Service", model.name, edit, model.namespace)


def owners_stripped(model: Model, *_: str) -> None:
    for name, item in model.belongings().items():
        kind = name.split()[0]
        strip = {"metadata": {"ownerReferences": None}}
        model.api.patch(KINDS[kind], kind, item["metadata"]["name"], strip, model.namespace)


def pods_deleted(model: Model, _first: str, second: str) -> None:
    for pod in model.pods(second):
        model.api.delete("v1", "Pod", pod["metadata"]["name"], model.namespace)


def records_deleted(model: Model, first: str, _second: str) -> None:
    model.api.delete(KINDS["ModelRelease"], "ModelRelease", f"{model.name}-{first}", model.namespace)


OTHER_IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "model", "image": "mine:1"}]}}}}
HANDS: dict[str, Hand] = {
    "canary's Service deleted": child_deleted("Service", 1),
    "canary's budget deleted": child_deleted("PodDisruptionBudget", 1),
    "stable's Service deleted": child_deleted("Service", 0),
    "canary's Deployment deleted": child_deleted("Deployment", 1),
    "canary scaled": child_edited("Deployment", 1, {"spec": {"replicas": 1}}),
    "stable scaled up": child_edited("Deployment", 0, {"spec": {"replicas": 6}}),
    "canary's image edited": child_edited("Deployment", 1, OTHER_IMAGE),
    "canary's selector": child_edited("Service", 1, {"spec": {"selector": {LABEL_REVISION: "0123456789"}}}),
    "address deleted": address_deleted,
    "address to another": address_edited({"spec": {"selector": {LABEL_DEPLOYMENT: None, "app": "another"}}}),
    "address to another port": address_edited({"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 9}]}}),
    "owners stripped": owners_stripped,
    "canary's pods deleted": pods_deleted,
    "stable's record deleted": records_deleted,
}


@pytest.fixture(scope="module")
def outcome(
    side_by_side: SideBySide[str], operator: OperatorProcess, _simulated_nodes: SimulatedNodes
) -> Callable[[str], object]:
    def work(case: str) -> None:
        model = Model.in_new_namespace(operator.plane.api)
        history = History.from_now(model.api, model.namespace)
        is_promoted_whatever_happens(model, HANDS[case])
        history.assert_always_served(model.name)
        model.delete()

    return side_by_side(work)


def is_promoted_whatever_happens(model: Model, hand: Hand) -> None:
    first = serves(model)
    wanted = canary_spec("model:2", (WEIGHT, 0))
    wanted["rollout"]["steps"][0]["pause"] = True
    second = model.apply(wanted)
    holds(model, second, WEIGHT)

    hand(model, first, second)

    goes_on(model, second)
    model.settles(second)
    assert [each["number"] for each in model.child_now("ModelRelease", second)["status"]["attempts"]] == [1]
    assert attempt(model, second)["outcome"]["result"] == "Promoted"
    eventually(lambda: model.child("Deployment", first) is None, SECONDS, "the old pods are gone")
    orphans = [name for name, item in model.belongings().items() if not item["metadata"].get("ownerReferences")]
    assert not orphans


def goes_on(model: Model, revision: str) -> None:
    """End the pause of the step, once more where the canary lost its share just then and began anew."""
    nonces = count()

    def promoted() -> bool:
        if model.says("Paused") == ("True", "StepPaused"):
            give(model, f"promote {revision} {next(nonces)}")
        return bool(model.status()["stable"]["revision"] == revision)

    eventually(promoted, SECONDS, f"{revision} is promoted", interval=0.3)


@pytest.mark.parametrize("case", HANDS)
def test_whatever_others_do_to_the_children_the_canary_is_promoted(outcome: Callable[[str], object], case: str) -> None:
    outcome(case)


def test_a_self_heal_that_applies_the_spec_again_and_again_changes_nothing(served: Model) -> None:
    _, second = begins(served, seconds=2)
    applied = 0

    def promoted() -> bool:
        nonlocal applied
        served.apply(canary_spec("model:2", (WEIGHT, 2)))
        applied += 1
        return bool(served.status()["stable"]["revision"] == second)

    eventually(promoted, SECONDS, "it is promoted all the same", interval=0.3)
    served.settles(second)
    assert applied > 1
    assert served.read()["metadata"]["generation"] == 2
    assert len(attempt(served, second)["held"]) == 1


def test_readiness_that_flaps_adds_up_to_the_deadline(served: Model, simulated_nodes: SimulatedNodes) -> None:
    first, second = begins(served, seconds=600, progressDeadlineSeconds=3)
    waits = 0

    def rolled_back() -> bool:
        nonlocal waits
        if served.child_now("ModelRelease", second)["status"]["result"] == "RolledBack":
            return True
        simulated_nodes.decide(NEVER_READY, image="model:2")
        eventually(lambda: attempt(served, second)["weight"] == 0, SECONDS, "it retreats")
        waits += 1
        since = attempt(served, second)["since"]
        eventually(lambda: _ended(served, second) or _seconds_since(since) > 1, SECONDS, "it waits a while")
        simulated_nodes.decide(READY, image="model:2")
        eventually(lambda: _ended(served, second) or attempt(served, second)["weight"], SECONDS, "it is back")
        return False

    eventually(rolled_back, SECONDS, "its waits together reach the deadline")

    assert waits > 1
    served.reports("ProgressDeadlineExceeded", "after 3 s", "rolled back")
    assert served.serving() == first


@pytest.mark.parametrize(
    "behaviour",
    [crash_loop(exit_code=9), image_pull_back_off("manifest unknown"), NEVER_READY],
    ids=["crashes", "cannot be pulled", "is not ready"],
)
def test_a_canary_that_fails_at_its_share_and_stays_so_is_rolled_back(
    served: Model, simulated_nodes: SimulatedNodes, behaviour: Behaviour
) -> None:
    first, second = begins(served, seconds=600, progressDeadlineSeconds=2)
    pods = served.pod_uids(first)

    simulated_nodes.decide(behaviour, image="model:2")

    served.reports("ProgressDeadlineExceeded", f"revision {second}", f"revision {first} goes on serving")
    eventually(lambda: served.child("Deployment", second) is None, SECONDS, "its pods are gone")
    assert served.serving() == first
    assert served.pod_uids(first) == pods


def test_stable_pods_and_canary_pods_lost_at_once_come_back_and_it_goes_on(served: Model) -> None:
    first, second = begins(served)

    for pod in served.pods():
        served.api.delete("v1", "Pod", pod["metadata"]["name"], served.namespace)

    served.settles(second)
    assert served.child("Deployment", first) is None


def test_an_autoscaler_in_mid_canary_comes_and_goes(served: Model) -> None:
    _, second = begins(served)
    wanted = canary_spec("model:2", (WEIGHT, HOLD))
    autoscaled = {key: value for key, value in wanted.items() if key != "replicas"}
    served.apply({**autoscaled, "autoscaling": {"minReplicas": 4, "maxReplicas": 6}})
    eventually(lambda: served.child("HorizontalPodAutoscaler", second), SECONDS, "the canary has an autoscaler")
    served.apply(wanted)

    served.settles(second)
    assert served.child("HorizontalPodAutoscaler", second) is None
    assert len(served.pod_uids(second)) == 4


def test_an_autoscaler_that_comes_and_goes_in_mid_canary_takes_no_pod_of_either_revision(served: Model) -> None:
    history = History.from_now(served.api, served.namespace)
    first, second = begins(served, seconds=600)
    pods = served.pod_uids(first)
    wanted = canary_spec("model:2", (WEIGHT, 600))

    del (autoscaled := dict(wanted))["replicas"]
    served.apply(autoscaled | {"autoscaling": {"minReplicas": 1, "maxReplicas": 6}})
    for revision in (first, second):
        eventually(lambda: served.child(HPA, revision), SECONDS, f"{revision} has an autoscaler")  # noqa: B023 - called at once
        assert served.child_now(HPA, revision)["spec"]["minReplicas"] == 4, "it can take everything, or half of it"
    scale = {"spec": {"replicas": 6}}
    served.api.patch("apps/v1", "Deployment", f"fraud-{second}", scale, served.namespace, part="scale")
    eventually(lambda: served.status()["canary"]["readyReplicas"] == 6, SECONDS, "the autoscaler's size is its own")

    served.apply(wanted)
    eventually(lambda: served.status()["canary"]["readyReplicas"] == 4, SECONDS, "the spec's size is back")
    assert served.child(HPA, first) is served.child(HPA, second) is None
    assert history.sizes(f"fraud-{first}") == [4]
    assert history.sizes(f"fraud-{second}") == [4, 6, 4]
    assert served.pod_uids(first) == pods


def test_the_spec_and_replicas_changed_in_one_patch_twice_in_mid_canary(served: Model) -> None:
    first, second = begins(served)
    third = served.apply(canary_spec("model:3", (WEIGHT, HOLD), replicas=6))
    holds(served, third, WEIGHT)
    fourth = served.apply(canary_spec("model:4", (WEIGHT, 1), replicas=3))

    served.settles(fourth)
    assert len(served.pod_uids(fourth)) == 3
    for old in (first, second, third):
        assert served.child("Deployment", old) is None


def test_an_invalid_spec_in_mid_canary_and_then_a_valid_one(served: Model) -> None:
    _, second = begins(served, seconds=600)
    with pytest.raises(ApiError, match="weight"):
        served.apply(canary_spec("model:3", (101, 1)))
    invalid = canary_spec("model:3", (WEIGHT, 1))
    invalid["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always"
    third = served.apply(invalid)
    served.reports("RenderFailed")
    assert served.child("Deployment", third) is None

    fourth = served.apply(canary_spec("model:4", (WEIGHT, 1)))

    served.settles(fourth)
    assert served.child("Deployment", second) is None


def test_a_quota_that_refuses_the_pods_for_the_promotion_holds_it_until_it_grows(served: Model) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "pods", "namespace": served.namespace}}
    served.api.create({**quota, "spec": {"hard": {"pods": "6"}}})
    first = serves(served)
    second = served.apply(canary_spec("model:2", (25, 1)))

    served.reports("PromotionWaitsForPods", "exceeded quota")
    assert len(served.pod_uids(first)) == 4

    served.api.patch("v1", "ResourceQuota", "pods", {"spec": {"hard": {"pods": "20"}}}, served.namespace)
    served.settles(second)


def test_a_namespace_that_goes_in_mid_canary_stops_no_other(model: Model) -> None:
    doomed = Model.in_new_namespace(model.api)
    begins(doomed, seconds=600)

    model.api.delete("v1", "Namespace", doomed.namespace)

    begins(model, seconds=1)
    model.settles(model.revision(canary_spec("model:2", (WEIGHT, 1))))
    eventually(lambda: not doomed.belongings(), SECONDS, "what belongs to it goes, and is not made again")


def test_deleted_in_mid_canary_everything_goes(model: Model) -> None:
    begins(model, seconds=600)

    model.delete()

    model.is_gone()


def test_edited_steps_count_for_the_next_attempt(served: Model) -> None:
    _, second = begins(served, seconds=1)
    served.apply(canary_spec("model:2", (10, 0), (20, 0)))
    served.settles(second)
    third = served.apply(canary_spec("model:3", (10, 0), (20, 0)))
    served.settles(third)

    assert [held["weight"] for held in attempt(served, second)["held"]] == [WEIGHT]
    assert [held["weight"] for held in attempt(served, third)["held"]] == [10, 20]


def test_a_third_revision_during_a_takeover_and_then_the_first_again(served: Model) -> None:
    first, second = begins(served, seconds=1)
    served.settles(second)
    third = served.apply(canary_spec("model:3", (WEIGHT, 600)))
    holds(served, third, WEIGHT)

    assert serves(served) == first
    assert served.child("Deployment", second) is None
    assert served.child("Deployment", third) is None


def _ended(model: Model, revision: str) -> bool:
    return "outcome" in attempt(model, revision)


def _seconds_since(since: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()
