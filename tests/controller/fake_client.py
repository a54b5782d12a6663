"""An API server for tests of what reads and writes one: it keeps documents, notes each write, fails when it is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from serinus.api.names import FIELD_MANAGER
from serinus.cluster.client import WATCH_SECONDS, Client
from serinus.cluster.errors import ConflictError, NotFoundError
from serinus.cluster.objects import Identity, Seen
from serinus.cluster.resources import Resource

Document = dict[str, Any]

TAKEN = ConflictError(409, "Conflict", "somebody else owns .spec.ports")


@dataclass(frozen=True)
class Write:
    """One write as it was asked for."""

    verb: str
    identity: Identity
    body: Document = field(compare=False, default_factory=dict)
    force: bool = True
    manager: str = FIELD_MANAGER
    uid: str | None = None


class FakeClient(Client):
    """Stands where the client stands."""

    def __init__(self, *documents: Document) -> None:
        self.documents = {address_of(document): document for document in documents}
        self.reads: list[Identity] = []
        self.writes: list[Write] = []
        self.refusals: list[Exception] = []
        """What the next writes end with."""
        self.refuses: Callable[[Write], bool] = lambda _: True
        """Which writes that is true of."""
        self.collections: dict[str, list[Document | Exception]] = {}
        """By kind, the pages of a list."""
        self.while_listing: Callable[[], None] = lambda: None
        self.streams: list[list[Document] | Exception] = []
        """What the next watches bring; after that one stays open and silent."""
        self.watched_since: list[str] = []
        self.missed: list[Document] = []
        """What a short watch brings, on a connection of its own."""
        self._versions = count(1000)

    async def get(self, resource: Resource, namespace: str, name: str) -> Document:
        identity = Identity(resource.kind, namespace, name)
        self.reads.append(identity)
        if identity not in self.documents:
            raise NotFoundError(404, "NotFound", f'{resource.plural} "{name}" not found')
        return self.documents[identity]

    async def find(self, resource: Resource, namespace: str, name: str) -> Document | None:
        identity = Identity(resource.kind, namespace, name)
        self.reads.append(identity)
        return self.documents.get(identity)

    async def apply(self, manifest: Document, *, manager: str = FIELD_MANAGER, force: bool = True) -> Document:
        identity = address_of(manifest)
        self._note(Write("apply", identity, manifest, force, manager))
        known = self.documents.get(identity, {})
        return self._store(identity, served({**known, **manifest}, next(self._versions), known.get("metadata")))

    async def create(self, resource: Resource, namespace: str | None, body: Document) -> Document:
        identity = Identity(resource.kind, namespace or "", body["metadata"]["name"])
        self._note(Write("create", identity, body))
        if identity in self.documents:
            raise ConflictError(409, "AlreadyExists", f'{resource.plural} "{identity.name}" already exists')
        return self._store(identity, body)

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Document) -> Document:
        identity = Identity(resource.kind, namespace, name)
        self._note(Write("merge", identity, patch))
        known = self.documents[identity]
        wanted = patch["metadata"].get("resourceVersion")
        if wanted not in (None, known["metadata"]["resourceVersion"]):
            raise ConflictError(409, "Conflict", "the object has been modified")
        version = {"metadata": {"resourceVersion": str(next(self._versions))}}
        return self._store(identity, _merged(_merged(known, patch), version))

    async def patch_status(self, resource: Resource, seen: Seen, status: Document) -> Document:
        del resource
        identity = seen.identity
        self._note(Write("status", identity, status, uid=seen.uid))
        known = self.documents[identity]
        if int(known["metadata"]["resourceVersion"]) > seen.version:
            raise ConflictError(409, "Conflict", "the object has been modified")
        metadata = {**known["metadata"], "resourceVersion": str(next(self._versions))}
        return self._store(
            identity, {**known, "metadata": metadata, "status": _merged(known.get("status", {}), status)}
        )

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> None:
        self._note(Write("delete", Identity(resource.kind, namespace, name), uid=uid))

    async def pages(self, resource: Resource, accept: str, selector: str | None = None) -> AsyncIterator[Document]:
        del accept, selector
        for page in self.collections.get(resource.kind, []):
            if isinstance(page, Exception):
                raise page
            self.while_listing()
            yield page

    async def watch(
        self, resource: Resource, accept: str, since: str, opened: Callable[[], None], seconds: int = WATCH_SECONDS
    ) -> AsyncIterator[Document]:
        if seconds != WATCH_SECONDS:
            for event in self.missed:
                yield event
            return
        del resource, accept
        self.watched_since.append(since)
        stream = self.streams.pop(0) if self.streams else None
        if isinstance(stream, Exception):
            raise stream
        opened()
        if stream is None:
            await asyncio.Event().wait()
            return
        for event in stream:
            yield event

    def _note(self, write: Write) -> None:
        self.writes.append(write)
        if self.refusals and self.refuses(write):
            raise self.refusals.pop(0)

    def next_version(self) -> int:
        """A version that nothing has yet."""
        return next(self._versions)

    def _store(self, identity: Identity, document: Document) -> Document:
        self.documents[identity] = document
        return document


def address_of(document: Document) -> Identity:
    return Identity(document["kind"], document["metadata"]["namespace"], document["metadata"]["name"])


def served(manifest: Document, version: int, known: Document | None = None) -> Document:
    """Return a manifest as the server returns it after our apply."""
    owned = {
        **_owned({key: value for key, value in manifest.items() if key not in ("apiVersion", "kind", "metadata")}),
        "f:metadata": _owned(
            {key: manifest["metadata"].get(key, {}) for key in ("labels", "annotations", "ownerReferences")}
        ),
    }
    entry = {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": owned}
    of_server = {
        "uid": (known or {}).get("uid", f"{manifest['kind']}-{manifest['metadata']['name']}"),
        "creationTimestamp": "2026-11-21T12:00:00Z",
        "managedFields": [entry],
        "resourceVersion": str(version),
    }
    known = known or {}
    both = {key: {**known.get(key, {}), **manifest["metadata"].get(key, {})} for key in ("labels", "annotations")}
    return {**manifest, "metadata": {**known, **manifest["metadata"], **both, **of_server}}


def _merged(document: Document, patch: Document) -> Document:
    """Return what a JSON merge patch makes of a document."""
    result = dict(document)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key) or {}, value) if isinstance(value, dict) else value
    return result


def _owned(value: object) -> Document:
    if isinstance(value, dict):
        return {f"f:{key}": _owned(child) for key, child in value.items()}
    if isinstance(value, list):
        return dict(_item(item, keys) for item in value if (keys := _keys(item)))
    return {}


def _keys(item: object) -> tuple[str, ...]:
    """Return the fields that name an item in a list; none where the list is owned as one."""
    candidates = (("uid",), ("port", "protocol"), ("name",))
    return next((keys for keys in candidates if isinstance(item, dict) and keys[0] in item), ())


def _item(item: Document, keys: tuple[str, ...]) -> tuple[str, Document]:
    return "k:" + json.dumps({key: item[key] for key in keys}), {".": {}, **_owned(item)}
