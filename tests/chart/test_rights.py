"""What operator and users may do, as the API server says when the chart's roles are in it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, cast

import pytest

from serinus.controller.rights import missing_rights
from tests.chart.rendering import Objects
from tests.cluster.api import Api, Json
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.install import NAMESPACE

if TYPE_CHECKING:
    from serinus.cluster.client import Client

READ: Final = {"get", "list", "watch"}
KEEP: Final = READ | {"create", "patch", "delete"}

EVERYWHERE: Final[dict[str, set[str]]] = {
    "serinus.dev/modeldeployments": READ,
    "serinus.dev/modeldeployments/status": {"patch"},
    "serinus.dev/modeldeployments/finalizers": {"update"},
    "serinus.dev/modelreleases": KEEP,
    "serinus.dev/modelreleases/status": {"patch"},
    "apps/deployments": KEEP,
    "/services": KEEP,
    "autoscaling/horizontalpodautoscalers": KEEP,
    "policy/poddisruptionbudgets": KEEP,
    "gateway.networking.k8s.io/httproutes": KEEP,
    "gateway.networking.k8s.io/gatewayclasses": {"get", "list"},
    "/pods": {"list", "watch"},
    "/secrets": {"create"},
    "/namespaces": {"get"},
    "events.k8s.io/events": {"get", "create", "patch"},
    "apiextensions.k8s.io/customresourcedefinitions": {"list", "watch"},
}
IN_ITS_OWN_NAMESPACE: Final[dict[str, set[str]]] = {
    "coordination.k8s.io/leases": {"create"},
    "coordination.k8s.io/leases/serinus-operator": {"get", "update"},
    "/secrets": {"create"},
    "/secrets/serinus-master-key": {"get"},
}
OF_EVERYBODY: Final = ("authentication.k8s.io", "authorization.k8s.io")
"""Groups by which anybody may ask who they are and what they may do."""
SERINUS: Final = "serinus.dev/"


@pytest.fixture(scope="module")
def installed(default: Objects, control_plane: ControlPlane) -> Iterator[Api]:
    """A control plane with the chart's roles and accounts."""
    api = control_plane.api
    ours = [
        item
        for item in default.items
        if item["kind"].endswith(("Role", "RoleBinding")) or item["kind"] == "ServiceAccount"
    ]
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for item in ours:
        api.apply(item)
    yield api
    for item in ours:
        api.delete(item["apiVersion"], item["kind"], item["metadata"]["name"], item["metadata"].get("namespace"))


def as_account(api: Api, namespace: str, name: str) -> Api:
    """The same API server, as a service account."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    answer = api.request("POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
    return Api(api.server, token=answer["status"]["token"], authority=api.authority)


def rights_of(account: Api, namespace: str) -> dict[str, set[str]]:
    """Every right of an account in a namespace, but for those that everybody has."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    answer = account.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", review)
    found: dict[str, set[str]] = {}
    for rule in answer["status"]["resourceRules"]:
        for group in rule["apiGroups"]:
            if group in OF_EVERYBODY:
                continue
            for resource in rule["resources"]:
                for name in rule.get("resourceNames") or [""]:
                    found.setdefault(f"{group}/{resource}" + (f"/{name}" if name else ""), set()).update(rule["verbs"])
    return found


def test_the_operator_may_do_what_it_needs_and_nothing_more(installed: Api) -> None:
    assert rights_of(as_account(installed, NAMESPACE, "serinus"), "default") == EVERYWHERE


def test_in_its_own_namespace_it_may_hold_its_lease(installed: Api) -> None:
    everything = rights_of(as_account(installed, NAMESPACE, "serinus"), NAMESPACE)
    assert everything == EVERYWHERE | IN_ITS_OWN_NAMESPACE


async def test_the_operator_itself_misses_no_right(installed: Api) -> None:
    operator = as_account(installed, NAMESPACE, "serinus")
    stranger = as_account(installed, NAMESPACE, "default")
    assert await missing_rights(cast("Client", Asking(operator))) == []
    assert "watch modeldeployments of group serinus.dev" in await missing_rights(cast("Client", Asking(stranger)))


class Asking:
    """The one part of the operator's client that its question about its rights needs."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def unfenced(self, method: str, path: str, body: Json) -> Json:
        return self.api.request(method, path, body)


@pytest.mark.parametrize("role", ["view", "edit", "admin"])
def test_users_may_do_with_models_what_they_may_do_in_their_namespace(
    installed: Api, namespace: str, role: str
) -> None:
    installed.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "user", "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
        }
    )

    user = as_account(installed, namespace, "default")

    def of_serinus() -> dict[str, set[str]]:
        found = rights_of(user, namespace)
        return {name.removeprefix(SERINUS): verbs for name, verbs in found.items() if name.startswith(SERINUS)}

    edits = role != "view"
    wanted = {
        "modeldeployments": READ | ({"create", "update", "patch", "delete", "deletecollection"} if edits else set()),
        "modeldeployments/scale": READ | ({"update", "patch"} if edits else set()),
        "modeldeployments/status": READ,
        "modelreleases": READ,
        "modelreleases/status": READ,
    }
    eventually(lambda: of_serinus() == wanted, 20, "the roles are aggregated")
    assert of_serinus() == wanted
