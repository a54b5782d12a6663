"""Which fields of a gateway ask for more than every controller can."""

import pytest

from serinus.api.gateway import Gateway
from serinus.api.gatewayfeatures import extended_features
from tests.api.samples import Json

PARENTS = [{"name": "public"}]


@pytest.mark.parametrize(
    ("given", "feature", "field"),
    [
        ({"matches": [{}, {"method": "POST"}]}, "HTTPRouteMethodMatching", "matches[1].method"),
        ({"matches": [{"queryParams": [{"name": "a"}]}]}, "HTTPRouteQueryParamMatching", "matches[0].queryParams"),
        ({"filters": [{"type": "RequestMirror"}]}, "HTTPRouteRequestMirror", "filters[0]"),
        ({"filters": [{"type": "CORS"}]}, "HTTPRouteCORS", "filters[0]"),
        ({"filters": [{"type": "ResponseHeaderModifier"}]}, "HTTPRouteResponseHeaderModification", "filters[0]"),
        (
            {"filters": [{"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath"}}}]},
            "HTTPRoutePathRewrite",
            "filters[0].urlRewrite.path",
        ),
        (
            {"filters": [{"type": "URLRewrite", "urlRewrite": {"hostname": "other"}}]},
            "HTTPRouteHostRewrite",
            "filters[0].urlRewrite.hostname",
        ),
        ({"timeouts": {"request": "1s"}}, "HTTPRouteRequestTimeout", "timeouts.request"),
        ({"timeouts": {"backendRequest": "1s"}}, "HTTPRouteBackendTimeout", "timeouts.backendRequest"),
    ],
)
def test_it_is_named_with_its_field(given: Json, feature: str, field: str) -> None:
    gateway = Gateway.model_validate({"parentRefs": PARENTS, **given})
    assert extended_features(gateway) == {feature: f"traffic.gateway.{field}"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"hostnames": ["fraud.example.com"], "matches": [{"path": {"value": "/v2"}, "headers": [{"name": "a"}]}]},
        {"filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["cookie"]}}]},
        {"filters": [{"type": "ExtensionRef"}]},
    ],
)
def test_what_every_controller_can_is_not(given: Json) -> None:
    assert extended_features(Gateway.model_validate({"parentRefs": PARENTS, **given})) == {}
