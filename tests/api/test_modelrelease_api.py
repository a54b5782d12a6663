"""What a ModelRelease is to a real API server: a record that cannot be changed. Refusals: test_refusals.py."""

import re
from typing import Final

import pytest

from tests.api.release_refusals import IMMUTABLE
from tests.api.samples import TIME, Json, changed, full_release
from tests.cluster.api import Api, ApiError
from tests.cluster.backends import run_kubectl
from tests.cluster.control_plane import ControlPlane

API_VERSION: Final = "serinus.dev/v1alpha1"
KIND: Final = "ModelRelease"
NAME: Final = "fraud-0123456789"


def create(api: Api, namespace: str, document: Json) -> Json:
    return api.request("POST", api.path(API_VERSION, KIND, namespace), document, query={"fieldValidation": "Strict"})


def test_every_field_is_kept_as_it_was_given(control_plane: ControlPlane, namespace: str) -> None:
    assert create(control_plane.api, namespace, full_release())["spec"] == full_release()["spec"]


@pytest.mark.parametrize(
    "change",
    [
        {"revision": "abcdef0123"},
        {"version": None},
        {"endpoint": {"port": 8081}},
        {"template": {"metadata": {"labels": {"team": None}}}},
        {"template": {"spec": {"containers": []}}},
        {"template": {"spec": {"nodeName": "one"}}},
    ],
    ids=str,
)
def test_its_spec_cannot_be_changed(control_plane: ControlPlane, namespace: str, change: Json) -> None:
    create(control_plane.api, namespace, full_release())
    with pytest.raises(ApiError) as refused:
        control_plane.api.patch(API_VERSION, KIND, NAME, {"spec": change}, namespace)
    assert IMMUTABLE in refused.value.message


def test_the_same_spec_may_be_applied_again(control_plane: ControlPlane, namespace: str) -> None:
    document = changed(full_release(), {"metadata.namespace": namespace})
    first = control_plane.api.apply(document)
    assert control_plane.api.apply(document)["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_its_record_may_grow(control_plane: ControlPlane, namespace: str) -> None:
    create(control_plane.api, namespace, full_release())
    patch = {"status": {"promotedAt": TIME}}
    after = control_plane.api.patch(API_VERSION, KIND, NAME, patch, namespace, part="status")
    assert after["status"] == {"promotedAt": TIME}


def test_a_large_snapshot_is_within_what_the_rule_may_cost(control_plane: ControlPlane, namespace: str) -> None:
    """Its equality is judged at every write to the object, so the largest one is the dearest."""
    environment = [{"name": f"NAME_{number}", "value": "x" * 100} for number in range(7_000)]
    create(control_plane.api, namespace, changed(full_release(), {"spec.template.spec.containers[0].env": environment}))
    labels = {"metadata": {"labels": {"team": "risk"}}}
    assert control_plane.api.patch(API_VERSION, KIND, NAME, labels, namespace)["metadata"]["labels"] == {"team": "risk"}
    with pytest.raises(ApiError) as refused:
        control_plane.api.patch(API_VERSION, KIND, NAME, {"spec": {"version": "8"}}, namespace)
    assert IMMUTABLE in refused.value.message


def test_kubectl_get_is_the_history(control_plane: ControlPlane, namespace: str) -> None:
    """The operator reads the last promotion from this table, so it must be the full time and not an age."""
    create(control_plane.api, namespace, full_release())
    control_plane.api.patch(
        API_VERSION, KIND, NAME, {"status": {"promotedAt": TIME, "result": "Promoted"}}, namespace, part="status"
    )
    header, line = run_kubectl(control_plane.kubeconfig, ("get", "mrel", f"--namespace={namespace}")).splitlines()
    assert header.split() == ["NAME", "DEPLOYMENT", "REVISION", "VERSION", "PROMOTED", "RESULT", "AGE"]
    assert line.split()[:-1] == [NAME, "fraud", "0123456789", "7", TIME, "Promoted"]
    assert re.fullmatch(r"\d+s", line.split()[-1])
