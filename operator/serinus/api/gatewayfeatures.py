"""Which extended features of Gateway API a `traffic.gateway` asks for: not every controller has them.

The names are those of https://gateway-api.sigs.k8s.io/reference/spec/ in a GatewayClass's `status.supportedFeatures`.
"""

from typing import Any, Final

from serinus.api.gateway import Gateway

_FILTERS: Final = {
    "RequestMirror": "HTTPRouteRequestMirror",
    "ResponseHeaderModifier": "HTTPRouteResponseHeaderModification",
    "CORS": "HTTPRouteCORS",
}
_MATCHES: Final = {"method": "HTTPRouteMethodMatching", "queryParams": "HTTPRouteQueryParamMatching"}
_REWRITES: Final = {"path": "HTTPRoutePathRewrite", "hostname": "HTTPRouteHostRewrite"}
_TIMEOUTS: Final = {"request": "HTTPRouteRequestTimeout", "backendRequest": "HTTPRouteBackendTimeout"}


def extended_features(gateway: Gateway) -> dict[str, str]:
    """Return the features that are asked for, each with the field that does."""
    given: dict[str, Any] = gateway.model_dump(mode="json", by_alias=True, exclude_none=True)
    asked = [
        *(
            (_MATCHES[part], f"matches[{index}].{part}")
            for index, match in enumerate(given.get("matches", ()))
            for part in match.keys() & _MATCHES
        ),
        *(
            (_FILTERS[each["type"]], f"filters[{index}]")
            for index, each in enumerate(given.get("filters", ()))
            if each["type"] in _FILTERS
        ),
        *(
            (_REWRITES[part], f"filters[{index}].urlRewrite.{part}")
            for index, each in enumerate(given.get("filters", ()))
            for part in each.get("urlRewrite", {}).keys() & _REWRITES
        ),
        *((_TIMEOUTS[part], f"timeouts.{part}") for part in given.get("timeouts", {})),
    ]
    return {feature: f"traffic.gateway.{field}" for feature, field in sorted(asked)}
