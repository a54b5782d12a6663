"""What the operator keeps of the objects it sees: the few fields that decide, so that the cache stays small."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from serinus.api import modeldeployment, modelrelease
from serinus.api.commands import ANNOTATION_COMMAND
from serinus.api.gateway import SPLIT_HEADER
from serinus.api.modelrelease import Result
from serinus.api.names import (
    ANNOTATION_BEFORE,
    ANNOTATION_INTENT,
    FIELD_MANAGER,
    LABEL_DEPLOYMENT,
    LABEL_REVISION,
    child_name,
)
from serinus.cluster.claims import Claim, claims_of
from serinus.cluster.podfailures import failure_of, is_ready
from serinus.cluster.routestatus import Answer, answers_of
from serinus.render.revision import revision_of
from serinus.rollout.view import EVERY

Document = dict[str, Any]

_RESULTS = frozenset(Result)
"""A definition that is older than we are has another column in that place."""


class Key(NamedTuple):
    """A ModelDeployment's address: what is queued, reconciled and logged."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Identity(NamedTuple):
    """The address of any object."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What all objects have in common."""

    identity: Identity
    uid: str
    version: int
    deployment: str
    """Name of the ModelDeployment it belongs to."""
    created: datetime
    deleting: bool

    @property
    def key(self) -> Key:
        """The ModelDeployment it belongs to."""
        return Key(self.identity.namespace, self.deployment)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenModelDeployment(Seen):
    """A ModelDeployment. Spec and status stay text until they are needed: parsed, they take ten times the room."""

    generation: int
    revision: str
    spec: bytes
    status: bytes
    command: str | None
    """What its annotation asks of the rollout."""
    claims: frozenset[Claim] = frozenset()
    """What it wants at a Gateway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRelease(Seen):
    """A ModelRelease, without its contents."""

    revision: str
    controller: "Controller | None"
    """Who controls it."""
    version_label: str | None
    promoted_at: datetime | None
    result: Result | None
    """What became of its last attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenChild(Seen):
    """An object of a revision, or the Service at the model's address (which has no revision of its own)."""

    revision: str | None
    controller: "Controller | None"
    """Who controls it."""
    intent: str | None
    owned: bytes
    """The fields that we applied and nobody changed since, as managedFields lists them."""
    selects: str | None = None
    """A Service: the revision whose pods it selects, or EVERY."""
    before: str | None = None
    """A Service that was taken over: what it was before, as JSON."""
    pods: "PodCount | None" = None
    """A Deployment: its pods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRoute(SeenChild):
    """The HTTPRoute of a ModelDeployment."""

    weights: tuple[tuple[str, int], ...]
    """What each revision holds of the requests that are split."""
    stamp: str | None
    """What the requests are marked with that are split."""
    written_at: datetime
    """When we changed it last."""
    answers: tuple[Answer, ...]
    """What each parent says of it as it stands."""
    controllers: tuple[str, ...]
    """The controllers of those parents."""


@dataclass(frozen=True, slots=True)
class Controller:
    """The owner that an object has in its ownerReferences as its controller."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class PodCount:
    """What a Deployment says of its pods."""

    wanted: int
    ready: int
    trouble: str | None
    """Why it cannot make pods."""
    sized: bool = False
    """Whether somebody has said how many are wanted; if not, it is the server's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPod(Seen):
    """A pod of a revision."""

    revision: str | None
    ready: bool
    failure: str | None


def seen(kind: str, document: Document) -> Seen:
    """Return what we keep of an object."""
    reader = {modeldeployment.KIND: _model_deployment, "Pod": _pod, "HTTPRoute": _route}.get(kind, _child)
    return reader(kind, document)


def seen_release(row: Document) -> SeenRelease:
    """Return what we keep of a ModelRelease, from a row of the server's table: contents are large and stay there.

    Whose it is stands in its spec, which nobody can change; a label somebody may remove.
    """
    metadata = row["object"]["metadata"]
    _name, deployment, revision, version, promoted_at, result, *_ = row["cells"]
    return SeenRelease(
        **_common(modelrelease.KIND, metadata, deployment),
        revision=revision,
        controller=controller_of(metadata),
        version_label=version or None,
        promoted_at=_time(promoted_at) if promoted_at else None,
        result=Result(result) if result in _RESULTS else None,
    )


def release_row(document: Document) -> Document:
    """Return the row that the server's table has for a whole ModelRelease, as a write returns it."""
    spec, status = document["spec"], document.get("status", {})
    cells = [
        document["metadata"]["name"],
        spec["deployment"],
        spec["revision"],
        spec.get("version"),
        status.get("promotedAt"),
        status.get("result"),
    ]
    return {"cells": cells, "object": {"metadata": document["metadata"]}}


def controller_of(metadata: Document) -> Controller | None:
    """Return the owner that controls an object."""
    owners = (owner for owner in metadata.get("ownerReferences", ()) if owner.get("controller"))
    owner = next(owners, None)
    return Controller(owner["kind"], owner["name"], owner["uid"]) if owner else None


def _model_deployment(kind: str, document: Document) -> SeenModelDeployment:
    metadata = document["metadata"]
    return SeenModelDeployment(
        **_common(kind, metadata, metadata["name"]),
        generation=metadata["generation"],
        revision=revision_of(document["spec"]),
        spec=_text(document["spec"]),
        status=_text(document.get("status", {})),
        command=metadata.get("annotations", {}).get(ANNOTATION_COMMAND),
        claims=claims_of(metadata["namespace"], document["spec"]),
    )


def _pod(kind: str, document: Document) -> SeenPod:
    labels = document["metadata"].get("labels", {})
    return SeenPod(
        **_common(kind, document["metadata"], labels.get(LABEL_DEPLOYMENT, "")),
        revision=labels.get(LABEL_REVISION),
        ready=is_ready(document),
        failure=failure_of(document),
    )


def _child(kind: str, document: Document) -> SeenChild:
    annotations = document["metadata"].get("annotations", {})
    return SeenChild(
        **_common_of_children(kind, document["metadata"]),
        selects=_selected(document["spec"].get("selector") or {}) if kind == "Service" else None,
        before=annotations.get(ANNOTATION_BEFORE) if kind == "Service" else None,
        pods=_pod_count(document) if kind == "Deployment" else None,
    )


def _route(kind: str, document: Document) -> SeenRoute:
    metadata, spec = document["metadata"], document["spec"]
    deployment = metadata.get("labels", {}).get(LABEL_DEPLOYMENT, "")
    split: Document = (spec.get("rules") or [{}])[-1]
    return SeenRoute(
        **_common_of_children(kind, metadata),
        weights=tuple(
            (backend["name"].removeprefix(child_name(deployment, "")), backend.get("weight", 1))
            for backend in split.get("backendRefs") or ()
        ),
        stamp=_stamp(split),
        written_at=_time(_our_entry(metadata).get("time") or metadata["creationTimestamp"]),
        answers=tuple(answers_of(document)),
        controllers=tuple(
            sorted({parent["controllerName"] for parent in document.get("status", {}).get("parents", ())})
        ),
    )


def _stamp(rule: Document) -> str | None:
    headers = (
        header
        for each in rule.get("filters") or ()
        for header in each.get("requestHeaderModifier", {}).get("set", ())
        if header["name"].lower() == SPLIT_HEADER
    )
    return next((header["value"] for header in headers), None)


def _selected(selector: dict[str, str]) -> str | None:
    if set(selector) == {LABEL_DEPLOYMENT}:
        return EVERY
    return selector.get(LABEL_REVISION)


def _common_of_children(kind: str, metadata: Document) -> dict[str, Any]:
    labels = metadata.get("labels", {})
    return {
        **_common(kind, metadata, labels.get(LABEL_DEPLOYMENT, "")),
        "revision": labels.get(LABEL_REVISION),
        "controller": controller_of(metadata),
        "intent": metadata.get("annotations", {}).get(ANNOTATION_INTENT),
        "owned": _text(_our_entry(metadata).get("fieldsV1", {})),
    }


def _common(kind: str, metadata: Document, deployment: str) -> dict[str, Any]:
    return {
        "identity": Identity(kind, metadata["namespace"], metadata["name"]),
        "uid": metadata["uid"],
        "version": int(metadata["resourceVersion"]),
        "deployment": deployment,
        "created": _time(metadata["creationTimestamp"]),
        "deleting": "deletionTimestamp" in metadata,
    }


def _our_entry(metadata: Document) -> Document:
    """Return what managedFields says of our own applies."""
    ours = (
        entry
        for entry in metadata.get("managedFields", ())  # an entry may lack any of these
        if entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource")
    )
    return next(ours, {})


def _pod_count(document: Document) -> PodCount:
    status = document.get("status", {})
    troubles = (
        condition.get("message")
        for condition in status.get("conditions", ())
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
    )
    return PodCount(
        wanted=document["spec"].get("replicas", 1),
        # Also where the status speaks of the size before: a revision's pods are all alike, and those are ready.
        ready=status.get("readyReplicas", 0),
        trouble=next(troubles, None),
        sized=any("f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {}) for entry in _managed(document)),
    )


def _managed(document: Document) -> list[Document]:
    """Return what managedFields says of everybody's writes."""
    entries: list[Document] = document["metadata"].get("managedFields", [])
    return entries


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(document: Document) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
