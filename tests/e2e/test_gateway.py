"""Through a Gateway: the route follows the rollout, and no share moves before its parents carry it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from serinus.api.names import LABEL_REVISION
from tests.cluster.api import Json
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.cluster.simulated_pods import crash_loop
from tests.e2e import gateways
from tests.e2e.gateways import GATEWAY, TRAFFIC, Parent, route_of, splits, stamp, weights
from tests.e2e.models import SECONDS, Model, spec
from tests.e2e.operator import OperatorProcess
from tests.e2e.test_canary import HELD_FOR_EVER, attempt

pytestmark = pytest.mark.control_plane

MESH: Json = {"group": "", "kind": "Service", "name": "fraud", "port": 80}


@pytest.fixture
def parent(model: Model, gateway_api: None) -> Iterator[Parent]:  # noqa: ARG001 - must be there
    with Parent(model) as playing:
        yield playing


@pytest.fixture(scope="module")
def gateway_api(control_plane: ControlPlane) -> None:
    gateways.install(control_plane.api)


def routed(image: str, *steps: tuple[int, int], drain: int = 0, **fields: Any) -> Json:  # noqa: ANN401 - JSON
    held = [{"weight": weight, "minSeconds": seconds} for weight, seconds in steps]
    return spec(image, replicas=4, drain=drain, rollout={"steps": held}, traffic=TRAFFIC, **fields)


def direct(wanted: Json) -> Json:
    """The same without a gateway."""
    return {field: value for field, value in wanted.items() if field != "traffic"}


def meshed(image: str) -> Json:
    """The same where a service mesh takes requests for the model's own Service."""
    return routed(image, (25, HELD_FOR_EVER)) | {"traffic": {"gateway": {"parentRefs": [MESH]}}}


def serves(model: Model, **fields: Any) -> str:  # noqa: ANN401 - JSON
    revision = model.apply(routed("model:1", (25, HELD_FOR_EVER), **fields))
    model.settles(revision)
    return revision


def holds(model: Model, stable: str, canary: str, weight: int) -> None:
    splits(model, {stable: 100 - weight, canary: weight})

    def in_force() -> bool:
        seen = model.status()["canary"]
        assert (seen["weight"], seen["weightInForce"]) == (weight, weight), seen
        return True

    eventually(in_force, SECONDS, f"{canary} holds {weight} %")


def test_a_gateway_may_come_after_the_operator_and_go_again(model: Model, control_plane: ControlPlane) -> None:
    gateways.uninstall(control_plane.api)
    first = model.apply(routed("model:1", (25, HELD_FOR_EVER)))
    model.reports("RouteNotAccepted", "the API server knows no HTTPRoute: install Gateway API")
    assert model.serving() == first, "who calls the Service is served all the same"

    gateways.install(control_plane.api)
    with Parent(model):
        model.settles(first)
    assert weights(model) == {first: 100}


def test_a_rollout_moves_weights_and_neither_the_service_nor_a_backend_before_its_time(
    model: Model, parent: Parent
) -> None:
    first = serves(model)
    second = model.apply(routed("model:2", (25, 1), (50, 1)))
    model.settles(second)
    splits(model, {second: 100})

    assert parent.splits() == [
        {first: 100},
        {first: 100, second: 0},
        {first: 75, second: 25},
        {first: 50, second: 50},
        {first: 0, second: 100},
        {second: 100},
    ]
    nonce = attempt(model, second)["nonce"]
    assert [stamp(route) for route in parent.seen] == [None, None, f"1-{nonce}", f"2-{nonce}", None, None]
    assert model.status()["url"] == "http://fraud.example.com"
    assert model.says("Available") == ("True", "Serving")


def test_the_service_stays_with_the_stable_revision(model: Model, parent: Parent) -> None:
    del parent
    first = serves(model)
    second = model.apply(routed("model:2", (25, HELD_FOR_EVER)))
    holds(model, first, second, 25)
    assert model.serving() == first


def test_nothing_starts_where_the_parent_does_not_accept_the_route(model: Model, gateway_api: None) -> None:
    del gateway_api
    with Parent(model):
        first = serves(model)
    second = model.apply(routed("model:2", (25, HELD_FOR_EVER)))
    splits(model, {first: 100, second: 0})
    model.reports("RolloutInProgress", f"{first} goes on serving", "Gateway infra/public speaks of generation 1")

    gateways.answer(model, accepted=False, reason="NotAllowedByListeners")
    model.reports("RouteNotAccepted", "Gateway infra/public does not accept HTTPRoute", "allowedRoutes")
    assert "since" not in attempt(model, second), "that is no wait for pods"
    assert weights(model) == {first: 100, second: 0}

    gateways.answer(model)
    splits(model, {first: 75, second: 25})


def test_a_share_that_no_parent_confirmed_counts_no_time(model: Model, gateway_api: None) -> None:
    del gateway_api
    with Parent(model):
        first = serves(model)
    second = model.apply(routed("model:2", (25, 1), (50, HELD_FOR_EVER)))
    splits(model, {first: 100, second: 0})
    gateways.answer(model)
    eventually(lambda: weights(model) == {first: 75, second: 25}, SECONDS, "the share is written")
    gateways.answer(model, accepted=False, reason="Pending")
    model.reports("RouteNotAccepted", "is to get 25 % of the traffic")
    eventually(lambda: "since" not in attempt(model, second), SECONDS, "no time counts")

    gateways.answer(model)
    splits(model, {first: 50, second: 50})
    assert [held["weight"] for held in attempt(model, second)["held"]] == [25]


def test_a_canary_whose_pods_fail_gives_its_share_back_and_stays_a_backend(
    model: Model, parent: Parent, simulated_nodes: SimulatedNodes
) -> None:
    del parent
    first = serves(model)
    second = model.apply(routed("model:2", (25, HELD_FOR_EVER)))
    holds(model, first, second, 25)
    simulated_nodes.decide(crash_loop(exit_code=1), image="model:2")
    model.reports("Retreated", f"revision {first} goes on serving")
    splits(model, {first: 100, second: 0})


def test_a_canary_that_another_one_replaces_loses_its_weight_before_its_pods(model: Model, parent: Parent) -> None:
    first = serves(model)
    second = model.apply(routed("model:2", (25, HELD_FOR_EVER)))
    holds(model, first, second, 25)
    third = model.apply(routed("model:3", (25, HELD_FOR_EVER)))
    holds(model, first, third, 25)
    eventually(lambda: model.child("Deployment", second) is None, SECONDS, "the second is gone")
    seen = parent.splits()
    lost = seen.index({first: 75, second: 25}) + 1
    assert seen[lost] == {first: 100, second: 0}
    assert all(second not in later for later in seen[lost + 1 :])


def test_a_gateway_that_comes_in_mid_canary_begins_the_first_step_anew(model: Model, parent: Parent) -> None:
    del parent
    first = model.apply(direct(routed("model:1", (25, HELD_FOR_EVER))))
    model.settles(first)
    second = model.apply(direct(routed("model:2", (25, HELD_FOR_EVER))))
    eventually(lambda: model.status().get("canary", {}).get("weight") == 25, SECONDS, "it has its share")
    assert route_of(model) is None
    model.apply(routed("model:2", (25, HELD_FOR_EVER)))
    holds(model, first, second, 25)
    assert model.serving() == first
    assert attempt(model, second)["gateway"]


def test_a_gateway_that_goes_in_mid_canary_begins_the_first_step_anew(model: Model, parent: Parent) -> None:
    del parent
    first = serves(model)
    second = model.apply(routed("model:2", (25, HELD_FOR_EVER)))
    holds(model, first, second, 25)
    model.apply(direct(routed("model:2", (25, HELD_FOR_EVER))))
    splits(model, None)
    eventually(lambda: model.serving() is None, SECONDS, "the Service leads to all pods")
    assert not attempt(model, second).get("gateway")
    eventually(lambda: model.status()["canary"]["weight"] == 25, SECONDS, "it has its share again")


def test_a_gateway_that_goes_takes_the_route_along(model: Model, parent: Parent) -> None:
    del parent
    first = serves(model)
    splits(model, {first: 100})
    model.apply(direct(routed("model:1", (25, HELD_FOR_EVER))))
    splits(model, None)


def test_a_route_of_somebody_else_is_left_alone(model: Model, gateway_api: None) -> None:
    del gateway_api
    theirs = {
        "apiVersion": gateways.API_VERSION,
        "kind": "HTTPRoute",
        "metadata": {"name": model.name, "namespace": model.namespace},
        "spec": {"parentRefs": [{"name": "theirs"}]},
    }
    model.api.apply(theirs)
    model.apply(routed("model:1", (25, HELD_FOR_EVER)))
    model.reports("NameConflict", "HTTPRoute fraud was made by somebody else")
    found = route_of(model)
    assert found
    assert found["spec"]["parentRefs"][0]["name"] == "theirs"


def test_of_two_with_one_hostname_the_older_one_has_it(model: Model, parent: Parent) -> None:
    del parent
    first = serves(model)
    younger = replace(model, name="younger")
    try:
        younger.apply(routed("model:2", (25, HELD_FOR_EVER)))
        younger.reports("HostnameConflict", "ModelDeployment fraud is older and has fraud.example.com at Gateway infra")
        assert route_of(younger) is None
        model.apply(direct(routed("model:1", (25, HELD_FOR_EVER))))
        splits(model, None)
        eventually(lambda: route_of(younger), SECONDS, "the younger one has its route")
    finally:
        younger.delete()
    assert model.serving() == first


def test_what_the_controller_does_not_list_is_refused(model: Model, parent: Parent) -> None:
    del parent
    limited = {"gateway": {**GATEWAY, "timeouts": {"request": "10s"}}}
    first = serves(model)
    model.apply({**routed("model:1", (25, HELD_FOR_EVER)), "traffic": limited})
    says = model.reports("RouteNotAccepted")["message"]
    assert says == (
        "spec.traffic.gateway.timeouts.request needs HTTPRouteRequestTimeout, which no GatewayClass of controller "
        "example.com/gateway lists in status.supportedFeatures: take it out, or name a parent of another class"
    )
    second = model.apply({**routed("model:2", (25, HELD_FOR_EVER)), "traffic": limited})
    model.pods_come(second, 2)
    model.reports("RouteNotAccepted", "HTTPRouteRequestTimeout")
    splits(model, {first: 100, second: 0})
    assert "timeouts" not in (route_of(model) or {})["spec"]["rules"][-1], "requests go on as they did"

    model.apply(routed("model:2", (25, HELD_FOR_EVER)))
    holds(model, first, second, 25)


def test_what_the_controller_does_not_list_keeps_no_weight_from_moving_back(
    model: Model, parent: Parent, simulated_nodes: SimulatedNodes
) -> None:
    del parent
    filters = [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-of", "value": "us"}]}}]
    first = serves(model)
    wanted = {**routed("model:2", (25, HELD_FOR_EVER)), "traffic": {"gateway": {**GATEWAY, "filters": filters}}}
    second = model.apply(wanted)
    holds(model, first, second, 25)
    limited = {**GATEWAY, "filters": filters, "timeouts": {"request": "10s"}}
    model.apply({**wanted, "traffic": {"gateway": limited}})
    model.reports("RouteNotAccepted", "HTTPRouteRequestTimeout")

    simulated_nodes.decide(crash_loop(exit_code=1), image="model:2")
    splits(model, {first: 100, second: 0})
    rule = (route_of(model) or {})["spec"]["rules"][-1]
    assert "timeouts" not in rule
    assert rule["filters"][0]["requestHeaderModifier"] == {
        **filters[0]["requestHeaderModifier"],  # type: ignore[dict-item]
        "remove": ["x-serinus-split"],
    }


def test_a_mesh_leads_those_who_call_the_service_to_the_canary(model: Model, gateway_api: None) -> None:
    del gateway_api
    with Parent(model, MESH) as mesh:
        first = model.apply(meshed("model:1"))
        model.settles(first)
        second = model.apply(meshed("model:2"))
        holds(model, first, second, 25)

    route, service = mesh.seen[-1], model.child_now("Service")
    assert route["spec"]["parentRefs"] == [MESH], "callers of this Service come by the route"
    assert MESH["port"] in {port["port"] for port in service["spec"]["ports"]}
    assert model.serving() == first, "who is not in the mesh is served by the stable revision"
    for backend in route["spec"]["rules"][-1]["backendRefs"]:
        revision = backend["name"].removeprefix("fraud-")
        backing = model.child_now("Service", revision)["spec"]
        assert backing["selector"][LABEL_REVISION] == revision, "no backend leads to the parent again"
        assert backend["port"] in {port["port"] for port in backing["ports"]}
    assert model.status()["url"] == f"http://fraud.{model.namespace}.svc"


def test_a_mesh_beside_a_gateway_must_carry_the_route_too(model: Model, parent: Parent) -> None:
    del parent
    both = {"gateway": {**GATEWAY, "parentRefs": [*GATEWAY["parentRefs"], MESH]}}
    first = serves(model)
    model.apply(routed("model:1", (25, HELD_FOR_EVER)) | {"traffic": both})
    model.reports("RouteNotAccepted", f"nothing has answered yet for Service {model.namespace}/fraud, port 80")
    assert model.serving() == first


def test_what_somebody_changed_in_the_route_is_put_right(model: Model, parent: Parent) -> None:
    del parent
    first = serves(model)
    splits(model, {first: 100})
    route = route_of(model)
    assert route
    route["spec"]["rules"][-1]["backendRefs"][0]["name"] = "elsewhere"
    model.api.patch(
        gateways.API_VERSION, "HTTPRoute", model.name, {"spec": {"rules": route["spec"]["rules"]}}, model.namespace
    )
    splits(model, {first: 100})


def test_an_operator_that_was_killed_goes_on_with_the_same_stamp(
    model: Model, parent: Parent, operator: OperatorProcess
) -> None:
    del parent
    first = serves(model)
    second = model.apply(routed("model:2", (25, HELD_FOR_EVER)))
    holds(model, first, second, 25)
    before = route_of(model)
    operator.restart()
    model.reports("CanaryInProgress")
    after = route_of(model)
    assert before
    assert after
    assert after["metadata"]["generation"] == before["metadata"]["generation"]


def test_a_step_has_as_many_pods_as_it_is_told(model: Model, parent: Parent) -> None:
    del parent
    first = serves(model)
    told = {"weight": 5, "minSeconds": HELD_FOR_EVER, "replicas": 3}
    second = model.apply(routed("model:2") | {"rollout": {"steps": [told], "scaleDownDelaySeconds": 0}})
    holds(model, first, second, 5)
    assert model.status()["canary"]["replicas"] == 3
