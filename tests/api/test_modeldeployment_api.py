"""What users do to a ModelDeployment with a real API server: create, apply, scale, read. Refusals: test_refusals.py."""

import re
from typing import Any, Final

import pytest

from tests.api.samples import ABSENT, Json, changed, full_deployment, full_status, minimal_deployment
from tests.api.spec_refusals import NAME_LENGTH, ONE_PORT, REPLICAS_OR_AUTOSCALING, SERVICE_NAME
from tests.cluster.api import Api, ApiError
from tests.cluster.backends import run_kubectl
from tests.cluster.control_plane import ControlPlane

API_VERSION: Final = "serinus.dev/v1alpha1"
KIND: Final = "ModelDeployment"
CONTAINERS: Final = "spec.template.spec.containers"
DEFAULTS: Final[Json] = {
    "replicas": 1,
    "rollout": {
        "steps": [
            {"weight": 10, "minSeconds": 60, "pause": False},
            {"weight": 50, "minSeconds": 60, "pause": False},
        ],
        "approval": "NotRequired",
        "onInconclusive": "Hold",
        "progressDeadlineSeconds": 600,
        "scaleDownDelaySeconds": 30,
        "surge": "100%",
        "history": 10,
    },
    "paused": False,
}


def create(api: Api, namespace: str, document: Json) -> Json:
    path = api.path(API_VERSION, KIND, namespace)
    return api.request("POST", path, document, query={"fieldValidation": "Strict"})


def apply(api: Api, namespace: str, document: Json, **options: str) -> Json:
    return api.apply(changed(document, {"metadata.namespace": namespace}), **options)


def read(api: Api, namespace: str) -> Json:
    found = api.read(API_VERSION, KIND, "fraud", namespace)
    assert found is not None
    return found


def test_no_more_than_a_template_is_needed(control_plane: ControlPlane, namespace: str) -> None:
    stored = create(control_plane.api, namespace, minimal_deployment())
    assert stored["spec"] == minimal_deployment()["spec"] | DEFAULTS


def test_every_field_is_kept_as_it_was_given(control_plane: ControlPlane, namespace: str) -> None:
    stored = create(control_plane.api, namespace, full_deployment())
    assert stored["spec"] == full_deployment()["spec"]


def test_a_null_means_the_field_is_absent(control_plane: ControlPlane, namespace: str) -> None:
    nulls = (
        "model",
        "endpoint",
        "replicas",
        "autoscaling",
        "rollout",
        "template.metadata",
        "template.spec.hostNetwork",
    )
    document = changed(minimal_deployment(), {f"spec.{path}": None for path in nulls})
    assert create(control_plane.api, namespace, document)["spec"] == minimal_deployment()["spec"] | DEFAULTS


def test_parts_that_are_given_get_their_own_defaults(control_plane: ControlPlane, namespace: str) -> None:
    given = {"spec.rollout": {"history": 3}, "spec.autoscaling": {"maxReplicas": 5}}
    spec = create(control_plane.api, namespace, changed(minimal_deployment(), given))["spec"]
    assert spec["rollout"] == DEFAULTS["rollout"] | {"history": 3}
    assert spec["autoscaling"] == {"minReplicas": 1, "maxReplicas": 5}


def test_a_name_may_be_left_to_the_server(control_plane: ControlPlane, namespace: str) -> None:
    document = changed(minimal_deployment(), {"metadata": {"generateName": "fraud-"}})
    assert create(control_plane.api, namespace, document)["metadata"]["name"].startswith("fraud-")


def test_the_largest_spec_is_accepted(control_plane: ControlPlane, namespace: str) -> None:
    """All lists full at once stay within what the API server spends on rules."""
    ports = [{"name": f"p{number}", "containerPort": 8000 + number} for number in range(16)]
    containers = [{"name": f"{'c' * 60}-{number}", "ports": ports if number == 0 else []} for number in range(16)]
    template = {
        "metadata": {
            "labels": {f"example.com/{number}": "x" * 63 for number in range(64)},
            "annotations": {f"example.com/{number}": "x" * 4096 for number in range(64)},
        },
        "spec": {
            "containers": [*containers[:15], {"name": "env", "env": [{"name": "TEXT", "value": "x" * 500_000}]}],
            "initContainers": [{"name": f"{'i' * 60}-{number}", "ports": ports} for number in range(16)],
        },
    }
    spec = {"template": template, "endpoint": {"port": "p15"}}
    assert create(control_plane.api, namespace, changed(full_deployment("f" * 52), {"spec": spec}))


def test_everything_that_is_wrong_is_told_at_once(control_plane: ControlPlane, namespace: str) -> None:
    wrong = {"spec.replicas": 2, "spec.autoscaling": {"maxReplicas": 5}, f"{CONTAINERS}[0].ports": ABSENT}
    with pytest.raises(ApiError) as refused:
        create(control_plane.api, namespace, changed(minimal_deployment("7" * 53), wrong))
    for sentence in (SERVICE_NAME, NAME_LENGTH, REPLICAS_OR_AUTOSCALING, ONE_PORT):
        assert sentence in refused.value.message


def test_kubectl_tells_of_a_field_that_does_not_exist(control_plane: ControlPlane, namespace: str) -> None:
    manifest = f"""
        apiVersion: serinus.dev/v1alpha1
        kind: ModelDeployment
        metadata: {{name: fraud, namespace: {namespace}}}
        spec:
          replica: 3
          template: {{spec: {{containers: [{{name: model, image: "model:7", ports: [{{containerPort: 8080}}]}}]}}}}
    """
    with pytest.raises(RuntimeError, match=re.escape('unknown field "spec.replica"')):
        run_kubectl(control_plane.kubeconfig, ("apply", "-f", "-"), stdin=manifest)


def test_a_new_object_is_not_yet_observed(control_plane: ControlPlane, namespace: str) -> None:
    """Without any status kstatus would call it current before the operator saw it."""
    assert create(control_plane.api, namespace, minimal_deployment())["status"] == {"observedGeneration": -1}


def test_whoever_writes_a_spec_cannot_write_the_status(control_plane: ControlPlane, namespace: str) -> None:
    claimed = {"status": full_status()}
    create(control_plane.api, namespace, minimal_deployment() | claimed)
    control_plane.api.patch(API_VERSION, KIND, "fraud", claimed, namespace)
    assert read(control_plane.api, namespace)["status"] == {"observedGeneration": -1}


def test_whoever_writes_a_status_cannot_write_the_spec(control_plane: ControlPlane, namespace: str) -> None:
    before = create(control_plane.api, namespace, minimal_deployment())
    patch = {"spec": {"replicas": 9}, "status": full_status()}
    after = control_plane.api.patch(API_VERSION, KIND, "fraud", patch, namespace, part="status")
    assert after["spec"] == before["spec"]
    assert after["status"] == full_status()
    assert after["metadata"]["generation"] == before["metadata"]["generation"]


def test_containers_are_merged_by_name(control_plane: ControlPlane, namespace: str) -> None:
    """One team's apply changes its own container; a sidecar that another one added stays as it is."""
    sidecar = changed(minimal_deployment(), {CONTAINERS: [{"name": "cache", "image": "cache:1"}]})
    apply(control_plane.api, namespace, minimal_deployment())
    apply(control_plane.api, namespace, sidecar, field_manager="cache-team")
    apply(control_plane.api, namespace, changed(minimal_deployment(), {f"{CONTAINERS}[0].image": "model:8"}))
    containers: list[Json] = read(control_plane.api, namespace)["spec"]["template"]["spec"]["containers"]
    assert {container["name"]: container["image"] for container in containers} == {
        "model": "model:8",
        "cache": "cache:1",
    }


def test_a_number_of_pods_gives_way_to_autoscaling(control_plane: ControlPlane, namespace: str) -> None:
    apply(control_plane.api, namespace, changed(minimal_deployment(), {"spec.replicas": 3}))
    stored = apply(
        control_plane.api, namespace, changed(minimal_deployment(), {"spec.autoscaling": {"maxReplicas": 5}})
    )
    assert stored["spec"]["replicas"] == 1
    stored = apply(control_plane.api, namespace, changed(minimal_deployment(), {"spec.replicas": 3}))
    assert "autoscaling" not in stored["spec"]


def test_kubectl_scales(control_plane: ControlPlane, namespace: str) -> None:
    create(control_plane.api, namespace, minimal_deployment())
    _scale(control_plane, namespace, 4)
    assert read(control_plane.api, namespace)["spec"]["replicas"] == 4


def test_kubectl_does_not_scale_what_an_autoscaler_does(control_plane: ControlPlane, namespace: str) -> None:
    create(control_plane.api, namespace, full_deployment())
    with pytest.raises(RuntimeError, match=re.escape(REPLICAS_OR_AUTOSCALING)):
        _scale(control_plane, namespace, 4)


def test_the_scale_shows_all_pods_and_how_to_find_them(control_plane: ControlPlane, namespace: str) -> None:
    create(control_plane.api, namespace, changed(minimal_deployment(), {"spec.replicas": 4}))
    control_plane.api.patch(API_VERSION, KIND, "fraud", {"status": full_status()}, namespace, part="status")
    path = control_plane.api.path(API_VERSION, KIND, namespace, "fraud")
    scale = control_plane.api.request("GET", f"{path}/scale")
    assert scale["spec"] == {"replicas": 4}
    assert scale["status"] == {"replicas": 3, "selector": "serinus.dev/deployment=fraud"}


def test_kubectl_get_shows_the_state_in_one_line(control_plane: ControlPlane, namespace: str) -> None:
    create(control_plane.api, namespace, minimal_deployment())
    control_plane.api.patch(API_VERSION, KIND, "fraud", {"status": full_status()}, namespace, part="status")
    shown = _table(control_plane, namespace, "get", "mdep")
    age = shown.pop("AGE")
    assert shown == {
        "NAME": "fraud",
        "READY": "False",
        "REASON": "RolloutInProgress",
        "STABLE": "0123456789",
        "CANARY": "abcdef0123",
        "WEIGHT": "5",
        "ACCURACY": "0.91",
        "DRIFT": "Drifted",
    }
    assert re.fullmatch(r"\d+s", age)
    wide = _table(control_plane, namespace, "get", "mdep", "--output=wide")
    assert list(wide) == [*shown, "MESSAGE", "URL", "REPLICAS", "AGE"]
    assert wide["MESSAGE"] == "1 of 3 pods of 8 (abcdef0123) are ready"
    assert (wide["URL"], wide["REPLICAS"]) == ("http://fraud.risk.svc", "3")


def test_kubectl_get_shows_what_is_not_known_as_empty(control_plane: ControlPlane, namespace: str) -> None:
    create(control_plane.api, namespace, minimal_deployment())
    assert re.fullmatch(
        r"NAME +READY +REASON +STABLE +CANARY +WEIGHT +ACCURACY +DRIFT +AGE\nfraud +\d+s\n",
        run_kubectl(control_plane.kubeconfig, ("get", "mdep", f"--namespace={namespace}")),
    )


def test_all_kinds_are_found_by_their_category(control_plane: ControlPlane, namespace: str) -> None:
    create(control_plane.api, namespace, minimal_deployment())
    listed = run_kubectl(control_plane.kubeconfig, ("get", "serinus", f"--namespace={namespace}", "--output=name"))
    assert listed == "modeldeployment.serinus.dev/fraud\n"


def _scale(control_plane: ControlPlane, namespace: str, replicas: int) -> None:
    command = ("scale", "mdep", "fraud", f"--namespace={namespace}", f"--replicas={replicas}")
    run_kubectl(control_plane.kubeconfig, command)


def _table(control_plane: ControlPlane, namespace: str, *command: str) -> dict[str, Any]:
    """The one line that kubectl prints below its header."""
    header, line = run_kubectl(control_plane.kubeconfig, (*command, f"--namespace={namespace}")).splitlines()
    return dict(zip(re.split(r" {2,}", header.strip()), re.split(r" {2,}", line.strip()), strict=True))
