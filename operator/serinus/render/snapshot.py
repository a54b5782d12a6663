"""The snapshot of a revision: the pod template rendered once, when the revision is first asked for."""

from dataclasses import dataclass
from typing import Any, Final

from serinus.api.modeldeployment import ModelDeploymentSpec
from serinus.api.modelrelease import ModelReleaseSpec, ReleaseEndpoint
from serinus.api.names import LABEL_DEPLOYMENT, LABEL_REVISION
from serinus.render.sidecars import SidecarError, model_endpoint, serving_of, with_middleware, with_sidecars

DRAIN_SECONDS: Final = 10
"""How long a model goes on answering after its pod was told to end: routers need that long to forget it."""

DEFAULT_GRACE_SECONDS: Final = 30


class RenderError(Exception):
    """The spec cannot be rendered; the message tells the user what to change."""


@dataclass(frozen=True, slots=True)
class Renderer:
    """The Serinus that renders."""

    version: str
    image: str = ""
    """The image of the sidecars; empty where the operator does not know its own."""


def snapshot_of(
    name: str, namespace: str, revision: str, spec: ModelDeploymentSpec, renderer: Renderer
) -> ModelReleaseSpec:
    """Return the snapshot of a spec."""
    endpoint = _endpoint(spec)
    template = _rendered(spec.template, revision_labels(name, revision), endpoint.container)
    mode = (spec.monitoring and spec.monitoring.mode) or "Sidecar"
    serving = serving_of(name, namespace, revision, spec, endpoint)
    try:
        if mode == "Sidecar":
            template = with_sidecars(template, serving, renderer.image)
        elif mode == "Middleware":
            template = with_middleware(template, serving, endpoint.container)
    except SidecarError as error:
        raise RenderError(str(error)) from error
    return ModelReleaseSpec(
        deployment=name,
        revision=revision,
        version=spec.model.version if spec.model else None,
        endpoint=model_endpoint(template) or endpoint,
        template=template,
        rendered_by=renderer.version,
    )


def revision_labels(name: str, revision: str) -> dict[str, str]:
    """Return the labels that every object of a revision carries, and that select its pods."""
    return {LABEL_DEPLOYMENT: name, LABEL_REVISION: revision}


def _endpoint(spec: ModelDeploymentSpec) -> ReleaseEndpoint:
    asked = spec.endpoint.port if spec.endpoint else None
    found = [
        ReleaseEndpoint(port=port["containerPort"], name=port.get("name"), container=container["name"])
        for container in spec.template["spec"]["containers"]
        for port in container.get("ports") or ()
        if asked is None or port.get("name") == asked
    ]
    if len(found) == 1:
        return found[0]
    if asked is None:
        raise RenderError(f"the template has {len(found)} container ports; name the one to use in endpoint.port")
    raise RenderError(f"{len(found)} container ports are named '{asked}'; endpoint.port must name exactly one")


def _rendered(template: dict[str, Any], labels: dict[str, str], model_container: str) -> dict[str, Any]:
    metadata = template.get("metadata") or {}
    pod = template["spec"]
    grace = pod.get("terminationGracePeriodSeconds")
    rendered: dict[str, Any] = _without_nulls(
        {
            **template,
            "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), **labels}},
            "spec": {
                **pod,
                "containers": [_draining(c) if c["name"] == model_container else c for c in pod["containers"]],
                "terminationGracePeriodSeconds": (DEFAULT_GRACE_SECONDS if grace is None else grace) + DRAIN_SECONDS,
            },
        }
    )
    return rendered


def _draining(container: dict[str, Any]) -> dict[str, Any]:
    """Let the container outlive the news that its pod is going, unless it has a way of its own."""
    lifecycle = container.get("lifecycle") or {}
    if lifecycle.get("preStop"):
        return container
    return {**container, "lifecycle": {**lifecycle, "preStop": {"sleep": {"seconds": DRAIN_SECONDS}}}}


def _without_nulls(node: Any) -> Any:  # noqa: ANN401 - JSON
    """Drop nulls: the API server drops them too, and would then seem to differ from what we asked for."""
    if isinstance(node, dict):
        return {key: _without_nulls(value) for key, value in node.items() if value is not None}
    if isinstance(node, list):
        return [_without_nulls(item) for item in node]
    return node
