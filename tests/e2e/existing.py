"""A Service and a Deployment that a user has made by hand, before there was a model of that name."""

from typing import Any

from serinus.api.names import ANNOTATION_CONSENT, ANNOTATION_INTENT, LABEL_DEPLOYMENT, LABEL_REVISION
from tests.cluster.api import Json
from tests.cluster.eventually import eventually
from tests.e2e.models import SECONDS, Model

THEIRS = {"app": "fraud-by-hand"}
PORTS = [
    {"name": "web", "port": 80, "protocol": "TCP", "targetPort": 5000},
    {"name": "metrics", "port": 9102, "protocol": "TCP", "targetPort": "metrics"},
]


def manifest(model: Model, annotations: Json | None = None) -> Json:
    """A Service as a user wrote it, which may be taken over unless its annotations are others."""
    consent = {ANNOTATION_CONSENT: "fraud"} if annotations is None else annotations
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "fraud", "namespace": model.namespace, "labels": THEIRS, "annotations": consent},
        "spec": {"selector": THEIRS, "ports": PORTS},
    }


def their_service(model: Model, *, applied: bool = True, annotations: Json | None = None) -> Json:
    """Make it, by apply or otherwise; returns it as the server has it."""
    wanted = manifest(model, annotations)
    return model.api.apply(wanted, field_manager="argocd") if applied else model.api.create(wanted)


def their_pods(model: Model) -> None:
    """Make the Deployment that served so far, and wait until its pods are ready."""
    container = {"name": "model", "image": "by-hand:1"}
    template = {"metadata": {"labels": THEIRS}, "spec": {"containers": [container]}}
    model.api.create(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "by-hand", "namespace": model.namespace},
            "spec": {"replicas": 2, "selector": {"matchLabels": THEIRS}, "template": template},
        }
    )
    eventually(lambda: len(their_ready_pods(model)) == 2, SECONDS, "the user's own pods are ready")


def their_ready_pods(model: Model) -> list[Json]:
    """The pods that the Service led to before."""
    pods = model.api.find("v1", "Pod", model.namespace, labels="app=fraud-by-hand")
    return [pod for pod in pods if any(c["type"] == "Ready" and c["status"] == "True" for c in _conditions(pod))]


def _conditions(pod: Json) -> list[Any]:
    conditions: list[Any] = pod["status"].get("conditions", [])
    return conditions


def is_taken(model: Model, revision: str) -> bool:
    """Whether the Service leads to a revision and to nothing else, and would stay without the model."""
    service = model.child_now("Service")
    metadata = service["metadata"]
    assert service["spec"]["selector"] == {LABEL_DEPLOYMENT: "fraud", LABEL_REVISION: revision}
    assert metadata["labels"].get(LABEL_DEPLOYMENT) == "fraud"
    assert "ownerReferences" not in metadata
    return True


def is_put_back(model: Model, theirs: Json) -> bool:
    """Whether the Service is as it was, without a trace of us."""
    service = model.child_now("Service")
    assert service["spec"] == theirs["spec"]
    for part in ("labels", "annotations", "uid"):
        assert service["metadata"].get(part) == theirs["metadata"].get(part)
    assert ANNOTATION_INTENT not in service["metadata"]["annotations"]
    return True
