"""The ModelReleases of the cluster: a snapshot that never changes, and the record of what became of its revision."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from serinus.api import modelrelease
from serinus.api.modeldeployment import ModelDeploymentSpec
from serinus.api.modelrelease import (
    MAX_ATTEMPTS,
    Attempt,
    ModelReleaseSpec,
    ModelReleaseStatus,
    ReleaseEndpoint,
    Result,
)
from serinus.api.names import ANNOTATION_VERSION, child_name
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
from serinus.cluster.objects import (
    Identity,
    Key,
    SeenChild,
    SeenModelDeployment,
    SeenRelease,
    release_row,
    seen_release,
)
from serinus.cluster.resources import DEPLOYMENT, MODEL_RELEASE, SERVICE
from serinus.controller.ownership import (
    LEFTOVER_SECONDS,
    check_not_gone,
    check_owner,
    check_still_there,
    is_ours,
    refused,
)
from serinus.render.children import Owner, reference, release
from serinus.render.sidecars import model_endpoint
from serinus.render.snapshot import Renderer, RenderError, snapshot_of
from serinus.rollout.attempt import left

T = TypeVar("T")

_OPEN: Final = (Result.RUNNING, Result.ROLLED_BACK, Result.ENDED)
"""Results whose attempts matter for what comes next."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    """The attempts of a release, as they were at one version of it."""

    version: int
    attempts: tuple[Attempt, ...]


class Releases:
    """Snapshots, which never change and are read once, and attempts, which are read where somebody else wrote them."""

    def __init__(self, cache: Cache, client: Client, renderer: Renderer) -> None:
        self._cache = cache
        self._client = client
        self._renderer = renderer
        self._snapshots: dict[Key, dict[str, bytes]] = {}
        self._attempts: dict[Key, dict[str, _Remembered]] = {}

    def drop(self, key: Key, keep: frozenset[str] = frozenset()) -> None:
        """Forget the snapshots of a ModelDeployment, but for the revisions that are in use."""
        _drop(self._snapshots, key, keep)
        _drop(self._attempts, key, keep)

    async def snapshot(self, model: SeenModelDeployment, spec: ModelDeploymentSpec, revision: str) -> ModelReleaseSpec:
        """Return the snapshot of a revision, making the record if there is none."""
        known = self._snapshots.get(model.key, {}).get(revision)
        if self._find(model, revision) is None:
            return await self._record(model, spec, revision, known)
        if known is not None:
            return ModelReleaseSpec.model_validate_json(known)
        namespace, name = model.key
        try:
            document = await self._client.get(MODEL_RELEASE, namespace, child_name(name, revision))
        except NotFoundError as error:  # it went a moment ago; its deletion is about to reach us
            raise Retry(f"the release of revision {revision} has just gone") from error
        return self._remember(model.key, document)

    async def adopt(self, model: SeenModelDeployment) -> None:
        """Give releases that lost their owner, as a restored backup does, their owner again."""
        for found in releases_of(self._cache, model):
            if found.controller is None:
                await check_still_there(self._client, model)
                owner = reference(Owner(model.key.name, model.key.namespace, model.uid))
                metadata = {"uid": found.uid, "resourceVersion": str(found.version), "ownerReferences": [owner]}
                name = found.identity.name
                try:
                    document = await self._client.merge(
                        MODEL_RELEASE, model.key.namespace, name, {"metadata": metadata}
                    )
                except (ConflictError, NotFoundError) as error:
                    raise Retry(f"ModelRelease {name} changed meanwhile") from error
                self._cache.put(seen_release(release_row(document)))

    async def attempts(
        self, model: SeenModelDeployment, revision: str, *, also_promoted: bool = False
    ) -> tuple[Attempt, ...]:
        """Return the attempts of a revision; those of the stable one hardly anybody needs to know."""
        releases = releases_of(self._cache, model)
        found = next((each for each in releases if each.revision == revision), None)
        if found is None or found.result is None:
            return ()
        is_stable = found.promoted_at and found.promoted_at == max(e.promoted_at for e in releases if e.promoted_at)
        if is_stable and found.result not in _OPEN and not also_promoted:
            return ()
        return await self._recorded(model, found)

    async def record(
        self, model: SeenModelDeployment, revision: str, attempt: Attempt | None, promoted_at: datetime | None
    ) -> None:
        """Write down how an attempt goes on, and whether the revision is the stable one from now on.

        This one write commits what was decided: a step, a rollback, a promotion.
        """
        found = self._find(model, revision)
        if found is None:
            raise Retry(f"the release of revision {revision} has just gone")
        status: dict[str, Any] = {}
        if promoted_at:
            status["promotedAt"] = promoted_at.isoformat().replace("+00:00", "Z")
        if attempt:
            status["result"] = attempt.outcome.result if attempt.outcome else Result.RUNNING
            status["attempts"] = await self._with(model, found, attempt)
        await self._write_status(model, found, status)

    async def leave(self, model: SeenModelDeployment, revision: str, now: datetime) -> None:
        """Write down that the last attempt of a revision no longer counts."""
        found = self._find(model, revision)
        if found is None:
            return
        status: dict[str, Any] = {"result": Result.ENDED}
        if attempts := await self._recorded(model, found):
            status["attempts"] = await self._with(model, found, left(attempts[-1], now, model.revision))
        await self._write_status(model, found, status)

    async def forget(self, model: SeenModelDeployment, revision: str) -> None:
        """Delete the record of a revision."""
        found = self._find(model, revision)
        if found is not None:
            await self._client.delete(MODEL_RELEASE, model.key.namespace, found.identity.name, found.uid)
            self._cache.mark_deleting(found)

    async def _record(
        self, model: SeenModelDeployment, spec: ModelDeploymentSpec, revision: str, known: bytes | None
    ) -> ModelReleaseSpec:
        await check_not_gone(self._client, model, revision)
        lost = self._cache.find(Identity("Deployment", model.key.namespace, child_name(model.key.name, revision)))
        if known is not None:
            snapshot = ModelReleaseSpec.model_validate_json(known)
        elif isinstance(lost, SeenChild) and is_ours(model, lost):
            snapshot = await self._rebuilt(model.key, revision)
        elif revision == model.revision:
            snapshot = self._rendered(model, spec)
        else:
            raise Retry(f"revision {revision} has neither a record nor pods any more")
        owner = Owner(model.key.name, model.key.namespace, model.uid)
        try:
            document = await self._client.apply(release(owner, snapshot), force=False)
        except (InvalidError, ForbiddenError, ServerError) as error:
            identity = Identity(modelrelease.KIND, model.key.namespace, child_name(model.key.name, revision))
            raise refused(identity, error) from error
        except ConflictError as error:  # somebody's, or ours: whose it is we know when we have seen it
            raise Retry(f"ModelRelease {child_name(model.key.name, revision)} is there already") from error
        return self._remember(model.key, document)

    def _rendered(self, model: SeenModelDeployment, spec: ModelDeploymentSpec) -> ModelReleaseSpec:
        try:
            return snapshot_of(model.key.name, model.key.namespace, model.revision, spec, self._renderer)
        except RenderError as error:
            raise Refused(Reason.RENDER_FAILED, str(error)) from error

    async def _rebuilt(self, key: Key, revision: str) -> ModelReleaseSpec:
        """Return the snapshot of a revision whose record was lost, from what runs: no pod may move for this."""
        name = child_name(key.name, revision)
        try:
            deployment = await self._client.get(DEPLOYMENT, key.namespace, name)
            service = await self._client.get(SERVICE, key.namespace, name)
        except NotFoundError as error:
            raise Refused(
                Reason.RENDER_FAILED,
                f"the record of revision {revision} was deleted, and with {error.message} it cannot be made anew: "
                "apply a changed spec",
            ) from error
        template = deployment["spec"]["template"]
        template["metadata"].pop("creationTimestamp", None)
        endpoint = _endpoint_of(template, service["spec"].get("ports") or ())
        if endpoint is None:
            raise Refused(
                Reason.RENDER_FAILED,
                f"the record of revision {revision} was deleted, and with changed ports in Service {name} it cannot be "
                "made anew: put them right, or apply a changed spec",
            )
        return ModelReleaseSpec(
            deployment=key.name,
            revision=revision,
            version=deployment["metadata"].get("annotations", {}).get(ANNOTATION_VERSION),
            endpoint=endpoint,
            template=template,
            rendered_by=self._renderer.version,
        )

    async def _recorded(self, model: SeenModelDeployment, found: SeenRelease) -> tuple[Attempt, ...]:
        """Return the attempts on record; whose own writes made the record as it is need not be read again."""
        known = self._attempts.get(model.key, {}).get(found.revision)
        if known is None or known.version != found.version:
            return await self._read(model, found)
        return known.attempts

    async def _read(self, model: SeenModelDeployment, found: SeenRelease) -> tuple[Attempt, ...]:
        namespace, name = model.key.namespace, found.identity.name
        try:
            document = await self._client.get(MODEL_RELEASE, namespace, name)
        except NotFoundError as error:
            raise Retry(f"the release of revision {found.revision} has just gone") from error
        self._remember(model.key, document)
        if int(document["metadata"]["resourceVersion"]) < found.version:  # what happened since would be undone
            raise Retry(f"ModelRelease {name} was read as it was before")
        return ModelReleaseStatus.model_validate(document.get("status", {})).attempts or ()

    async def _with(self, model: SeenModelDeployment, found: SeenRelease, attempt: Attempt) -> list[dict[str, Any]]:
        known = await self._recorded(model, found) if found.result else ()
        attempts = [*(each for each in known if each.number != attempt.number), attempt][-MAX_ATTEMPTS:]
        return [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in attempts]

    async def _write_status(self, model: SeenModelDeployment, found: SeenRelease, status: dict[str, Any]) -> None:
        try:
            document = await self._client.patch_status(MODEL_RELEASE, found, status)
        except (ConflictError, NotFoundError) as error:
            raise Retry(f"ModelRelease {found.identity.name} changed meanwhile") from error
        self._remember(model.key, document)

    def _find(self, model: SeenModelDeployment, revision: str) -> SeenRelease | None:
        identity = Identity(modelrelease.KIND, model.key.namespace, child_name(model.key.name, revision))
        found = self._cache.find(identity)
        if not isinstance(found, SeenRelease):
            return None
        check_owner(model, identity, found.deployment, found.controller)
        if found.deleting:
            raise Retry(f"{identity.kind} {identity.name} is being deleted", after=LEFTOVER_SECONDS)
        return found

    def _remember(self, key: Key, document: dict[str, Any]) -> ModelReleaseSpec:
        self._cache.put(seen_release(release_row(document)))
        text = json.dumps(document["spec"], separators=(",", ":")).encode()
        revision = document["spec"]["revision"]
        self._snapshots.setdefault(key, {})[revision] = text
        self._attempts.get(key, {}).pop(revision, None)
        if document.get("status", {}).get("result") in _OPEN:  # of the others, many and large, nobody asks
            status = ModelReleaseStatus.model_validate(document["status"])
            version = int(document["metadata"]["resourceVersion"])
            self._attempts.setdefault(key, {})[revision] = _Remembered(version, status.attempts or ())
        return ModelReleaseSpec.model_validate(document["spec"])


def releases_of(cache: Cache, model: SeenModelDeployment) -> list[SeenRelease]:
    """Return the records of a ModelDeployment, oldest first."""
    return [
        found
        for found in cache.releases(model.key)
        if not found.deleting
        and is_ours(model, found)
        and found.identity.name == child_name(model.key.name, found.revision)
    ]


def _drop(memory: dict[Key, dict[str, T]], key: Key, keep: frozenset[str]) -> None:
    kept = {revision: item for revision, item in memory.pop(key, {}).items() if revision in keep}
    if kept:
        memory[key] = kept


def _endpoint_of(template: dict[str, Any], service_ports: Iterable[dict[str, Any]]) -> ReleaseEndpoint | None:
    """Return the container port that a Service leads to; somebody may have added ports to it."""
    targets = [port.get("targetPort") for port in service_ports]
    if proxied := model_endpoint(template):
        return proxied if proxied.port in targets else None
    found = (
        ReleaseEndpoint(port=port["containerPort"], name=port.get("name"), container=container["name"])
        for container in template["spec"]["containers"]
        for port in container.get("ports", ())
        if port["containerPort"] in targets
    )
    return next(found, None)
