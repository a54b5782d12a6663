"""A Service that was there before the model: taken over without a moment's break where the user allows it, put back."""

import json
from collections.abc import Callable, Iterator

import pytest

from serinus.api.names import (
    ANNOTATION_BEFORE,
    ANNOTATION_CONSENT,
    API_VERSION,
    LABEL_DEPLOYMENT,
    LABEL_REVISION,
)
from tests.cluster.api import Json
from tests.cluster.eventually import eventually
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.cluster.simulated_pods import NEVER_READY
from tests.e2e.existing import (
    PORTS,
    THEIRS,
    is_put_back,
    is_taken,
    manifest,
    their_pods,
    their_ready_pods,
    their_service,
)
from tests.e2e.history import History
from tests.e2e.models import GONE_SECONDS, SECONDS, Model, spec
from tests.e2e.operator import OperatorProcess

pytestmark = pytest.mark.control_plane

TAKEN_PORTS = [{**PORTS[0], "targetPort": 8080}, PORTS[1]]


@pytest.fixture
def always_answered(model: Model) -> Iterator[None]:
    """The user's own pods are ready; in the end, the Service must have led to ready pods all the time."""
    their_pods(model)
    history = History.from_now(model.api, model.namespace)
    yield
    history.assert_selects_ready_pods("fraud", besides=their_ready_pods(model))


@pytest.mark.usefixtures("always_answered")
def test_it_goes_on_as_it_was_until_the_model_is_ready(model: Model, simulated_nodes: SimulatedNodes) -> None:
    theirs = their_service(model)
    simulated_nodes.decide(NEVER_READY, image="model:1")
    revision = model.apply(spec())
    model.reports("PodsNotReady", f"revision {revision}", "0 of 2 pods ready")
    assert model.child_now("Service") == theirs

    simulated_nodes.forget_decisions()
    model.settles(revision)

    service = model.child_now("Service")
    assert service["spec"]["selector"] == {LABEL_DEPLOYMENT: "fraud", LABEL_REVISION: revision}
    assert service["spec"]["ports"] == TAKEN_PORTS
    assert service["spec"]["clusterIP"] == theirs["spec"]["clusterIP"]
    assert "ownerReferences" not in service["metadata"]
    assert service["metadata"]["uid"] == theirs["metadata"]["uid"]
    assert json.loads(service["metadata"]["annotations"][ANNOTATION_BEFORE]) == {"selector": THEIRS, "ports": PORTS}


@pytest.mark.usefixtures("always_answered")
@pytest.mark.parametrize("by", ["apply", "update"])
def test_whoever_wrote_the_service_does_not_matter(model: Model, by: str) -> None:
    """Fields have owners, and a selector must not become that of both."""
    their_service(model, applied=by == "apply")
    revision = model.apply(spec())
    model.settles(revision)
    assert model.child_now("Service")["spec"]["selector"] == {LABEL_DEPLOYMENT: "fraud", LABEL_REVISION: revision}
    assert model.child_now("Service")["spec"]["ports"] == TAKEN_PORTS


@pytest.mark.usefixtures("always_answered")
def test_it_is_part_of_a_rollout_like_any_other(model: Model) -> None:
    their_service(model)
    model.settles(model.apply(spec("model:1")))
    second = model.apply(spec("model:2"))
    model.settles(second)
    third = model.apply(spec("model:3", rollout={"steps": [{"weight": 50, "minSeconds": 1}]}))
    model.settles(third)
    assert model.child_now("Service")["spec"]["ports"] == TAKEN_PORTS


@pytest.mark.usefixtures("always_answered")
def test_consent_may_come_late_and_may_go_later(model: Model) -> None:
    theirs = their_service(model, annotations={})
    revision = model.apply(spec())
    model.reports("NameConflict", "made by somebody else", f"annotate it with {ANNOTATION_CONSENT}: fraud")
    assert model.child_now("Service") == theirs

    _annotate(model, "fraud")
    model.settles(revision)
    _annotate(model, None)
    second = model.apply(spec("model:2"))

    model.settles(second)
    assert ANNOTATION_BEFORE in model.child_now("Service")["metadata"]["annotations"]


def test_what_somebody_changes_later_is_put_right(model: Model) -> None:
    their_service(model)
    revision = model.apply(spec())
    model.settles(revision)
    for change in ({"spec": {"selector": THEIRS}}, {"metadata": {"labels": {LABEL_DEPLOYMENT: None}}}):
        model.api.patch("v1", "Service", "fraud", change, model.namespace)

    eventually(lambda: is_taken(model, revision), SECONDS, "it leads to the model again, and to nothing else")
    service = model.child_now("Service")
    assert json.loads(service["metadata"]["annotations"][ANNOTATION_BEFORE])["selector"] == THEIRS


@pytest.mark.usefixtures("always_answered")
def test_it_is_put_back_when_the_model_is_deleted(model: Model) -> None:
    theirs = their_service(model)
    model.settles(model.apply(spec()))

    model.delete()

    eventually(lambda: is_put_back(model, theirs), SECONDS, "the Service is as it was")
    model.is_gone()
    assert is_put_back(model, theirs)


def test_it_is_put_back_although_the_operator_was_away(model: Model, operator: OperatorProcess) -> None:
    theirs = their_service(model)
    model.settles(model.apply(spec()))
    operator.kill()
    try:
        model.delete()
        eventually(lambda: not model.pods(), GONE_SECONDS, "the pods are gone")
    finally:
        operator.start()

    eventually(lambda: is_put_back(model, theirs), SECONDS, "the Service is as it was")


def test_one_that_came_while_the_operator_was_away_takes_it_over_anew(
    model: Model, operator: OperatorProcess, simulated_nodes: SimulatedNodes
) -> None:
    theirs = their_service(model)
    model.settles(model.apply(spec()))
    simulated_nodes.decide(NEVER_READY, image="model:2")
    operator.kill()
    try:
        model.delete()
        second = model.apply(spec("model:2"))
    finally:
        operator.start()

    eventually(lambda: is_put_back(model, theirs), SECONDS, "the Service is as it was")
    simulated_nodes.forget_decisions()
    model.settles(second)
    assert is_taken(model, second)


@pytest.mark.usefixtures("always_answered")
def test_one_that_comes_at_once_under_the_same_name_takes_it_over_anew(
    model: Model, simulated_nodes: SimulatedNodes
) -> None:
    theirs = their_service(model)
    model.settles(model.apply(spec()))
    simulated_nodes.decide(NEVER_READY, image="model:2")

    model.delete()
    second = model.apply(spec("model:2"))

    eventually(lambda: is_put_back(model, theirs), SECONDS, "the Service is as it was")
    model.reports("PodsNotReady", f"revision {second}")
    simulated_nodes.forget_decisions()
    model.settles(second)
    assert is_taken(model, second)


@pytest.mark.usefixtures("always_answered")
def test_it_stays_with_pods_that_are_left_running_on_purpose(model: Model) -> None:
    """`kubectl delete --cascade=orphan`, as before a restore: the pods go on, so the Service goes on to lead there."""
    their_service(model)
    revision = model.apply(spec())
    model.settles(revision)
    model.api.request(
        "DELETE",
        model.api.path(API_VERSION, "ModelDeployment", model.namespace, "fraud"),
        {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Orphan"},
    )
    eventually(lambda: not model.exists(), SECONDS, "the ModelDeployment is gone")
    model.settles(model.apply(spec()))
    assert is_taken(model, revision)


def test_what_was_left_running_goes_later_and_the_service_is_put_back(model: Model) -> None:
    theirs = their_service(model)
    revision = model.apply(spec())
    model.settles(revision)
    model.api.request(
        "DELETE",
        model.api.path(API_VERSION, "ModelDeployment", model.namespace, "fraud"),
        {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Orphan"},
    )
    eventually(lambda: not model.exists(), SECONDS, "the ModelDeployment is gone")
    assert is_taken(model, revision)

    model.api.delete("apps/v1", "Deployment", f"fraud-{revision}", model.namespace)

    eventually(lambda: is_put_back(model, theirs), SECONDS, "the Service is as it was")


REFUSALS: dict[str, tuple[Callable[[Json], object], list[str]]] = {
    "another name": (
        lambda service: service["metadata"].update(annotations={ANNOTATION_CONSENT: "fruad"}),
        ["taken over by fruad", f"set {ANNOTATION_CONSENT} to fraud"],
    ),
    "headless": (lambda service: service["spec"].update(clusterIP="None"), ["it is headless", "delete it"]),
    "an external name": (
        lambda service: service.update(spec={"type": "ExternalName", "externalName": "fraud.example.com"}),
        ["of type ExternalName", "delete it"],
    ),
    "no selector": (lambda service: service["spec"].pop("selector"), ["it has no selector", "delete it"]),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_cannot_be_taken_over_is_a_conflict(
    model: Model, change: Callable[[Json], object], words: list[str]
) -> None:
    wanted = manifest(model)
    change(wanted)
    theirs = model.api.create(wanted)

    model.apply(spec())

    model.reports("NameConflict", "Service fraud was made by somebody else and is left untouched", *words)
    assert model.child_now("Service") == theirs


def _annotate(model: Model, consent: str | None) -> None:
    patch = {"metadata": {"annotations": {ANNOTATION_CONSENT: consent}}}
    model.api.patch("v1", "Service", "fraud", patch, model.namespace)
