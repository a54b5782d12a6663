"""A Service that is taken over: the ports that callers find there, and what puts it back."""

from typing import Any

import pytest

from serinus.api.names import ANNOTATION_BEFORE, ANNOTATION_INTENT, LABEL_DEPLOYMENT, LABEL_REVISION
from serinus.render.children import Owner, address
from serinus.render.takeover import Before, put_back, taken_over
from tests.render.samples import MINIMAL, snapshot

Document = dict[str, Any]

ADDRESS = address(Owner("fraud", "risk", "of-the-model"), snapshot(MINIMAL, revision="0123456789"))
OURS = ADDRESS["spec"]["ports"][0]


def port(number: int, target: int | str, name: str | None = None, **fields: Any) -> Document:  # noqa: ANN401 - JSON
    return {"port": number, "targetPort": target, "protocol": "TCP", **({"name": name} if name else {}), **fields}


TO_MODEL = OURS["targetPort"]


@pytest.mark.parametrize(
    ("theirs", "then"),
    [
        pytest.param([port(80, 5000)], [port(80, TO_MODEL)], id="it keeps no name: another would cut callers off"),
        pytest.param([port(80, 5000, "web")], [port(80, TO_MODEL, "web")], id="an Ingress may know the name"),
        pytest.param([port(9000, "api")], [port(9000, TO_MODEL)], id="the only port leads to the model"),
        pytest.param([port(9000, 9000, "api")], [port(9000, TO_MODEL, "api"), OURS], id="ours comes beside it"),
        pytest.param(
            [port(9000, 9000, "http")],
            [port(9000, TO_MODEL, "http"), {**OURS, "name": "serinus"}],
            id="ours gives way to their name",
        ),
        pytest.param(
            [port(80, 5000, "web", nodePort=30080), port(9102, "metrics", "metrics")],
            [port(80, TO_MODEL, "web", nodePort=30080), port(9102, "metrics", "metrics")],
            id="what does not lead to the model stays as it is",
        ),
        pytest.param(
            [port(8000, 5000, "http"), port(8001, "grpc", "grpc")],
            [port(8000, TO_MODEL, "http"), port(8001, "grpc", "grpc"), {**OURS, "name": "serinus"}],
            id="of several, the one with our name leads to the model",
        ),
        pytest.param(
            [port(80, 53, "dns", protocol="UDP"), port(81, 53, "dns-tcp")],
            [port(80, 53, "dns", protocol="UDP"), port(81, 53, "dns-tcp"), OURS],
            id="another protocol is another port",
        ),
    ],
)
def test_callers_find_the_ports_they_know(theirs: list[Document], then: list[Document]) -> None:
    before = Before(selector={"app": "old"}, ports=theirs)
    assert taken_over(ADDRESS, before)["spec"] == {**ADDRESS["spec"], "ports": then}


def test_it_has_no_owner_and_remembers_what_it_was() -> None:
    before = Before(selector={"app": "old"}, ports=[port(80, 5000)])
    metadata = taken_over(ADDRESS, before)["metadata"]
    assert "ownerReferences" not in metadata
    assert metadata["labels"] == {LABEL_DEPLOYMENT: "fraud"}
    assert Before.read(metadata["annotations"][ANNOTATION_BEFORE]) == before


@pytest.mark.parametrize("text", ["", "no JSON", "{}", '{"selector": {}, "ports": [{"port": 80}]}', '{"selector": 1}'])
def test_what_cannot_be_read_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="Before"):
        Before.read(text)


def test_it_becomes_what_it_was_whatever_its_selector_is_by_now() -> None:
    selector = {LABEL_DEPLOYMENT: "fraud", LABEL_REVISION: "0123456789", "app": "somebody's"}
    service = {"metadata": {"resourceVersion": "7"}, "spec": {"selector": selector}}
    before = Before(selector={"app": "old"}, ports=[port(80, 5000)])
    assert put_back(service, before) == {
        "metadata": {
            "resourceVersion": "7",
            "labels": {LABEL_DEPLOYMENT: None},
            "annotations": {ANNOTATION_BEFORE: None, ANNOTATION_INTENT: None},
        },
        "spec": {
            "selector": {LABEL_DEPLOYMENT: None, LABEL_REVISION: None, "app": "old"},
            "ports": [port(80, 5000)],
        },
    }
