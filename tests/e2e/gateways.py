"""A Gateway as tests play it: its definitions, and what its controller says of a model's HTTPRoute."""

import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

from serinus.api.names import LABEL_DEPLOYMENT
from tests.cluster.addons import apply_definitions
from tests.cluster.api import Api, ApiError, Json
from tests.cluster.eventually import NotYetError, eventually
from tests.cluster.parts import ensure
from tests.e2e.models import SECONDS, Model

API_VERSION: Final = "gateway.networking.k8s.io/v1"
DEFINITION: Final = "httproutes.gateway.networking.k8s.io"
PARENT: Final[Json] = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public", "namespace": "infra"}
GATEWAY: Final[Json] = {
    "parentRefs": [{"name": "public", "namespace": "infra"}],
    "hostnames": ["fraud.example.com"],
}
TRAFFIC: Final[Json] = {"gateway": GATEWAY}


def install(api: Api) -> None:
    """Put Gateway API's definitions into the cluster."""
    for file in sorted(ensure("gateway-api").glob("*.yaml")):
        apply_definitions(api, file)
    eventually(lambda: _served(api), SECONDS, "the API server serves HTTPRoutes")


def uninstall(api: Api) -> None:
    """Take the definition of HTTPRoute away, if it is there, and every route with it."""
    api.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", DEFINITION)
    eventually(lambda: not _is_served(api), SECONDS, "the API server serves no HTTPRoute")


def route_of(model: Model) -> Json | None:
    """The HTTPRoute of a model."""
    return model.api.read(API_VERSION, "HTTPRoute", model.name, model.namespace)


def weights(model: Model) -> dict[str, int] | None:
    """What each revision holds of the requests that are split."""
    route = route_of(model)
    return route and weights_of(model.name, route)


def weights_of(name: str, route: Json) -> dict[str, int]:
    """What each revision holds in a route as it was at some time."""
    backends = route["spec"]["rules"][-1]["backendRefs"]
    return {backend["name"].removeprefix(f"{name}-"): backend["weight"] for backend in backends}


def stamp(route: Json) -> str | None:
    """What the requests are marked with that are split."""
    (modifier,) = (each["requestHeaderModifier"] for each in route["spec"]["rules"][-1]["filters"])
    return next((header["value"] for header in modifier.get("set", ())), None)


def splits(model: Model, wanted: dict[str, int] | None) -> None:
    """Wait until the route has exactly these backends with these weights; None is no route."""

    def same() -> bool:
        assert weights(model) == wanted, weights(model)
        return True

    eventually(same, SECONDS, f"the route of {model.name} says {wanted}")


def answer(model: Model, *, accepted: bool = True, reason: str = "Accepted", message: str = "") -> None:
    """Say what a parent says of the route as it stands."""
    route = route_of(model)
    assert route, "no route"
    _say(model.api, route, accepted=accepted, reason=reason, message=message)


@dataclass
class Parent:
    """A Gateway whose controller accepts each change of a model's route at once, until it is told to be silent.

    Or a mesh, where the parent is a Service.
    """

    model: Model
    reference: Json = field(default_factory=lambda: PARENT)
    every: float = 0.02
    """How often it looks at the route, in seconds."""
    seen: list[Json] = field(default_factory=list)
    """Each state of the route that it accepted."""
    _ends: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._ends.clear()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._ends.set()
        assert self._thread
        self._thread.join()

    def splits(self) -> list[dict[str, int]]:
        """The weights that it was told, one after the other."""
        return [weights_of(self.model.name, route) for route in self.seen]

    def _run(self) -> None:
        known = None
        while not self._ends.wait(self.every):
            route = route_of(self.model)
            if route and (state := (route["metadata"]["uid"], route["metadata"]["generation"])) != known:
                known = state
                self.seen.append(route)
                self._accept(route)

    def _accept(self, route: Json) -> None:
        try:
            _say(self.model.api, route, parent=self.reference)
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:  # it went a moment ago
                raise


def _say(
    api: Api,
    route: Json,
    *,
    parent: Json = PARENT,
    accepted: bool = True,
    reason: str = "Accepted",
    message: str = "",
) -> None:
    def condition(kind: str, status: str, why: str) -> Json:
        return {
            "type": kind,
            "status": status,
            "reason": why,
            "message": message,
            "observedGeneration": route["metadata"]["generation"],
            "lastTransitionTime": "2026-11-21T12:00:00Z",
        }

    conditions = [
        condition("Accepted", "True" if accepted else "False", reason),
        condition("ResolvedRefs", "True", "ResolvedRefs"),
    ]
    entry = {"parentRef": parent, "controllerName": "example.com/gateway", "conditions": conditions}
    name, namespace = route["metadata"]["name"], route["metadata"]["namespace"]
    api.patch(API_VERSION, "HTTPRoute", name, {"status": {"parents": [entry]}}, namespace, part="status")


def _served(api: Api) -> bool:
    if not _is_served(api):
        raise NotYetError("HTTPRoute")
    return True


def _is_served(api: Api) -> bool:
    try:
        api.request("GET", f"/apis/{API_VERSION}/httproutes", query={"labelSelector": LABEL_DEPLOYMENT})
    except ApiError:
        return False
    return True
