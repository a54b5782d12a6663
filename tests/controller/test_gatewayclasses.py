"""What controllers can do, as their classes say."""

from datetime import UTC, datetime, timedelta

import pytest

from serinus.api.gateway import Gateway
from serinus.cluster.errors import ForbiddenError
from serinus.controller.gatewayclasses import FRESH_SECONDS, GatewayClasses
from tests.controller.fake_client import Document, FakeClient

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
CONTROLLER = "example.com/gateway"
LIMITED = Gateway.model_validate({"parentRefs": [{"name": "public"}], "timeouts": {"request": "10s"}})
FEATURE = "HTTPRouteRequestTimeout"
COMPLAINT = (
    "spec.traffic.gateway.timeouts.request needs HTTPRouteRequestTimeout, which no GatewayClass of controller "
    "example.com/gateway lists in status.supportedFeatures: take it out, or name a parent of another class"
)


def gateway_class(*features: object, controller: str = CONTROLLER) -> Document:
    return {"spec": {"controllerName": controller}, "status": {"supportedFeatures": features}}


def client(*classes: Document | Exception) -> FakeClient:
    fake = FakeClient()
    fake.collections["GatewayClass"] = [
        each if isinstance(each, Exception) else {"metadata": {}, "items": [each]} for each in classes
    ]
    return fake


@pytest.mark.parametrize("listed", [FEATURE, {"name": FEATURE}], ids=["word", "object"])
async def test_what_one_of_its_classes_lists_is_no_complaint(listed: object) -> None:
    classes = GatewayClasses(client(gateway_class(), gateway_class(listed)))
    assert await classes.complaint(LIMITED, (CONTROLLER,), NOW) is None


@pytest.mark.parametrize(
    "found",
    [
        gateway_class("HTTPRouteRequestMirror"),
        gateway_class(FEATURE, controller="another"),
        {"spec": {"controllerName": CONTROLLER}},
    ],
    ids=["another feature", "another controller", "nothing"],
)
async def test_what_none_lists_is_refused(found: Document) -> None:
    assert await GatewayClasses(client(found)).complaint(LIMITED, (CONTROLLER,), NOW) == COMPLAINT


async def test_what_may_not_be_read_lists_nothing() -> None:
    classes = GatewayClasses(client(ForbiddenError(403, "Forbidden", "no")))
    assert await classes.complaint(LIMITED, (CONTROLLER,), NOW) == COMPLAINT


async def test_before_anybody_answered_there_is_nobody_to_ask() -> None:
    assert await GatewayClasses(client()).complaint(LIMITED, (), NOW) is None


async def test_the_classes_are_read_again_after_a_while() -> None:
    fake = client(gateway_class())
    classes = GatewayClasses(fake)
    assert await classes.complaint(LIMITED, (CONTROLLER,), NOW)
    fake.collections["GatewayClass"] = [{"metadata": {}, "items": [gateway_class(FEATURE)]}]
    assert await classes.complaint(LIMITED, (CONTROLLER,), NOW + timedelta(seconds=FRESH_SECONDS))
    assert await classes.complaint(LIMITED, (CONTROLLER,), NOW + timedelta(seconds=FRESH_SECONDS + 1)) is None
