"""The resources the operator works with, and their addresses. Used by the client, the cache and the watches."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from serinus.api import modeldeployment, modelrelease
from serinus.api.names import API_VERSION


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of namespaced object and where the API server keeps it."""

    api_version: str
    kind: str
    plural: str

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """Return the path of a collection (of all namespaces, or of one), an object or a part of an object."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        scope = f"/namespaces/{quote(namespace)}" if namespace else ""
        tail = "".join(f"/{quote(part)}" for part in (name, subresource) if part)
        return f"{root}{scope}/{self.plural}{tail}"

    @property
    def group(self) -> str:
        """The API group, empty for the core."""
        return self.api_version.rpartition("/")[0]


MODEL_DEPLOYMENT: Final = Resource(API_VERSION, modeldeployment.KIND, modeldeployment.PLURAL)
MODEL_RELEASE: Final = Resource(API_VERSION, modelrelease.KIND, modelrelease.PLURAL)
DEPLOYMENT: Final = Resource("apps/v1", "Deployment", "deployments")
SERVICE: Final = Resource("v1", "Service", "services")
AUTOSCALER: Final = Resource("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
DISRUPTION_BUDGET: Final = Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
HTTP_ROUTE: Final = Resource("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
GATEWAY_CLASS: Final = Resource("gateway.networking.k8s.io/v1", "GatewayClass", "gatewayclasses")
POD: Final = Resource("v1", "Pod", "pods")
SECRET: Final = Resource("v1", "Secret", "secrets")
NAMESPACE: Final = Resource("v1", "Namespace", "namespaces")
EVENT: Final = Resource("events.k8s.io/v1", "Event", "events")
LEASE: Final = Resource("coordination.k8s.io/v1", "Lease", "leases")

CHILDREN: Final = (DEPLOYMENT, SERVICE, AUTOSCALER, DISRUPTION_BUDGET)
"""What a revision consists of, in the order in which it is made and the reverse of which it goes."""

OPTIONAL: Final = frozenset({HTTP_ROUTE})
"""What a cluster may be without, and get later."""

BY_KIND: Final = {resource.kind: resource for resource in (*CHILDREN, HTTP_ROUTE, MODEL_DEPLOYMENT, MODEL_RELEASE, POD)}
