"""Objects as the API server sends them, written short."""

from typing import Any

Json = dict[str, Any]

CREATED = "2026-11-21T12:00:00Z"
LABELS = {"serinus.dev/deployment": "fraud", "serinus.dev/revision": "r1"}
OWNER = {
    "apiVersion": "serinus.dev/v1alpha1",
    "kind": "ModelDeployment",
    "name": "fraud",
    "uid": "owner",
    "controller": True,
}


def metadata(name: str = "fraud-r1", *, uid: str = "u1", version: int = 1, **others: Any) -> Json:  # noqa: ANN401 - JSON
    return {
        "name": name,
        "namespace": "risk",
        "uid": uid,
        "resourceVersion": str(version),
        "creationTimestamp": CREATED,
        "labels": LABELS,
        **others,
    }


def child(name: str = "fraud-r1", *, uid: str = "u1", version: int = 1, **others: Any) -> Json:  # noqa: ANN401 - JSON
    """A child of which only the metadata matters."""
    return {"metadata": metadata(name, uid=uid, version=version, **others), "spec": {}}


def model_deployment(*, uid: str = "owner", version: int = 1, generation: int = 1, spec: Json | None = None) -> Json:
    document = {"metadata": metadata("fraud", uid=uid, version=version, generation=generation), "spec": spec or {}}
    return {**document, "status": {"observedGeneration": -1}}


def pod(*, name: str = "fraud-r1-x", uid: str = "p1", version: int = 1, status: Json | None = None) -> Json:
    return {"metadata": metadata(name, uid=uid, version=version), "spec": {}, "status": status or {}}


def release_row(
    *, revision: str = "r1", version: int = 1, promoted_at: str | None = None, model_version: str | None = "7"
) -> Json:
    """A row of the server's table, whose columns api/crd.py sets."""
    name = f"fraud-{revision}"
    cells = [name, "fraud", revision, model_version, promoted_at, None, "5m"]
    return {"cells": cells, "object": {"metadata": metadata(name, uid=f"u-{revision}", version=version)}}
