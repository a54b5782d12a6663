"""The Service at a model's address: makes it, takes over one that the user had there, and puts that back at the end."""

import logging
from typing import Any

from serinus.api.names import ANNOTATION_BEFORE, child_name
from serinus.api.reasons import Reason
from serinus.cluster.cache import Cache
from serinus.cluster.client import Client
from serinus.cluster.errors import ConflictError, NotFoundError, Refused, Retry
from serinus.cluster.objects import Identity, Key, SeenChild, SeenModelDeployment, controller_of, seen
from serinus.cluster.resources import DEPLOYMENT, MODEL_DEPLOYMENT, SERVICE
from serinus.controller.children import Children
from serinus.controller.ownership import check_consent, check_still_there, is_ours, is_own, is_taken_over
from serinus.controller.releases import releases_of
from serinus.render.children import Manifest
from serinus.render.intent import sealed
from serinus.render.takeover import Before, put_back, taken_over
from serinus.rollout.view import EVERY

logger = logging.getLogger(__name__)

Document = dict[str, Any]


class Address:
    """Keeps the Service `<name>`. One of the user's goes on as it is until a promoted revision has ready pods."""

    def __init__(self, cache: Cache, client: Client, children: Children) -> None:
        self._cache = cache
        self._client = client
        self._children = children

    async def ensure(self, model: SeenModelDeployment, manifest: Manifest, revision: str) -> None:
        """Make the Service lead to a revision as the manifest says."""
        known = self._service(model.key)
        if known and is_ours(model, known):
            was_theirs = is_taken_over(known) and known.before
            wanted = taken_over(manifest, _read(known.identity, was_theirs)) if was_theirs else manifest
            await self._children.ensure(model, wanted)
            return
        # Somebody may use the model's own name for an object with which ours would merge without a conflict.
        document = await self._find(Identity(SERVICE.kind, *model.key))
        if document is None or is_own(model, document["metadata"]):
            await self._children.ensure(model, manifest)
        else:
            await self._take_over(model, document, manifest, revision)

    async def put_back_if_unserved(self, model: SeenModelDeployment) -> None:
        """Put back what a deleted namesake took over, until a revision of this ModelDeployment was promoted."""
        service = self._service(model.key)
        if service is None or not is_taken_over(service) or not is_ours(model, service):
            return
        promoted = any(release.promoted_at for release in releases_of(self._cache, model))
        if not promoted and not any(_is_ready(child) for child in self._selected(service) if is_ours(model, child)):
            await self._put_back(service)

    async def leave(self, key: Key) -> None:
        """Put back what a ModelDeployment took over that is gone or going, unless its pods are to stay."""
        service = self._service(key)
        if service is None or service.key != key or service.deleting or not is_taken_over(service):
            return
        if await self._goes(key) and not await self._pods_stay(service):
            await self._put_back(service)

    async def _take_over(
        self, model: SeenModelDeployment, document: Document, manifest: Manifest, revision: str
    ) -> None:
        metadata = document["metadata"]
        identity = Identity(SERVICE.kind, *model.key)
        check_consent(model, identity, document)
        if "deletionTimestamp" in metadata:
            raise Retry(f"{identity.kind} {identity.name} is being deleted")
        taken_before = metadata.get("annotations", {}).get(ANNOTATION_BEFORE)
        if taken_before is None and not self._can_serve(model, revision):
            return
        await check_still_there(self._client, model)
        before = Before.of(document) if taken_before is None else _read(identity, taken_before)
        version = int(metadata["resourceVersion"])
        await self._children.write(identity, sealed(taken_over(manifest, before)), version=version)
        logger.info("a Service was taken over", extra={"service": identity.name, "before": before.text()})

    async def _put_back(self, service: SeenChild) -> None:
        identity = service.identity
        document = await self._find(identity)
        text = document and document["metadata"].get("annotations", {}).get(ANNOTATION_BEFORE)
        if not document or not text:
            return  # the watch will say so
        try:
            before = Before.read(text)
        except ValueError as error:
            logger.warning("a Service cannot be put back", extra={"service": identity.name, "error": str(error)})
            return
        try:
            after = await self._client.merge(SERVICE, identity.namespace, identity.name, put_back(document, before))
        except (ConflictError, NotFoundError) as error:
            raise Retry(f"{identity.kind} {identity.name} changed meanwhile") from error
        self._cache.remove(seen(SERVICE.kind, after))  # it has no label of ours any more
        logger.info("a Service was put back", extra={"service": identity.name, "before": text})

    def _service(self, key: Key) -> SeenChild | None:
        found = self._cache.find(Identity(SERVICE.kind, *key))
        return found if isinstance(found, SeenChild) else None

    def _selected(self, service: SeenChild) -> list[SeenChild]:
        """Return the Deployments whose pods a Service selects."""
        return [
            child
            for child in self._cache.children(service.key)
            if child.identity.kind == DEPLOYMENT.kind and service.selects in (child.revision, EVERY)
        ]

    def _can_serve(self, model: SeenModelDeployment, revision: str) -> bool:
        """Return whether a revision was promoted and has ready pods."""
        pods = self._cache.find(Identity(DEPLOYMENT.kind, model.key.namespace, child_name(model.key.name, revision)))
        return (
            isinstance(pods, SeenChild)
            and is_ours(model, pods)
            and _is_ready(pods)
            and any(each.promoted_at for each in releases_of(self._cache, model) if each.revision == revision)
        )

    async def _goes(self, key: Key) -> bool:
        """Ask the server whether a ModelDeployment is gone or going; not so as long as it lets go of its children."""
        try:
            document = await self._client.get(MODEL_DEPLOYMENT, *key)
        except NotFoundError:
            return True
        metadata = document["metadata"]
        return "deletionTimestamp" in metadata and "orphan" not in metadata.get("finalizers", ())

    async def _pods_stay(self, service: SeenChild) -> bool:
        """Ask the server whether pods that a Service selects outlive their ModelDeployment (`--cascade=orphan`)."""
        for child in self._selected(service):
            document = await self._find(child.identity)
            if document and "deletionTimestamp" not in document["metadata"] and not controller_of(document["metadata"]):
                return True
        return False

    async def _find(self, identity: Identity) -> Document | None:
        resource = SERVICE if identity.kind == SERVICE.kind else DEPLOYMENT
        try:
            return await self._client.get(resource, identity.namespace, identity.name)
        except NotFoundError:
            return None


def _is_ready(pods: SeenChild) -> bool:
    return pods.pods is not None and pods.pods.ready > 0 and not pods.deleting


def _read(identity: Identity, text: str) -> Before:
    try:
        return Before.read(text)
    except ValueError as error:
        raise Refused(
            Reason.NAME_CONFLICT,
            f"{identity.kind} {identity.name} was taken over, and its annotation {ANNOTATION_BEFORE} cannot be read: "
            "put the annotation right, or delete the Service",
        ) from error
