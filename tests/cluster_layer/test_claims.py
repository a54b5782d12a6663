"""What two ModelDeployments want at a Gateway, and whether that is the same."""

import pytest

from serinus.cluster.claims import claims_of
from tests.cluster_layer.documents import Json

BASE: Json = {"parentRefs": [{"name": "public"}], "hostnames": ["fraud.example.com"]}
FULL_PARENT = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "risk", "name": "public"}


def both_want(one: Json, other: Json) -> bool:
    return bool(
        claims_of("risk", {"traffic": {"gateway": one}})
        & claims_of("risk", {"traffic": {"gateway": {**BASE, **other}}})
    )


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"parentRefs": [{"name": "private"}, FULL_PARENT]},
        {"hostnames": ["ledger.example.com", "fraud.example.com"]},
        {"matches": [{"path": {"value": "/v2"}}, {"path": {"value": "/"}}]},
        {"matches": [{"path": {"type": "PathPrefix"}}]},
    ],
)
def test_the_same_is_wanted_twice(other: Json) -> None:
    assert both_want(BASE, other)


@pytest.mark.parametrize(
    "other",
    [
        {"parentRefs": [{"name": "private"}]},
        {"parentRefs": [{**FULL_PARENT, "namespace": "infra"}]},
        {"hostnames": ["ledger.example.com"]},
        {"matches": [{"path": {"value": "/v2"}}]},
        {"matches": [{"headers": [{"name": "x-tenant", "value": "a"}]}]},
    ],
)
def test_what_differs_is_no_conflict(other: Json) -> None:
    assert not both_want(BASE, other)


def test_without_a_gateway_nothing_is_wanted() -> None:
    assert claims_of("risk", {}) == claims_of("risk", {"traffic": {}}) == frozenset()
