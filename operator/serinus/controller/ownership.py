"""Whose an object is. Asked by everything that counts, writes or deletes what belongs to a ModelDeployment."""

from typing import Final

from serinus.api import modeldeployment
from serinus.api.reasons import Reason
from serinus.cluster.errors import Refused, Retry
from serinus.cluster.objects import Controller, Identity, SeenChild, SeenModelDeployment, SeenRelease

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


def _may_be_ours(model: SeenModelDeployment, label: str | None, controller: Controller | None) -> bool:
    return controller.uid == model.uid if controller else label == model.key.name
