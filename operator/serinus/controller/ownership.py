"""Whose an object is. Asked by everything that counts, writes or deletes what belongs to a ModelDeployment."""

from typing import Final

from serinus.api import modeldeployment
from serinus.api.reasons import Reason
from serinus.cluster.cache import Cache
from serinus.cluster.client import Client
from serinus.cluster.errors import ForbiddenError, InvalidError, NotFoundError, Refused, Retry, ServerError
from serinus.cluster.objects import Controller, Identity, SeenChild, SeenModelDeployment, SeenRelease
from serinus.cluster.resources import MODEL_DEPLOYMENT

LEFTOVER_SECONDS: Final = 1.0
"""When to look again for the garbage collector to have removed what a deleted namesake left."""


def is_ours(model: SeenModelDeployment, item: SeenChild | SeenRelease) -> bool:
    """Return whether an object belongs to this very ModelDeployment, or has lost its owner and may be adopted."""
    return _may_be_ours(model, item.deployment, item.controller)


def check_owner(
    model: SeenModelDeployment, identity: Identity, label: str | None, controller: Controller | None
) -> None:
    """Pass what is ours or was ours and lost its owner; wait for what a namesake left; refuse everything else."""
    if _may_be_ours(model, label, controller):
        return
    if controller and controller.kind == modeldeployment.KIND and controller.name == model.key.name:
        raise Retry(f"{identity.kind} {identity.name} belongs to a deleted namesake", after=LEFTOVER_SECONDS)
    whose = f"belongs to {controller.kind} {controller.name}" if controller else "was made by somebody else"
    raise Refused(
        Reason.NAME_CONFLICT,
        f"{identity.kind} {identity.name} {whose} and is left untouched: "
        "delete it, or give this ModelDeployment another name",
    )


def check_claims(cache: Cache, model: SeenModelDeployment) -> None:
    """Pass whoever wants at a Gateway what nobody older wants in its namespace."""
    if not model.claims:
        return
    for other in cache.of_kind(MODEL_DEPLOYMENT.kind):
        if not isinstance(other, SeenModelDeployment) or other.key.namespace != model.key.namespace or other.deleting:
            continue
        both = other.claims & model.claims
        if both and (other.created, other.uid) < (model.created, model.uid):
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


def _may_be_ours(model: SeenModelDeployment, label: str | None, controller: Controller | None) -> bool:
    return controller.uid == model.uid if controller else label == model.key.name
