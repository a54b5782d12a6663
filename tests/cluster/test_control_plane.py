"""The bare control plane, and the nodes that are simulated for it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cluster.api import Api, Json
from tests.cluster.bare import bare_control_plane, remove_orphans
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.instance import CHECKOUT
from tests.cluster.processes import find_marked
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.cluster.simulated_pods import NEVER_READY, Behaviour, crash_loop, image_pull_back_off

pytestmark = pytest.mark.control_plane

HOLDER = """
import sys
from tests.cluster.bare import bare_control_plane
with bare_control_plane() as plane:
    print(plane.folder.name, flush=True)
    sys.stdin.read()
"""


def deployment(name: str, namespace: str, image: str, replicas: int = 2) -> Json:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "model", "image": image}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def available(api: Api, name: str, namespace: str) -> int:
    found = api.read("apps/v1", "Deployment", name, namespace) or {"status": {}}
    return int(found["status"].get("availableReplicas", 0))


def test_it_serves_the_projects_kinds(control_plane: ControlPlane) -> None:
    definitions = control_plane.api.find("apiextensions.k8s.io/v1", "CustomResourceDefinition")

    assert {"modeldeployments.serinus.dev", "modelreleases.serinus.dev"} <= {
        item["metadata"]["name"] for item in definitions
    }


def test_two_run_beside_each_other() -> None:
    def node_names(_: int) -> list[str]:
        with bare_control_plane() as plane:
            plane.api.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": plane.folder.name}})
            return [plane.folder.name, *(node["metadata"]["name"] for node in plane.api.find("v1", "Node"))]

    with ThreadPoolExecutor() as pool:
        first, second = pool.map(node_names, range(2))

    assert first[0] != second[0]
    assert first[1:] == first[:1]
    assert second[1:] == second[:1]


def test_the_api_server_comes_back_with_all_it_knew_and_simulated_nodes_go_on() -> None:
    with bare_control_plane() as plane, SimulatedNodes(plane):
        plane.api.apply(deployment("before", "default", "model:1"))
        eventually(lambda: available(plane.api, "before", "default") == 2, 20, "both pods are available")

        plane.kill("kube-apiserver")
        with pytest.raises(OSError, match="refused"):
            plane.api.text("/readyz")
        plane.start_api_server()

        plane.api.apply(deployment("after", "default", "model:1"))
        eventually(lambda: available(plane.api, "after", "default") == 2, 40, "two more pods are available")
        assert available(plane.api, "before", "default") == 2


def test_what_a_killed_runner_left_ends_with_the_next_start() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as holder:
        assert holder.stdout
        name = holder.stdout.readline().strip()
        remove_orphans()
        assert {process.name for process in find_marked(name)} == {"etcd", "kube-apiserver", "kube-controller-manager"}
        os.kill(holder.pid, signal.SIGKILL)

    remove_orphans()

    assert find_marked(name) == []


@pytest.mark.usefixtures("simulated_nodes")
def test_simulated_pods_make_a_deployment_available_and_fill_its_service(
    control_plane: ControlPlane, namespace: str
) -> None:
    api = control_plane.api
    api.apply(deployment("model", namespace, "model:1", replicas=3))
    ports = [{"port": 80}]
    api.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "model", "namespace": namespace},
            "spec": {"selector": {"app": "model"}, "ports": ports},
        }
    )

    def endpoints() -> int:
        slices = api.find("discovery.k8s.io/v1", "EndpointSlice", namespace)
        return sum(each["conditions"]["ready"] for item in slices for each in item["endpoints"] or ())

    eventually(lambda: available(api, "model", namespace) == 3, 20, "three pods are available")
    eventually(lambda: endpoints() == 3, 20, "three endpoints are ready")


@pytest.mark.parametrize(
    ("behaviour", "state"),
    [
        (NEVER_READY, lambda status: status["state"]["running"] and not status["ready"]),
        (
            crash_loop(exit_code=3, message="no model file"),
            lambda status: (
                status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
                and status["lastState"]["terminated"]["exitCode"] == 3
                and status["lastState"]["terminated"]["message"] == "no model file"
            ),
        ),
        (
            image_pull_back_off("no such image"),
            lambda status: status["state"]["waiting"] == {"reason": "ImagePullBackOff", "message": "no such image"},
        ),
    ],
    ids=["never ready", "crash loop", "image not pulled"],
)
def test_containers_of_an_image_fail_as_the_test_decides(
    behaviour: Behaviour,
    state: Callable[[Json], bool],
    control_plane: ControlPlane,
    namespace: str,
    simulated_nodes: SimulatedNodes,
) -> None:
    simulated_nodes.decide(behaviour, image="broken:1")
    control_plane.api.apply(deployment("broken", namespace, "broken:1"))

    def statuses() -> list[Json]:
        pods = control_plane.api.find("v1", "Pod", namespace)
        return [status for pod in pods for status in pod["status"].get("containerStatuses", ())]

    eventually(lambda: len(statuses()) == 2 and all(map(state, statuses())), 20, "both containers are as decided")


def test_a_ready_pod_becomes_unready_when_the_test_says_so(
    control_plane: ControlPlane, namespace: str, simulated_nodes: SimulatedNodes
) -> None:
    api = control_plane.api
    api.apply(deployment("model", namespace, "model:1"))

    eventually(lambda: available(api, "model", namespace) == 2, 20, "both pods are available")
    pod = api.find("v1", "Pod", namespace)[0]["metadata"]["name"]

    simulated_nodes.decide(NEVER_READY, pod=f"{namespace}/{pod}")

    eventually(lambda: available(api, "model", namespace) == 1, 20, "one pod is left")


@pytest.mark.usefixtures("simulated_nodes")
def test_deleted_pods_go_at_once(control_plane: ControlPlane, namespace: str) -> None:
    api = control_plane.api
    api.apply(deployment("model", namespace, "model:1"))
    eventually(lambda: len(api.find("v1", "Pod", namespace)) == 2, 20, "both pods are there")

    api.delete("apps/v1", "Deployment", "model", namespace)

    eventually(lambda: not api.find("v1", "Pod", namespace), 20, "no pod is left")
