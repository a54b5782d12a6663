"""Writes the children of a ModelDeployment: creates, corrects, adopts, deletes, and leaves everybody else's alone."""

import json

from serinus.api.names import HANDOVER_MANAGER, LABEL_DEPLOYMENT, LABEL_REVISION
from serinus.api.reasons import Reason
from serinus.cluster.cache import Cache
from serinus.cluster.client import Client
from serinus.cluster.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    Refused,
    Retry,
    ServerError,
)
from serinus.cluster.objects import Identity, SeenChild, SeenModelDeployment, SeenRoute, controller_of, seen
from serinus.cluster.resources import BY_KIND
from serinus.controller.ownership import LEFTOVER_SECONDS, check_not_gone, check_owner, check_still_there, refused
from serinus.render.children import Manifest
from serinus.render.intent import covers, seal_of, sealed


class Children:
    """Brings the objects on the server to what is intended; writes nothing where nothing differs."""

    def __init__(self, cache: Cache, client: Client) -> None:
        self._cache = cache
        self._client = client

    async def ensure(self, model: SeenModelDeployment, manifest: Manifest, *, named_by_user: bool = False) -> None:
        """Make one object what the manifest says.

        Somebody may use the model's own name for an object with which ours would merge without a conflict. Names with
        a revision in them are nobody else's.
        """
        wanted = sealed(manifest)
        identity = Identity(manifest["kind"], model.key.namespace, manifest["metadata"]["name"])
        known = self._cache.find(identity)
        if known is None:
            if named_by_user:
                await self._check_free(model, identity)
            await self._create(model, identity, wanted)
            return
        if not isinstance(known, SeenChild):
            raise TypeError(f"{identity} is no child")
        check_owner(model, identity, known.deployment, known.controller)
        if known.deleting:
            await self._forget_if_gone(known)
            raise Retry(f"{identity.kind} {identity.name} is being deleted", after=LEFTOVER_SECONDS)
        adopted = known.controller is not None or "ownerReferences" not in wanted["metadata"]
        if adopted and known.intent == seal_of(wanted) and covers(json.loads(known.owned), wanted):
            return
        if known.controller is None:
            await check_still_there(self._client, model)
        try:
            await self.write(identity, wanted, version=known.version)
        except Refused as refusal:
            if refusal.reason is not Reason.RENDER_FAILED or known.intent != seal_of(wanted):
                raise
            await self._write_over(known, wanted, refusal)

    async def _forget_if_gone(self, known: SeenChild) -> None:
        """Ask for what is awaited to go: a watch that broke just then never says so, and the sweep comes late."""
        identity = known.identity
        try:
            document = await self._client.get(BY_KIND[identity.kind], identity.namespace, identity.name)
        except NotFoundError:
            self._cache.remove(known)
        else:
            if document["metadata"]["uid"] != known.uid:
                self._cache.remove(known)

    async def hand_over(self, model: SeenModelDeployment, manifest: Manifest, pods: int) -> None:
        """Keep a Deployment's size while its replicas pass from us to an autoscaler.

        Leaving the field out of an apply would set it to 1 unless somebody else owns it by then. Later the autoscaler
        alone decides, also where its least size has grown; but it starts nothing that is at zero.
        """
        identity = Identity(manifest["kind"], model.key.namespace, manifest["metadata"]["name"])
        known = self._cache.find(identity)
        if not isinstance(known, SeenChild) or known.pods is None:
            return
        check_owner(model, identity, known.deployment, known.controller)
        ours = "f:replicas" in json.loads(known.owned).get("f:spec", {})
        nobodys = known.pods.wanted == 0 or not known.pods.sized
        if ours or (nobodys and known.pods.wanted < pods):
            part = {key: manifest[key] for key in ("apiVersion", "kind")} | {
                "metadata": {"name": identity.name, "namespace": identity.namespace, "uid": known.uid},
                "spec": {"replicas": max(known.pods.wanted, pods)},
            }
            document = await self._client.apply(part, manager=HANDOVER_MANAGER)
            self._cache.put(seen(identity.kind, document))

    async def delete(self, model: SeenModelDeployment, child: SeenChild) -> None:
        """Delete an object, if it is the ModelDeployment's own."""
        if child.controller and child.controller.uid != model.uid:
            return
        if child.deleting:
            if isinstance(child, SeenRoute):  # a rollout waits for its end
                await self._forget_if_gone(child)
            return
        identity = child.identity
        try:
            await self._client.delete(BY_KIND[identity.kind], identity.namespace, identity.name, child.uid)
        except ForbiddenError as error:
            raise refused(identity, error) from error
        self._cache.mark_deleting(child)

    async def _create(self, model: SeenModelDeployment, identity: Identity, wanted: Manifest) -> None:
        await check_not_gone(self._client, model, wanted["metadata"]["labels"].get(LABEL_REVISION))
        try:
            await self.write(identity, wanted, force=False)
        except ConflictError:
            await self._check_free(model, identity)
            await self.write(identity, wanted)

    async def _check_free(self, model: SeenModelDeployment, identity: Identity) -> None:
        try:
            document = await self._client.get(BY_KIND[identity.kind], identity.namespace, identity.name)
        except NotFoundError:
            return
        metadata = document["metadata"]
        owner = metadata.get("labels", {}).get(LABEL_DEPLOYMENT)
        check_owner(model, identity, owner, controller_of(metadata))

    async def _write_over(self, known: SeenChild, wanted: Manifest, refusal: Refused) -> None:
        """Put right what an apply cannot, though it could once.

        Where somebody changed what names an item of a list, such as the number of a port, an apply keeps theirs and
        adds ours beside it, which the server refuses. A merge replaces lists.
        """
        identity = known.identity
        patch = {"metadata": {"resourceVersion": str(known.version)}, "spec": wanted["spec"]}
        try:
            document = await self._client.merge(BY_KIND[identity.kind], identity.namespace, identity.name, patch)
        except InvalidError:
            raise refusal from None
        await self.write(identity, wanted, version=int(document["metadata"]["resourceVersion"]))

    async def write(
        self, identity: Identity, wanted: Manifest, *, force: bool = True, version: int | None = None
    ) -> None:
        """Apply a sealed manifest, on the version of the object that this was decided on."""
        if version is not None:
            wanted = {**wanted, "metadata": {**wanted["metadata"], "resourceVersion": str(version)}}
        try:
            document = await self._client.apply(wanted, force=force)
        except (InvalidError, ForbiddenError, ServerError) as error:
            raise refused(identity, error) from error
        except NotFoundError as error:
            if not error.reason:  # of an object that is missing the API server says so; here it knows no such kind
                raise Refused(
                    Reason.ROUTE_NOT_ACCEPTED,
                    f"the API server knows no {identity.kind}: install Gateway API, or remove spec.traffic.gateway",
                ) from error
            raise Retry(f"{identity.kind} {identity.name}: {error.message}") from error
        except ConflictError as error:
            if version is None:
                raise
            raise Retry(f"{identity.kind} {identity.name} changed meanwhile") from error
        self._cache.put(seen(identity.kind, document))
