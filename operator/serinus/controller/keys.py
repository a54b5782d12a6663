"""The Secrets that sidecars need. They are created, and never read or changed: no right to read Secrets is needed.

But for one, in the operator's own namespace: the master key, from which the token of every namespace follows.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Any, Final

from serinus.api.modelrelease import ModelReleaseSpec
from serinus.api.names import LABEL_DEPLOYMENT
from serinus.cluster.client import Client
from serinus.cluster.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, Retry, ServerError
from serinus.cluster.objects import Identity, SeenModelDeployment
from serinus.cluster.resources import NAMESPACE, SECRET
from serinus.controller.ownership import refused
from serinus.monitor.receipts.keys import new_key
from serinus.render.children import Owner, reference
from serinus.render.sidecars import FEEDBACK, secrets_of

Document = dict[str, Any]

MASTER: Final = "serinus-master-key"


class Keys:
    """Makes the Secrets that a revision's pods mount, where there are none."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._master: bytes | None = None

    async def ensure(self, model: SeenModelDeployment, snapshot: ModelReleaseSpec) -> None:
        """Make what is missing. Called before a revision gets its pods; they run without it, too, but sign nothing."""
        for volume, name in secrets_of(snapshot.template).items():
            try:
                await self._client.create(SECRET, model.key.namespace, await self._content(model, volume, name))
            except ConflictError:  # it is there; what is in it is nothing to us
                pass
            except NotFoundError as error:
                raise Retry(f"namespace {model.key.namespace}: {error.message}") from error
            except (InvalidError, ForbiddenError, ServerError) as error:
                raise refused(Identity(SECRET.kind, model.key.namespace, name), error) from error

    async def _content(self, model: SeenModelDeployment, volume: str, name: str) -> Document:
        if volume == FEEDBACK:
            owner = Owner(model.key.name, model.key.namespace, model.uid)
            metadata = {"labels": {LABEL_DEPLOYMENT: model.key.name}, "ownerReferences": [reference(owner)]}
            return _secret(name, {"token": secrets.token_urlsafe()}, metadata)
        key_id, key = new_key()
        token = await self.token(model.key.namespace)
        return _secret(name, {"current": key_id, f"key-{key_id}": key, "token": token})

    async def token(self, namespace: str) -> str:
        """Return what opens the evidence of a namespace."""
        document = await self._client.get(NAMESPACE, "", namespace)
        uid = document["metadata"]["uid"]
        return hmac.new(await self._master_key(), uid.encode(), hashlib.sha256).hexdigest()

    async def _master_key(self) -> bytes:
        if self._master is None:
            self._master = await self._read_master() or await self._make_master()
        return self._master

    async def _read_master(self) -> bytes | None:
        try:
            document = await self._client.get(SECRET, self._namespace, MASTER)
        except NotFoundError:
            return None
        return base64.b64decode(document["data"]["key"])

    async def _make_master(self) -> bytes:
        try:
            document = await self._client.create(SECRET, self._namespace, _secret(MASTER, {"key": new_key()[1]}))
        except ConflictError as error:
            raise Retry(f"Secret {MASTER} has just been made") from error
        return base64.b64decode(document["data"]["key"])


def _secret(name: str, content: dict[str, str], metadata: Document | None = None) -> Document:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in content.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, **(metadata or {})},
        "type": "Opaque",
        "data": data,
    }
