"""The chart in a whole cluster: it installs, its examples serve, and removing it harms no model."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from examples.demo import IMAGE, MODEL
from examples.demo import NAMESPACE as DEMO_NAMESPACE
from tests.cluster.api import Json
from tests.cluster.backends import Backend
from tests.cluster.eventually import eventually
from tests.cluster.images import model_image
from tests.cluster.install import NAMESPACE, bring, helm_program, install
from tests.cluster.instance import CHECKOUT

pytestmark = pytest.mark.requires("load-image")

EXAMPLES: Final = sorted((CHECKOUT / "examples").glob("*.yaml"))
READY_SECONDS: Final = 120
ASK: Final = """
import json, sys, urllib.request
tensor = {"name": "measurements", "datatype": "FP64", "shape": [1, 30], "data": [[0.0] * 30]}
url = f"http://{sys.argv[1]}/v2/models/breast-cancer/infer"
print(urllib.request.urlopen(url, json.dumps({"inputs": [tensor]}).encode(), timeout=30).read().decode())
"""


@pytest.fixture(scope="module")
def installed(cluster: Backend) -> Iterator[Backend]:
    """The operator, and the image of the examples; a cluster that had no operator has none afterwards."""
    was_there = helm(cluster, "status", "serinus", check=False) == 0
    install(cluster)
    bring(cluster, IMAGE, lambda tag: model_image(MODEL, tag))
    yield cluster
    if not was_there:
        helm(cluster, "uninstall", "serinus")


def helm(cluster: Backend, *arguments: str, check: bool = True) -> int:
    command = [str(helm_program()), *arguments, f"--namespace={NAMESPACE}"]
    environment = os.environ | {"KUBECONFIG": str(cluster.kubeconfig)}
    return subprocess.run(command, env=environment, capture_output=True, check=check).returncode


def apply(cluster: Backend, namespace: str, example: Path) -> str:
    """Apply an example, wait until it is Ready and return its name."""
    cluster.kubectl("apply", f"--namespace={namespace}", f"--filename={example}")
    [model] = cluster.api.find("serinus.dev/v1alpha1", "ModelDeployment", namespace)
    name = str(model["metadata"]["name"])
    wait_until_ready(cluster, namespace, name)
    return name


def wait_until_ready(cluster: Backend, namespace: str, name: str) -> None:
    ready = ["wait", f"modeldeployment/{name}", "--for=condition=Ready", f"--timeout={READY_SECONDS}s"]
    cluster.kubectl(*ready, f"--namespace={namespace}")


def ask(cluster: Backend, namespace: str, name: str) -> Json:
    answer: Json = json.loads(cluster.run_in_network(ASK, name, namespace=namespace))
    return answer


def first_answer(cluster: Backend, namespace: str, name: str) -> Json:
    """Ask an address that is new: nodes learn of it a moment after its pods are ready, and nobody tells when."""
    try:
        return ask(cluster, namespace, name)
    except RuntimeError as error:
        raise AssertionError(error) from error


@pytest.mark.parametrize("example", EXAMPLES, ids=[file.stem for file in EXAMPLES])
def test_every_example_serves(installed: Backend, namespace: str, example: Path) -> None:
    name = apply(installed, namespace, example)
    answer = eventually(lambda: first_answer(installed, namespace, name), READY_SECONDS, f"{name} answers")
    assert answer["outputs"][0]["data"] in (["benign"], ["malignant"])


def test_the_operator_runs_where_only_restricted_pods_may(installed: Backend) -> None:
    found = installed.api.read("v1", "Namespace", NAMESPACE)
    assert found
    assert found["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    [pod] = running_operators(installed)
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def running_operators(cluster: Backend) -> list[Json]:
    pods = cluster.api.find("v1", "Pod", NAMESPACE, labels="app.kubernetes.io/name=serinus")
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


def test_models_outlive_the_operator_and_are_looked_after_again(installed: Backend, namespace: str) -> None:
    name = apply(installed, namespace, CHECKOUT / "examples/minimal.yaml")
    pods = {pod["metadata"]["uid"] for pod in installed.api.find("v1", "Pod", namespace)}
    helm(installed, "uninstall", "serinus")
    eventually(lambda: not running_operators(installed), 60, "the operator is gone")
    assert ask(installed, namespace, name)["model_name"] == "breast-cancer"
    install(installed)
    installed.kubectl("scale", f"modeldeployment/{name}", "--replicas=2", f"--namespace={namespace}")
    eventually(lambda: ready_replicas(installed, namespace, name) == 2, READY_SECONDS, "it is scaled")
    assert pods < {pod["metadata"]["uid"] for pod in installed.api.find("v1", "Pod", namespace)}


def ready_replicas(cluster: Backend, namespace: str, name: str) -> int:
    found = cluster.api.read("serinus.dev/v1alpha1", "ModelDeployment", name, namespace)
    return int((found or {})["status"].get("readyReplicas", 0))


def test_plain_manifests_are_accepted(installed: Backend) -> None:
    said = installed.kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", f"--kustomize={CHECKOUT / 'manifests'}"
    )
    assert "deployment.apps/serinus serverside-applied" in said


def test_the_demo_shows_what_it_should(installed: Backend) -> None:
    was_there = installed.api.read("v1", "Namespace", DEMO_NAMESPACE) is not None
    environment = os.environ | {"USE_KUBECONFIG": "1", "KUBECONFIG": str(installed.kubeconfig)}
    command = [sys.executable, "-m", "examples.demo"]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    if not was_there:
        installed.kubectl("delete", "namespace", DEMO_NAMESPACE, "--wait=false")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "version 1: 213 of 228 right, accuracy 0.934" in done.stdout
    assert "version 2: 226 of 228 right, accuracy 0.991" in done.stdout
    assert ", 0 failed" in done.stdout
