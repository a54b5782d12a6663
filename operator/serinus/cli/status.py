"""`kubectl serinus status`: one page about a ModelDeployment. Called by main.py."""

from collections.abc import Iterator
from typing import Any

from kubernetes import client

from serinus.api import modeldeployment, modelrelease
from serinus.api.names import GROUP, LABEL_DEPLOYMENT, LABEL_REVISION, VERSION

Document = dict[str, Any]


def describe(api: client.ApiClient, namespace: str, name: str) -> str:
    """Return the page."""
    custom = client.CustomObjectsApi(api)
    selector = f"{LABEL_DEPLOYMENT}={name}"
    model = _plain(api, custom.get_namespaced_custom_object(GROUP, VERSION, namespace, modeldeployment.PLURAL, name))
    releases = custom.list_namespaced_custom_object(
        GROUP, VERSION, namespace, modelrelease.PLURAL, label_selector=selector
    )
    pods = client.CoreV1Api(api).list_namespaced_pod(namespace, label_selector=selector)
    return "\n".join(
        (*_head(model), "", *_revisions(model, _plain(api, releases)["items"], _plain(api, pods)["items"]))
    )


def _plain(api: client.ApiClient, answer: object) -> Document:
    """Return an answer of the client as the JSON that the server sent."""
    document: Document = api.sanitize_for_serialization(answer)
    return document


def _head(model: Document) -> Iterator[str]:
    metadata, status = model["metadata"], model.get("status", {})
    yield f"ModelDeployment {metadata['namespace']}/{metadata['name']}"
    if status.get("observedGeneration", -1) < metadata["generation"]:
        yield "  not seen by the operator yet: is it running? (kubectl get pods -A -l app.kubernetes.io/name=serinus)"
        return
    for condition in status.get("conditions", ()):
        yield f"  {condition['type']:<12} {condition['status']:<6} {condition['reason']}"
        yield f"  {'':<12} {condition['message']}"
    yield f"  {'Address':<12} {status.get('url', '-')}"


def _revisions(model: Document, releases: list[Document], pods: list[Document]) -> Iterator[str]:
    status = model.get("status", {})
    roles = {status[role]["revision"]: role for role in ("canary", "stable") if status.get(role)}
    yield f"{'REVISION':<12} {'VERSION':<14} {'ROLE':<8} {'PROMOTED':<28} PODS"
    for release in sorted(releases, key=lambda item: str(item["metadata"]["creationTimestamp"]), reverse=True):
        spec = release["spec"]
        revision = spec["revision"]
        promoted = release.get("status", {}).get("promotedAt", "never")
        of_revision = [pod for pod in pods if pod["metadata"]["labels"].get(LABEL_REVISION) == revision]
        ready = sum(map(_is_ready, of_revision))
        count = f"{ready} of {len(of_revision)} ready" if of_revision else "none"
        yield f"{revision:<12} {spec.get('version', '-'):<14} {roles.get(revision, '-'):<8} {promoted:<28} {count}"


def _is_ready(pod: Document) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
