"""From a ModelDeployment to what serves it: what is made, and what is reported while pods start, fail and recover."""

from datetime import UTC, datetime, timedelta

import pytest

from serinus.api.names import API_VERSION
from tests.cluster.api import Json
from tests.cluster.backends import run_kubectl
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.cluster.simulated_pods import NEVER_READY, Behaviour, crash_loop, image_pull_back_off
from tests.e2e.models import SECONDS, Model, children_of, spec

pytestmark = pytest.mark.control_plane


@pytest.mark.parametrize(
    ("size", "kinds"),
    [
        ({"replicas": 1}, ("ModelRelease", "Deployment", "Service")),
        ({"replicas": 3}, ("ModelRelease", "Deployment", "Service", "PodDisruptionBudget")),
        (
            {"replicas": None, "autoscaling": {"minReplicas": 2, "maxReplicas": 4}},
            ("ModelRelease", "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"),
        ),
    ],
    ids=["one pod", "three pods", "autoscaled"],
)
def test_a_revision_has_what_its_size_needs(model: Model, size: Json, kinds: tuple[str, ...]) -> None:
    revision = model.apply(spec(**size))

    model.settles(revision)

    model.has("Service fraud", *children_of("fraud", revision, *kinds))


def test_everything_is_owned_by_the_modeldeployment(model: Model) -> None:
    revision = model.apply(spec())

    model.settles(revision)

    uid = model.read()["metadata"]["uid"]
    for child in model.belongings().values():
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("ModelDeployment", uid, True)
        assert set(child["metadata"]["labels"]) <= {"serinus.dev/deployment", "serinus.dev/revision"}


def test_the_address_leads_to_the_pods(model: Model) -> None:
    revision = model.apply(spec(replicas=3))
    model.settles(revision)

    def endpoints() -> int:
        slices = model.api.find(
            "discovery.k8s.io/v1", "EndpointSlice", model.namespace, labels="kubernetes.io/service-name=fraud"
        )
        return sum(each["conditions"]["ready"] for item in slices for each in item.get("endpoints") or ())

    eventually(lambda: endpoints() == 3, SECONDS, "the Service has three ready endpoints")


def test_the_status_tells_what_serves(model: Model) -> None:
    revision = model.apply(spec(replicas=2, model={"version": "7"}))

    status = model.settles(revision)

    assert status["stable"] == {
        "revision": revision,
        "version": "7",
        "weight": 100,
        "replicas": 2,
        "readyReplicas": 2,
    }
    assert status["url"] == f"http://fraud.{model.namespace}.svc"
    assert (status["replicas"], status["readyReplicas"]) == (2, 2)
    assert status["selector"] == "serinus.dev/deployment=fraud"
    assert {each["type"]: each["status"] for each in status["conditions"]} == {"Ready": "True", "Available": "True"}
    assert status["conditions"][0]["message"] == f"revision {revision} (version 7) serves with 2 of 2 pods ready"


def test_pods_that_start_are_progress(model: Model, simulated_nodes: SimulatedNodes) -> None:
    simulated_nodes.decide(NEVER_READY, image="model:1")
    revision = model.apply(spec())

    model.reports("PodsNotReady", f"revision {revision}", "0 of 2 pods ready")
    status = model.status()

    assert {each["type"]: each["status"] for each in status["conditions"]} == {
        "Ready": "False",
        "Available": "False",
        "Reconciling": "True",
    }
    assert "stable" not in status
    simulated_nodes.forget_decisions()
    model.settles(revision)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (crash_loop(exit_code=3, reason="Error"), ("CrashLoopBackOff", "container model", "exit code 3")),
        (crash_loop(exit_code=137, reason="OOMKilled"), ("CrashLoopBackOff", "exit code 137 (OOMKilled)")),
        (image_pull_back_off("manifest unknown"), ("ImagePullBackOff", "manifest unknown")),
        (
            Behaviour(ready=False, waiting="CreateContainerConfigError", message='secret "weights" not found'),
            ("CreateContainerConfigError", 'secret "weights" not found'),
        ),
    ],
    ids=["crash", "out of memory", "image", "secret"],
)
def test_a_failing_pod_is_reported_in_the_containers_words_and_recovers(
    model: Model, simulated_nodes: SimulatedNodes, behaviour: Behaviour, words: tuple[str, ...]
) -> None:
    simulated_nodes.decide(behaviour, image="model:1")
    revision = model.apply(spec())

    model.reports("PodsFailing", *words)

    simulated_nodes.forget_decisions()
    model.settles(revision)


def test_a_pod_that_fails_later_is_reported_while_the_others_serve(
    model: Model, simulated_nodes: SimulatedNodes
) -> None:
    revision = model.apply(spec())
    model.settles(revision)
    broken = model.pods(revision)[0]["metadata"]["name"]

    simulated_nodes.decide(crash_loop(exit_code=2), pod=f"{model.namespace}/{broken}")

    model.reports("PodsFailing", "1 of 2 pods ready", f"pod {broken}", "exit code 2")
    assert model.says("Available") == ("True", "Serving")


def test_kubectl_shows_how_it_goes(model: Model, simulated_nodes: SimulatedNodes, control_plane: ControlPlane) -> None:
    def row() -> list[str]:
        answer = run_kubectl(
            control_plane.kubeconfig, ("get", "mdep", "fraud", f"--namespace={model.namespace}", "--no-headers")
        )
        return answer.split()[:-1]  # the last column is the age

    simulated_nodes.decide(NEVER_READY, image="model:1")
    first = model.apply(spec("model:1"))
    model.reports("PodsNotReady")
    assert row() == ["fraud", "False", "PodsNotReady"]

    simulated_nodes.decide(crash_loop(), image="model:1")
    model.reports("PodsFailing")
    assert row() == ["fraud", "False", "PodsFailing"]

    simulated_nodes.forget_decisions()
    model.settles(first)
    assert row() == ["fraud", "True", "Serving", first]

    simulated_nodes.decide(NEVER_READY, image="model:2")
    second = model.apply(spec("model:2"))
    model.reports("RolloutInProgress")
    assert row() == ["fraud", "False", "RolloutInProgress", first, second, "0"]


def test_an_event_tells_that_it_serves(model: Model) -> None:
    revision = model.apply(spec())
    model.settles(revision)

    def told() -> list[Json]:
        events = model.api.find("events.k8s.io/v1", "Event", model.namespace)
        return [
            event
            for event in events
            if event["regarding"]["kind"] == "ModelDeployment"
            and event["reason"] == "Serving"
            and event["type"] == "Normal"
            and revision in event["note"]
        ]

    assert eventually(told, SECONDS, "an Event says that it serves")


def test_the_release_records_when_it_was_promoted(model: Model) -> None:
    before = datetime.now(UTC)
    revision = model.apply(spec())
    model.settles(revision)

    promoted = datetime.fromisoformat(model.child_now("ModelRelease", revision)["status"]["promotedAt"])

    assert before - timedelta(seconds=1) < promoted < datetime.now(UTC)


def test_the_operator_leaves_the_users_object_alone(model: Model) -> None:
    revision = model.apply(spec())
    model.settles(revision)

    seen = model.read()["metadata"]

    managers = {(entry["manager"], entry.get("subresource")) for entry in seen["managedFields"]}
    assert managers == {("tests", None), ("serinus", "status")}
    assert "finalizers" not in seen
    assert seen["generation"] == 1
    assert model.api.read(API_VERSION, "ModelDeployment", "fraud", model.namespace)
