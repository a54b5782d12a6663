"""The HTTPRoute at the model's hostnames, from what the user wrote and the split that was decided."""

from typing import Any, Final

from serinus.api.gateway import HEADER_MODIFIER, SPLIT_HEADER, CanaryHeader, Gateway
from serinus.api.names import child_name
from serinus.render.children import SERVICE_PORT, Manifest, Owner, _owned
from serinus.rollout.split import Split

ROUTE_API_VERSION: Final = "gateway.networking.k8s.io/v1"
ROUTE_KIND: Final = "HTTPRoute"

REQUEST_HEADERS: Final = "requestHeaderModifier"

Json = dict[str, Any]

_DEFAULTS: Final[Json] = {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "filters": []}


def http_route(owner: Owner, gateway: Gateway, split: Split) -> Manifest:
    """Return the HTTPRoute `<name>`.

    Its rules have no names: Gateway API has those since 1.4, and an older one refuses a server-side apply with them.
    """
    given = _DEFAULTS | gateway.model_dump(mode="json", by_alias=True, exclude_none=True)
    pinned = [_pinned(owner, given, split.canary.revision)] if split.canary else []
    return _owned(owner, ROUTE_API_VERSION, ROUTE_KIND, None) | {
        "spec": {**_part(given, "parentRefs", "hostnames"), "rules": [*pinned, _weighted(owner, given, split)]}
    }


def gateway_of(route: Manifest, canary_header: CanaryHeader) -> Gateway:
    """Return what a route of ours was rendered from, but for the header, which only a route with a canary tells."""
    weighted = route["spec"]["rules"][-1]
    given = _part(route["spec"], "parentRefs", "hostnames") | _part(weighted, "matches", "timeouts")
    filters = [kept for each in weighted.get("filters", ()) if (kept := _unstamped(each))]
    return Gateway.model_validate(given | {"filters": filters, "canaryHeader": canary_header})


def _pinned(owner: Owner, given: Json, canary: str) -> Json:
    """Lead those who ask for the canary to it, whatever its weight. They do not count: nobody drew them by lot.

    A match with one more header goes before its twin without, in whatever order the rules stand:
    https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
    """
    header = given["canaryHeader"]
    matches = [{**match, "headers": [*match.get("headers", ()), header]} for match in given["matches"]]
    return _rule(owner, given | {"matches": matches}, {canary: 100}, stamp=None)


def _weighted(owner: Owner, given: Json, split: Split) -> Json:
    return _rule(owner, given, split.weights, split.stamp)


def _rule(owner: Owner, given: Json, weights: dict[str, int], stamp: str | None) -> Json:
    return {
        **_part(given, "matches", "timeouts"),
        "filters": _stamping(given["filters"], stamp),
        "backendRefs": [
            {"name": child_name(owner.name, revision), "port": SERVICE_PORT, "weight": weight}
            for revision, weight in weights.items()
        ],
    }


def _stamping(filters: list[Json], stamp: str | None) -> list[Json]:
    """Write the stamp, or nothing, in the place of what the client sent; in the user's filter, as only one may be."""
    ours = {"set": [{"name": SPLIT_HEADER, "value": stamp}]} if stamp else {"remove": [SPLIT_HEADER]}
    if not any(each["type"] == HEADER_MODIFIER for each in filters):
        return [_joined({"type": HEADER_MODIFIER}, ours), *filters]
    return [_joined(each, ours) if each["type"] == HEADER_MODIFIER else each for each in filters]


def _unstamped(given: Json) -> Json | None:
    """Return a filter as it was before the stamp came into it; None where it was not there."""
    if given["type"] != HEADER_MODIFIER:
        return given
    changes: Json = given[REQUEST_HEADERS]
    kept: Json = {
        "set": [header for header in changes.get("set", ()) if header["name"] != SPLIT_HEADER],
        "add": changes.get("add", []),
        "remove": [name for name in changes.get("remove", ()) if name != SPLIT_HEADER],
    }
    kept = {change: headers for change, headers in kept.items() if headers}
    return {**given, REQUEST_HEADERS: kept} if kept else None


def _joined(modifier: Json, ours: Json) -> Json:
    theirs = modifier.get(REQUEST_HEADERS, {})
    both = theirs | {change: [*theirs.get(change, ()), *headers] for change, headers in ours.items()}
    return modifier | {REQUEST_HEADERS: both}


def _part(given: Json, *fields: str) -> Json:
    return {field: given[field] for field in fields if field in given}
