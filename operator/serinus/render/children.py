"""The objects of a revision, from its snapshot and its size, and the Service at the model's address."""

from dataclasses import dataclass
from typing import Any, Final

from serinus.api import modeldeployment, modelrelease
from serinus.api.modelrelease import ModelReleaseSpec
from serinus.api.names import ANNOTATION_VERSION, API_VERSION, LABEL_DEPLOYMENT, child_name
from serinus.api.sidecars import PROXY_PORT
from serinus.render.snapshot import RenderError, revision_labels
from serinus.rollout.view import Size

Manifest = dict[str, Any]

SERVICE_PORT: Final = 80
CPU_TARGET_PERCENT: Final = 80


@dataclass(frozen=True, slots=True)
class Owner:
    """The ModelDeployment that children belong to."""

    name: str
    namespace: str
    uid: str


def release(owner: Owner, snapshot: ModelReleaseSpec) -> Manifest:
    """Return the record of a revision."""
    document = snapshot.model_dump(mode="json", by_alias=True, exclude_none=True)
    return _owned(owner, API_VERSION, modelrelease.KIND, snapshot.revision) | {"spec": document}


def children(owner: Owner, snapshot: ModelReleaseSpec, size: Size) -> list[Manifest]:
    """Return everything a running revision consists of."""
    return [
        deployment(owner, snapshot, size),
        service(owner, snapshot),
        *([autoscaler(owner, snapshot, size)] if size.autoscaling else []),
        *([disruption_budget(owner, snapshot)] if size.most > 1 else []),
    ]


def deployment(owner: Owner, snapshot: ModelReleaseSpec, size: Size) -> Manifest:
    """Return the pods of a revision. An autoscaled one has no `replicas`: that field is the autoscaler's."""
    manifest = _owned(owner, "apps/v1", "Deployment", snapshot.revision)
    if snapshot.version:
        manifest["metadata"]["annotations"] = {ANNOTATION_VERSION: snapshot.version}
    return manifest | {
        "spec": {
            **({} if size.autoscaling else {"replicas": size.replicas}),
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": revision_labels(owner.name, snapshot.revision)},
            "template": snapshot.template,
        }
    }


def service(owner: Owner, snapshot: ModelReleaseSpec) -> Manifest:
    """Return the Service of one revision."""
    manifest = _owned(owner, "v1", "Service", snapshot.revision)
    return manifest | {"spec": _service_spec(owner, snapshot)}


def address(owner: Owner, snapshot: ModelReleaseSpec, beside: ModelReleaseSpec | None = None) -> Manifest:
    """Return the Service `<name>`, which sends everybody to one revision, or to the pods of this one and another."""
    spec = _service_spec(owner, snapshot)
    if beside:
        spec["selector"] = {LABEL_DEPLOYMENT: owner.name}
        spec["ports"][0]["targetPort"] = _common_port(snapshot, beside)
    return _owned(owner, "v1", "Service", None) | {"spec": spec}


def autoscaler(owner: Owner, snapshot: ModelReleaseSpec, size: Size) -> Manifest:
    """Return the HorizontalPodAutoscaler of a revision."""
    scaling = size.autoscaling
    assert scaling is not None  # noqa: S101 - the caller asks only for autoscaled sizes
    given = scaling.model_dump(mode="json", by_alias=True, exclude_none=True)
    return _owned(owner, "autoscaling/v2", "HorizontalPodAutoscaler", snapshot.revision) | {
        "spec": {
            **given,
            "metrics": given.get("metrics") or [_cpu_of_model(snapshot)],
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": child_name(owner.name, snapshot.revision),
            },
        }
    }


def disruption_budget(owner: Owner, snapshot: ModelReleaseSpec) -> Manifest:
    """Return the budget that lets a drain take one pod of a revision at a time."""
    return _owned(owner, "policy/v1", "PodDisruptionBudget", snapshot.revision) | {
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": revision_labels(owner.name, snapshot.revision)},
        }
    }


def reference(owner: Owner) -> Manifest:
    """Return what stands in the ownerReferences of everything that belongs to a ModelDeployment."""
    return {
        "apiVersion": API_VERSION,
        "kind": modeldeployment.KIND,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _owned(owner: Owner, api_version: str, kind: str, revision: str | None) -> Manifest:
    labels = {LABEL_DEPLOYMENT: owner.name} if revision is None else revision_labels(owner.name, revision)
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": owner.name if revision is None else child_name(owner.name, revision),
            "namespace": owner.namespace,
            "labels": labels,
            "ownerReferences": [reference(owner)],
        },
    }


def _service_spec(owner: Owner, snapshot: ModelReleaseSpec) -> Manifest:
    endpoint = snapshot.endpoint
    return {
        "selector": revision_labels(owner.name, snapshot.revision),
        "ports": [
            {"name": endpoint.name or "http", "port": SERVICE_PORT, "targetPort": endpoint.port, "protocol": "TCP"}
        ],
    }


def _common_port(one: ModelReleaseSpec, other: ModelReleaseSpec) -> int | str:
    if one.endpoint.port == other.endpoint.port:
        return one.endpoint.port
    if one.endpoint.name and one.endpoint.name == other.endpoint.name:
        return one.endpoint.name
    if PROXY_PORT in (one.endpoint.port, other.endpoint.port):
        raise RenderError(
            f"of revisions {one.revision} and {other.revision} one has the proxy of monitoring.mode Sidecar and one "
            "has not: one Service cannot send a share to each; set traffic.gateway, or set rollout.steps to [] and "
            "change the template once more"
        )
    raise RenderError(
        f"revision {other.revision} listens on port {other.endpoint.port}, and revision {one.revision} on "
        f"{one.endpoint.port}: one Service cannot send a share to each; give both ports the same name, or set "
        "rollout.steps to [] and change the template once more"
    )


def _cpu_of_model(snapshot: ModelReleaseSpec) -> Manifest:
    container = next(c for c in snapshot.template["spec"]["containers"] if c["name"] == snapshot.endpoint.container)
    resources = container.get("resources") or {}
    if not any("cpu" in (resources.get(kind) or {}) for kind in ("requests", "limits")):
        raise RenderError(
            f"autoscaling without metrics scales by CPU, and container {container['name']} requests none: "
            "set its resources.requests.cpu, or autoscaling.metrics"
        )
    return {
        "type": "ContainerResource",
        "containerResource": {
            "container": container["name"],
            "name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": CPU_TARGET_PERCENT},
        },
    }
