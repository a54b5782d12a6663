"""What the operator's tests rely on: a whole cluster does what a cluster does."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.cluster.addons import condition
from tests.cluster.api import Api, Json
from tests.cluster.backends import Backend, Capability
from tests.cluster.eventually import NotYetError, eventually
from tests.cluster.images import pause
from tests.cluster.instance import CHECKOUT, Instance
from tests.cluster.local import LocalCluster
from tests.cluster.local_backend import LocalBackend
from tests.cluster.machine import HIERARCHIES
from tests.cluster.removal import containers_of, remains

pytestmark = pytest.mark.cluster

PORT = 8000
SERVER = """
import http.server, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # else Nagle holds each body back for 40 ms

    def do_GET(self):
        answer = os.environ["NAME"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

print("listening", flush=True)
http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
"""
FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"
FETCH_MANY = """
import collections, json, sys, urllib.request
asked = urllib.request.Request(sys.argv[1], headers={"Host": sys.argv[2]})
names = [urllib.request.urlopen(asked, timeout=5).read().decode() for _ in range(int(sys.argv[3]))]
print(json.dumps(collections.Counter(names)))
"""


def server(name: str, namespace: str, image: str, replicas: int = 1) -> list[Json]:
    """A Deployment that answers its own name, hardened as the restricted profile asks, and its Service."""
    labels = {"app": name}
    container = {
        "name": "server",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", SERVER, str(PORT)],
        "env": [{"name": "NAME", "value": name}],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"httpGet": {"port": PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    spec = {
        "containers": [container],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 1,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "DoNotSchedule",
                "nodeTaintsPolicy": "Honor",
                "labelSelector": {"matchLabels": labels},
            }
        ],
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": PORT}]},
        },
    ]


def serve(cluster: Backend, namespace: str, name: str, replicas: int = 1) -> list[Json]:
    """Its pods, once all are available."""
    for manifest in server(name, namespace, cluster.python_image(), replicas):
        cluster.api.apply(manifest)
    available(cluster.api, namespace, name)
    return pods_of(cluster.api, namespace, name)


def available(api: Api, namespace: str, name: str) -> None:
    def check() -> bool:
        found = api.read("apps/v1", "Deployment", name, namespace) or {}
        status = found.get("status", {})
        assert status.get("availableReplicas") == found["spec"]["replicas"], status
        return True

    eventually(check, 60, f"{name} is available")


def pods_of(api: Api, namespace: str, name: str) -> list[Json]:
    pods = api.find("v1", "Pod", namespace, labels=f"app={name}")
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


def fetched_in(cluster: Backend, pod: Json, address: str) -> str:
    """What a pod gets from an address."""
    metadata = pod["metadata"]
    within = ("exec", f"--namespace={metadata['namespace']}", metadata["name"], "--", "python3", "-c")
    return first_answer(partial(cluster.kubectl, *within, FETCH, address))


def first_answer(fetch: Callable[[], str]) -> str:
    """A Service refuses connections for the moment between its pod's readiness and kube-proxy's hearing of it."""

    def check() -> str:
        try:
            return fetch()
        except RuntimeError as error:
            raise NotYetError(error) from error

    return eventually(check, 20, "the Service answers")


def nodes_of(pods: list[Json]) -> list[str]:
    return sorted(pod["spec"].get("nodeName", "") for pod in pods)


def ready_nodes(api: Api) -> list[str]:
    return sorted(node["metadata"]["name"] for node in api.find("v1", "Node") if condition(node, "Ready"))


def test_the_local_cluster_lacks_nothing() -> None:
    assert LocalBackend.capabilities == set(Capability)


@pytest.mark.requires("second-node")
def test_a_deployment_becomes_available_on_both_nodes(cluster: Backend, namespace: str) -> None:
    pods = serve(cluster, namespace, "spread", replicas=2)

    assert nodes_of(pods) == ready_nodes(cluster.api)[-2:]


def test_a_service_is_reached_by_its_name_from_a_pod(cluster: Backend, namespace: str) -> None:
    serve(cluster, namespace, "named")
    [client] = serve(cluster, namespace, "client")
    address = f"http://named.{namespace}.svc.cluster.local"

    assert fetched_in(cluster, client, address) == "named\n"


def test_a_pod_reaches_itself_through_its_service(cluster: Backend, namespace: str) -> None:
    [pod] = serve(cluster, namespace, "itself")

    assert fetched_in(cluster, pod, "http://itself") == "itself\n"


def test_a_program_in_the_network_reaches_services_by_name(cluster: Backend, namespace: str) -> None:
    serve(cluster, namespace, "inside")

    answer = partial(cluster.run_in_network, FETCH, "http://inside", namespace=namespace)

    assert first_answer(answer) == "inside\n"


def test_logs_of_a_pod_are_read(cluster: Backend, namespace: str) -> None:
    [pod] = serve(cluster, namespace, "talker")

    assert "listening" in cluster.kubectl("logs", f"--namespace={namespace}", pod["metadata"]["name"])


@pytest.mark.requires("gateway")
def test_the_gateway_splits_requests_by_weight(cluster: Backend, namespace: str) -> None:
    for name in ("stable", "canary"):
        serve(cluster, namespace, name)
    host = f"{namespace}.example.com"
    backends = [{"name": name, "port": 80, "weight": weight} for name, weight in (("stable", 90), ("canary", 10))]
    cluster.api.apply(
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "split", "namespace": namespace},
            "spec": {
                "parentRefs": [{"name": "public", "namespace": "gateway"}],
                "hostnames": [host],
                "rules": [{"backendRefs": backends}],
            },
        }
    )

    def answers(number: int) -> dict[str, int]:
        command = [sys.executable, "-c", FETCH_MANY, cluster.gateway_url, host, str(number)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        counted: dict[str, int] = json.loads(done.stdout)
        return counted

    eventually(lambda: answers(1), 20, "the route is in force")
    counted = answers(200)

    assert counted["stable"] + counted["canary"] == 200
    assert 10 <= counted["canary"] <= 30


@pytest.mark.requires("drain")
@pytest.mark.requires("second-node")
def test_draining_a_node_moves_its_pods(cluster: Backend, namespace: str) -> None:
    serve(cluster, namespace, "mover", replicas=2)
    kept, drained = ready_nodes(cluster.api)[-2:]
    try:
        cluster.kubectl("drain", drained, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=60s", "--force")
        available(cluster.api, namespace, "mover")

        assert nodes_of(pods_of(cluster.api, namespace, "mover")) == [kept, kept]
    finally:
        cluster.kubectl("uncordon", drained)


@pytest.mark.requires("lose-node")
def test_a_lost_node_is_noticed_and_comes_back(cluster: Backend, namespace: str) -> None:
    serve(cluster, namespace, "survivor", replicas=2)
    kept, lost = ready_nodes(cluster.api)

    def endpoints() -> list[str]:
        slices = cluster.api.find("discovery.k8s.io/v1", "EndpointSlice", namespace)
        return sorted(
            each["nodeName"] for item in slices for each in item["endpoints"] or () if each["conditions"]["ready"]
        )

    with cluster.second_node_lost():
        eventually(lambda: ready_nodes(cluster.api) == [kept], 60, f"{lost} is no longer Ready")
        eventually(lambda: endpoints() == [kept], 20, "its pods get no traffic")

    eventually(lambda: endpoints() == [kept, lost], 60, "it serves again")


@pytest.mark.requires("metrics")
def test_an_autoscaler_sees_what_a_container_uses(cluster: Backend, namespace: str) -> None:
    serve(cluster, namespace, "measured")
    target = {"type": "Utilization", "averageUtilization": 80}
    metric = {
        "type": "ContainerResource",
        "containerResource": {"name": "cpu", "container": "server", "target": target},
    }
    cluster.api.apply(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "measured", "namespace": namespace},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "measured"},
                "minReplicas": 1,
                "maxReplicas": 2,
                "metrics": [metric],
            },
        }
    )

    def measured() -> bool:
        found = cluster.api.read("autoscaling/v2", "HorizontalPodAutoscaler", "measured", namespace) or {}
        status = found.get("status", {})
        current = (status.get("currentMetrics") or [{}])[0].get("containerResource", {}).get("current", {})
        assert "averageUtilization" in current, status
        return True

    eventually(measured, 90, "the autoscaler has a value", interval=0.5)


@pytest.mark.skipif(sys.platform != "linux", reason="the local cluster runs on Linux only")
def test_a_killed_start_is_recovered_from_and_down_leaves_nothing() -> None:
    instance = Instance("recovery")
    local = LocalCluster(instance)
    command = [sys.executable, "-m", "tests.cluster", f"--instance={instance.name}"]
    try:
        with subprocess.Popen([*command, "up"], cwd=CHECKOUT) as starting:
            eventually(lambda: len(remains(instance)) > 5, 60, "the start is under way")
            os.kill(starting.pid, signal.SIGKILL)

        subprocess.run([*command, "up"], cwd=CHECKOUT, check=True)
        api = local.api
        for manifest in server("held", "default", pause.TAG, replicas=2):
            if manifest["kind"] == "Deployment":
                del manifest["spec"]["template"]["spec"]["containers"][0]["command"]
                del manifest["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
            api.apply(manifest)
        available(api, "default", "held")
        containers = containers_of(instance)
    finally:
        subprocess.run([*command, "down"], cwd=CHECKOUT, check=True)

    assert len(containers) == 4
    assert remains(instance) == []
    assert not list(Path("/run/netns").glob(f"{instance.mark}*"))
    assert instance.mark not in Path("/proc/self/mountinfo").read_text()
    assert not instance.run.exists()
    assert not instance.data.exists()
    assert not [group for name in containers for group in HIERARCHIES.glob(f"**/{name}")]
