"""`kubectl serinus status` as a person runs it, against a real API server."""

from pathlib import Path

import pytest

from serinus.api.names import API_VERSION, LABEL_DEPLOYMENT, LABEL_REVISION
from tests.cli.running import complaint, run
from tests.cluster.api import Json
from tests.cluster.control_plane import ControlPlane

TEMPLATE: Json = {
    "spec": {"containers": [{"name": "model", "image": "model:1", "ports": [{"name": "http", "containerPort": 8080}]}]}
}
REVISION = "0123456789"


@pytest.fixture
def fraud(control_plane: ControlPlane, namespace: str) -> Json:
    """A ModelDeployment that no operator has seen."""
    metadata = {"name": "fraud", "namespace": namespace}
    manifest = {
        "apiVersion": API_VERSION,
        "kind": "ModelDeployment",
        "metadata": metadata,
        "spec": {"template": TEMPLATE},
    }
    return control_plane.api.apply(manifest)


def test_one_that_no_operator_has_seen_says_so(control_plane: ControlPlane, namespace: str, fraud: Json) -> None:
    done = run(control_plane.kubeconfig, "status", fraud["metadata"]["name"], "-n", namespace)
    assert done.returncode == 0, done.stderr
    assert "not seen by the operator yet" in done.stdout


def test_conditions_and_revisions_are_on_one_page(control_plane: ControlPlane, namespace: str, fraud: Json) -> None:
    api = control_plane.api
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Serving",
        "message": "revision 0123456789 serves with 2 of 2 pods ready",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-11-21T12:00:00Z",
    }
    stable = {"revision": REVISION, "weight": 100, "replicas": 2, "readyReplicas": 2}
    status = {"observedGeneration": 1, "conditions": [ready], "stable": stable, "url": f"http://fraud.{namespace}.svc"}
    api.patch(API_VERSION, "ModelDeployment", "fraud", {"status": status}, namespace, part="status")
    labels = {LABEL_DEPLOYMENT: "fraud", LABEL_REVISION: REVISION}
    release = {
        "apiVersion": API_VERSION,
        "kind": "ModelRelease",
        "metadata": {"name": f"fraud-{REVISION}", "namespace": namespace, "labels": labels},
        "spec": {
            "deployment": "fraud",
            "revision": REVISION,
            "version": "7",
            "endpoint": {"port": 8080, "container": "model"},
            "template": TEMPLATE,
            "renderedBy": "0.1.0",
        },
    }
    api.apply(release)
    done = run(control_plane.kubeconfig, "status", fraud["metadata"]["name"], "--namespace", namespace)
    assert done.returncode == 0, done.stderr
    assert "serves with 2 of 2 pods ready" in done.stdout
    assert done.stdout.splitlines()[-1].split() == [REVISION, "7", "stable", "-", "never", "none"]


def test_one_that_is_not_there_is_named(control_plane: ControlPlane, namespace: str) -> None:
    sentence = complaint(control_plane.kubeconfig, "status", "nobody", "-n", namespace)
    assert sentence == 'modeldeployments.serinus.dev "nobody" not found'


def test_without_a_cluster_one_sentence_says_so(tmp_path: Path) -> None:
    assert complaint(tmp_path / "none", "status", "fraud").startswith("no cluster to talk to")
