"""Asks at the start whether we have every right we shall need, to say what is missing before a rollout finds out."""

from typing import Final

from serinus.cluster.client import Client
from serinus.cluster.resources import (
    CHILDREN,
    EVENT,
    GATEWAY_CLASS,
    HTTP_ROUTE,
    MODEL_DEPLOYMENT,
    MODEL_RELEASE,
    NAMESPACE,
    POD,
    SECRET,
    Resource,
)

_REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_READ: Final = ("get", "list", "watch")
_WRITE: Final = ("create", "patch", "delete")

_NEEDED: Final[tuple[tuple[Resource, str, tuple[str, ...]], ...]] = (
    (MODEL_DEPLOYMENT, "", _READ),
    (MODEL_DEPLOYMENT, "status", ("patch",)),
    (MODEL_RELEASE, "", (*_READ, *_WRITE)),
    (MODEL_RELEASE, "status", ("patch",)),
    *((resource, "", (*_READ, *_WRITE)) for resource in (*CHILDREN, HTTP_ROUTE)),
    (GATEWAY_CLASS, "", ("get", "list")),
    (POD, "", ("list", "watch")),
    (SECRET, "", ("create",)),
    (NAMESPACE, "", ("get",)),
    (EVENT, "", ("get", "create", "patch")),
)


async def missing_rights(client: Client) -> list[str]:
    """Return the rights we lack, in words an administrator can act on."""
    questions = [(resource, part, verb) for resource, part, verbs in _NEEDED for verb in verbs]
    # One after the other: together they would open as many connections, and a connection takes memory for good.
    return [_named(*question) for question in questions if not await _allowed(client, *question)]


def _named(resource: Resource, part: str, verb: str) -> str:
    what = f"{resource.plural}/{part}" if part else resource.plural
    return f"{verb} {what}" + (f" of group {resource.group}" if resource.group else "")


async def _allowed(client: Client, resource: Resource, part: str, verb: str) -> bool:
    attributes = {"group": resource.group, "resource": resource.plural, "subresource": part, "verb": verb}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = await client.unfenced("POST", _REVIEWS, review)
    return bool(answer["status"]["allowed"])
