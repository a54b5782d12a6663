"""The kinds themselves come late, go and come again; an object that breaks their rules stops no other."""

from collections.abc import Iterator

import pytest

from serinus.api.names import API_VERSION, GROUP
from tests.cluster.api import MERGE, ApiError, Json
from tests.cluster.bare import bare_control_plane
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.fixtures import apply_definitions
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.e2e.models import SECONDS, Model, spec
from tests.e2e.operator import prepared

pytestmark = pytest.mark.control_plane

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
KINDS = ("modeldeployments", "modelreleases")


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    """A control plane without our kinds."""
    with bare_control_plane() as plane, SimulatedNodes(plane):
        yield plane


def test_an_operator_that_starts_before_its_kinds_works_when_they_come(plane: ControlPlane) -> None:
    operator = prepared(plane)
    operator.start(until_ready=False)
    with operator:
        eventually(lambda: "not complete" in operator.complaint(), SECONDS, "it says that it is not ready")

        apply_definitions(plane.api)

        operator.wait_until_ready()
        model = Model.in_new_namespace(plane.api)
        model.settles(model.apply(spec()))


def test_kinds_that_are_deleted_and_come_again(plane: ControlPlane) -> None:
    apply_definitions(plane.api)
    with prepared(plane) as operator:
        model = Model.in_new_namespace(plane.api)
        model.settles(model.apply(spec("model:1")))

        for kind in KINDS:
            plane.api.request("DELETE", f"{DEFINITIONS}/{kind}.serinus.dev")
        eventually(lambda: not _has_kinds(plane), SECONDS, "the kinds are gone")
        apply_definitions(plane.api)

        # Under another name: the garbage collector takes its time with what the lost one owned.
        other = Model(plane.api, model.namespace, "other")
        other.settles(other.apply(spec()))
        assert operator.runs()


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"template": "a word"},
        {"template": {"spec": {"containers": []}}},
        {**spec(), "rollout": {"history": "many"}},
    ],
    ids=["empty", "no template", "no container", "no number"],
)
def test_an_object_that_breaks_the_rules_stops_no_other(plane: ControlPlane, wanted: Json) -> None:
    apply_definitions(plane.api)
    with prepared(plane) as operator:
        broken = Model.in_new_namespace(plane.api)
        _lay_down_the_rules(plane, {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
        eventually(lambda: _created(broken, wanted), SECONDS, "the API server forgets the rules")
        apply_definitions(plane.api)

        model = Model.in_new_namespace(plane.api)
        model.settles(model.apply(spec()))

        assert operator.runs()
        operator.wait_until_ready()
        broken.delete()
        eventually(lambda: not broken.exists(), SECONDS, "the broken one is gone")
        broken.settles(broken.apply(spec()))


def _has_kinds(plane: ControlPlane) -> bool:
    items = plane.api.request("GET", DEFINITIONS)["items"]
    return any(item["spec"]["group"] == GROUP for item in items)


def _lay_down_the_rules(plane: ControlPlane, schema: Json) -> None:
    path = f"{DEFINITIONS}/modeldeployments.serinus.dev"
    (version,) = plane.api.request("GET", path)["spec"]["versions"]
    root = version["schema"]["openAPIV3Schema"]
    root["properties"]["spec"] = schema
    root.pop("x-kubernetes-validations", None)
    plane.api.request("PATCH", path, {"spec": {"versions": [version]}}, content_type=MERGE)


def _created(model: Model, wanted: Json) -> bool:
    try:
        model.api.create(model.manifest(wanted))
    except ApiError as error:
        raise AssertionError(error) from error
    return model.api.read(API_VERSION, "ModelDeployment", model.name, model.namespace) is not None
