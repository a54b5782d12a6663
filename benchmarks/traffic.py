"""What the operator asks of the API server, from the API server's own metrics.

They carry no user, but they carry the FlowSchema of every request: each resource and kind of request of the operator's
user gets a FlowSchema of its own.
"""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import product
from typing import Final, NamedTuple

from serinus.cluster.resources import BY_KIND, EVENT, LEASE, Resource
from tests.cluster.api import Json
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually

ACTIONS: Final[dict[str, tuple[str, ...]]] = {
    "get": ("get",),
    "list": ("list",),
    "watch": ("watch",),
    "write": ("create", "update", "patch", "delete", "deletecollection"),
}
READS: Final = ("get", "list")
RIGHTS: Final = Resource("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews")
"""A question about our rights: a read, though its verb is create."""
OTHERS: Final = "others"
"""Every resource that is not the operator's business, and addresses that are no resource."""
DISPATCHED: Final = re.compile(
    r'^apiserver_flowcontrol_dispatched_requests_total\{flow_schema="bench\.(\w+)\.(\w+)".*\} (\S+)$', re.MULTILINE
)


class Asked(NamedTuple):
    """One kind of request."""

    action: str
    resource: str


class Traffic:
    """Counts the requests of one user."""

    def __init__(self, plane: ControlPlane, user: str) -> None:
        self._plane = plane
        for resource, (action, verbs) in product((*BY_KIND.values(), EVENT, LEASE, None), ACTIONS.items()):
            plane.api.apply(_flow_schema(user, action, verbs, resource))
        plane.api.apply(_flow_schema(user, "get", ("create",), RIGHTS))
        as_user = plane.api_as(user)
        before = self.count()

        def counted() -> bool:
            as_user.request("GET", LEASE.path("default"))
            return self.count()[Asked("list", LEASE.plural)] > before[Asked("list", LEASE.plural)]

        eventually(counted, 20, "the API server counts by FlowSchema")

    def count(self) -> Counter[Asked]:
        """Return how often each kind of request was made so far."""
        found = DISPATCHED.findall(self._plane.api.text("/metrics"))
        return Counter({Asked(action, resource): int(float(count)) for action, resource, count in found})


def total(counts: Counter[Asked], *actions: str) -> int:
    """Return the number of requests of some actions, but for the Lease."""
    return sum(count for asked, count in counts.items() if asked.action in actions and asked.resource != LEASE.plural)


def renewals(counts: Counter[Asked]) -> int:
    """Return the number of requests about the Lease."""
    return sum(count for asked, count in counts.items() if asked.resource == LEASE.plural)


def described(counts: Counter[Asked]) -> str:
    """Return the counts for people."""
    made = (f"{count} {asked.action} {asked.resource}" for asked, count in sorted(counts.items()) if count)
    return ", ".join(made) or "no request"


def _flow_schema(user: str, action: str, verbs: Iterable[str], resource: Resource | None) -> Json:
    rules: Json = {
        "resourceRules": [
            {
                "verbs": list(verbs),
                "apiGroups": [resource.group] if resource else ["*"],
                "resources": [resource.plural, f"{resource.plural}/status"] if resource else ["*"],
                "clusterScope": True,
                "namespaces": ["*"],
            }
        ]
    }
    if resource is None and action == "get":
        rules["nonResourceRules"] = [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
    return {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": f"bench.{action}.{resource.plural if resource else OTHERS}"},
        "spec": {
            "matchingPrecedence": 100 if resource else 200,
            "priorityLevelConfiguration": {"name": "workload-high"},
            "rules": [{"subjects": [{"kind": "User", "user": {"name": user}}], **rules}],
        },
    }
