"""What the operator asks of the API server, from the API server's own metrics.

They carry no user, but they carry the FlowSchema of every request: each resource and kind of request of the operator's
user gets a FlowSchema of its own.
"""

import re
import time
from collections import Counter
from collections.abc import Collection, Iterable
from itertools import product
from typing import Final, NamedTuple

from serinus.cluster.resources import BY_KIND, EVENT, LEASE, MODEL_DEPLOYMENT, MODEL_RELEASE, Resource
from tests.cluster.api import Json
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.parts.progress import step

ACTIONS: Final[dict[str, tuple[str, ...]]] = {
    "get": ("get",),
    "list": ("list",),
    "watch": ("watch",),
    "create": ("create",),
    "update": ("update",),
    "patch": ("patch",),
    "delete": ("delete", "deletecollection"),
}
READS: Final = ("get", "list")
WRITES: Final = ("create", "update", "patch", "delete")
ALL: Final = tuple(ACTIONS)
RIGHTS: Final = Resource("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews")
"""A question about our rights: a read, though its verb is create."""
STATUS: Final = "/status"
OTHERS: Final = "others"
"""Every resource that is not the operator's business, and addresses that are no resource."""
DISPATCHED: Final = re.compile(
    r'^apiserver_flowcontrol_dispatched_requests_total\{flow_schema="bench\.(\w+)\.([\w.]+)".*\} (\S+)$', re.MULTILINE
)


class Asked(NamedTuple):
    """One kind of request."""

    action: str
    resource: str
    """The kind in the plural; of our own kinds the status is counted apart, as `modelreleases/status`."""


class Traffic:
    """Counts the requests of one user."""

    def __init__(self, plane: ControlPlane, user: str) -> None:
        self._plane = plane
        for resource, (action, verbs) in product((*BY_KIND.values(), EVENT, LEASE, None), ACTIONS.items()):
            plane.api.apply(_flow_schema(user, action, verbs, resource))
        for resource in (MODEL_DEPLOYMENT, MODEL_RELEASE):
            plane.api.apply(_flow_schema(user, "patch", ("patch",), resource, STATUS))
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
        return Counter({Asked(action, path.replace(".", "/")): int(float(count)) for action, path, count in found})

    def count_for(self, seconds: float) -> Counter[Asked]:
        """Return how often each kind of request is made within some seconds from now."""
        before = self.count()
        time.sleep(seconds)
        asked = self.count() - before
        step(f"asked: {described(asked)}")
        return asked


def total(counts: Counter[Asked], *actions: str, but_for: Collection[Resource] = ()) -> int:
    """Return the number of requests of some actions, but for those about the Lease and whatever else is named."""
    left_out = {LEASE.plural, *(resource.plural for resource in but_for)}
    return sum(count for asked, count in counts.items() if asked.action in actions and asked.resource not in left_out)


def renewals(counts: Counter[Asked]) -> int:
    """Return the number of requests about the Lease."""
    return sum(count for asked, count in counts.items() if asked.resource == LEASE.plural)


def described(counts: Counter[Asked]) -> str:
    """Return the counts for people."""
    made = (f"{count} {asked.action} {asked.resource}" for asked, count in sorted(counts.items()) if count)
    return ", ".join(made) or "no request"


def _flow_schema(user: str, action: str, verbs: Iterable[str], resource: Resource | None, part: str = "") -> Json:
    path = resource.plural + part if resource else OTHERS
    rules: Json = {
        "resourceRules": [
            {
                "verbs": list(verbs),
                "apiGroups": [resource.group] if resource else ["*"],
                "resources": [path] if resource else ["*"],
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
        "metadata": {"name": f"bench.{action}.{path.replace('/', '.')}"},
        "spec": {
            "matchingPrecedence": 100 if resource else 200,
            "priorityLevelConfiguration": {"name": "workload-high"},
            "rules": [{"subjects": [{"kind": "User", "user": {"name": user}}], **rules}],
        },
    }
