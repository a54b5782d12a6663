"""Whose an object is. Asked by everything that counts, writes or deletes what belongs to a ModelDeployment."""

import json
from typing import Any, Final

from serinus.api import modeldeployment
from serinus.api.names import ANNOTATION_BEFORE, ANNOTATION_CONSENT, LABEL_DEPLOYMENT
from serinus.api.reasons import Reason
from serinus.cluster.cache import Cache
from serinus.cluster.client import Client
from serinus.cluster.errors import ForbiddenError, InvalidError, NotFoundError, Refused, Retry, ServerError
from serinus.cluster.objects import Controller, Identity, SeenChild, SeenModelDeployment, SeenRelease, controller_of
from serinus.cluster.resources import MODEL_DEPLOYMENT

LEFTOVER_SECONDS: Final = 1.0
"""When to look again for the garbage collector to have removed what a deleted namesake left."""

_SOMEBODYS: Final = "was made by somebody else"
_INSTEAD: Final = "delete it, or give this ModelDeployment another name"


def is_ours(model: SeenModelDeployment, item: SeenChild | SeenRelease) -> bool:
    """Return whether an object belongs to this very ModelDeployment, or has lost its owner and may be adopted."""
    return _may_be_ours(model, item.deployment, item.controller)


def is_own(model: SeenModelDeployment, metadata: dict[str, Any]) -> bool:
    """Return whether an object as the server has it is this ModelDeployment's, and was never a user's."""
    owner = controller_of(metadata)
    label = metadata.get("labels", {}).get(LABEL_DEPLOYMENT)
    taken_over = owner is None and ANNOTATION_BEFORE in metadata.get("annotations", {})
    return _may_be_ours(model, label, owner) and not taken_over


def is_taken_over(service: SeenChild) -> bool:
    """Return whether a Service was a user's: it has no owner, since it is to stay when the ModelDeployment goes."""
    return service.before is not None and service.controller is None


def check_consent(model: SeenModelDeployment, identity: Identity, service: dict[str, Any]) -> None:
    """Pass a Service of the user's that may be taken over, or was; refuse every other, and say what would help."""
    metadata = service["metadata"]
    annotations, owner = metadata.get("annotations", {}), controller_of(metadata)
    if owner:
        check_owner(model, identity, None, owner)
    elif ANNOTATION_BEFORE not in annotations:
        _check_consent(model.key.name, identity, annotations.get(ANNOTATION_CONSENT), _why_unfit(service["spec"]))


def check_owner(
    model: SeenModelDeployment, identity: Identity, label: str | None, controller: Controller | None
) -> None:
    """Pass what is ours or was ours and lost its owner; wait for what a namesake left; refuse everything else."""
    if _may_be_ours(model, label, controller):
        return
    if controller and controller.kind == modeldeployment.KIND and controller.name == model.key.name:
        raise Retry(f"{identity.kind} {identity.name} belongs to a deleted namesake", after=LEFTOVER_SECONDS)
    whose = f"belongs to {controller.kind} {controller.name}" if controller else _SOMEBODYS
    raise _left_untouched(identity, whose, _INSTEAD)


def check_claims(cache: Cache, model: SeenModelDeployment) -> None:
    """Pass whoever wants at a Gateway what nobody older wants in its namespace."""
    if not model.claims:
        return
    for other in cache.of_kind(MODEL_DEPLOYMENT.kind):
        if not isinstance(other, SeenModelDeployment) or other.key.namespace != model.key.namespace or other.deleting:
            continue
        both = other.claims & model.claims
        if both and (other.created, other.key) < (model.created, model.key):  # times are whole seconds
            raise Refused(
                Reason.HOSTNAME_CONFLICT,
                f"ModelDeployment {other.key.name} is older and has {min(map(str, both))} with the same matches: "
                "change hostnames or matches in traffic.gateway of one of them",
            )


def refused(identity: Identity, error: InvalidError | ForbiddenError | ServerError) -> Refused:
    """Return what to tell a person whose object the API server does not take: for good, or for now."""
    reason = Reason.RENDER_FAILED if isinstance(error, InvalidError) else Reason.REQUEST_REFUSED
    return Refused(reason, f"the API server refuses {identity.kind} {identity.name}: {error.message}")


async def check_still_there(client: Client, model: SeenModelDeployment) -> None:
    """Ask the server, before an orphan is adopted, whether its ModelDeployment stays.

    `kubectl delete --cascade=orphan` makes orphans on purpose, and news of them may come before news of the deletion.
    """
    try:
        document = await client.get(MODEL_DEPLOYMENT, model.key.namespace, model.key.name)
    except NotFoundError as error:
        raise Retry("the ModelDeployment is gone") from error
    metadata = document["metadata"]
    if metadata["uid"] != model.uid or "deletionTimestamp" in metadata:
        raise Retry("the ModelDeployment is going")


async def check_not_gone(client: Client, model: SeenModelDeployment, revision: str | None) -> None:
    """Ask the same before something is made that was there once: news of what goes with it may come before its own.

    What has no revision stands at the model's own name, and was there if any revision was.
    """
    told = json.loads(model.status)
    shown = {told[part]["revision"] for part in ("stable", "canary") if part in told}
    if revision in shown or (shown and revision is None):
        await check_still_there(client, model)


def _check_consent(name: str, identity: Identity, consent: str | None, unfit: str | None) -> None:
    if consent is None:
        annotate = f"annotate it with {ANNOTATION_CONSENT}: {name} to have it taken over once the model is ready"
        raise _left_untouched(identity, _SOMEBODYS, _INSTEAD if unfit else f"{_INSTEAD}, or {annotate}")
    if consent != name:
        says = f"it lets itself be taken over by {consent}: set {ANNOTATION_CONSENT} to {name}, {_INSTEAD}"
        raise _left_untouched(identity, _SOMEBODYS, says)
    if unfit:
        raise _left_untouched(identity, _SOMEBODYS, f"{unfit}, so it cannot be taken over: {_INSTEAD}")


def _left_untouched(identity: Identity, whose: str, what_to_do: str) -> Refused:
    return Refused(Reason.NAME_CONFLICT, f"{identity.kind} {identity.name} {whose} and is left untouched: {what_to_do}")


def _why_unfit(spec: dict[str, Any]) -> str | None:
    """Return why a Service cannot lead to a model's pods in the place of others."""
    if spec.get("type") == "ExternalName":
        return "it is of type ExternalName, which leads to a name rather than to pods"
    if spec.get("clusterIP") == "None":
        return "it is headless (clusterIP: None), so its callers know the pods themselves"
    if not spec.get("selector"):
        return "it has no selector, so somebody else keeps its endpoints"
    return None


def _may_be_ours(model: SeenModelDeployment, label: str | None, controller: Controller | None) -> bool:
    return controller.uid == model.uid if controller else label == model.key.name
