"""The proxy and the monitor beside a model: what is added to a pod, and that nothing else in it changes."""

import copy
import json

import pytest

from serinus.render.children import address
from serinus.render.sidecars import secrets_of
from serinus.render.snapshot import Renderer, RenderError
from tests.render.samples import MINIMAL, MONITORED, OWNER, RICH, Json, snapshot


def pod(spec: Json) -> Json:
    found: Json = snapshot(spec).template["spec"]
    return found


def by_name(items: list[Json]) -> dict[str, Json]:
    return {item["name"]: item for item in items}


def monitored(**monitoring: object) -> Json:
    return {**MONITORED, "monitoring": {"mode": "Sidecar", **monitoring}}


def told(spec: Json) -> Json:
    environment = by_name(by_name(pod(spec)["initContainers"])["serinus-monitor"]["env"])
    found: Json = json.loads(environment["SERINUS_SERVING"]["value"])
    return found


@pytest.mark.parametrize("monitoring", [None, {}, {"task": "Binary"}], ids=str)
def test_a_model_is_monitored_unless_its_spec_says_otherwise(monitoring: Json | None) -> None:
    names = [each["name"] for each in pod({**RICH, "monitoring": monitoring})["initContainers"]]
    assert names == ["fetch", "serinus-monitor", "serinus-proxy"]


def test_everything_of_the_users_stays_as_it_is() -> None:
    with_them, without = copy.deepcopy(snapshot(MONITORED).template), snapshot(RICH).template
    spec = with_them["spec"]
    assert [each["name"] for each in spec["initContainers"]] == ["fetch", "serinus-monitor", "serinus-proxy"]
    spec["initContainers"] = spec["initContainers"][:1]
    spec["volumes"] = [each for each in spec["volumes"] if not each["name"].startswith("serinus-")]
    assert json.dumps(with_them) == json.dumps(without)


def test_they_run_beside_the_model_and_may_do_nothing() -> None:
    for name in ("serinus-monitor", "serinus-proxy"):
        container = by_name(pod(MONITORED)["initContainers"])[name]
        assert container["restartPolicy"] == "Always"
        assert container["image"] == "serinus:0.1.0"
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert context["runAsNonRoot"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]


def test_only_the_proxy_speaks_for_the_pods_readiness() -> None:
    containers = by_name(pod(MONITORED)["initContainers"])
    assert containers["serinus-proxy"]["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 15021}
    assert not {each for each in containers["serinus-monitor"] if each.endswith("Probe")}


def test_both_services_lead_to_the_proxy() -> None:
    found = snapshot(MONITORED)
    assert (found.endpoint.port, found.endpoint.name, found.endpoint.container) == (15080, None, "model")
    assert address(OWNER, found)["spec"]["ports"][0]["targetPort"] == 15080


def test_they_are_told_what_they_serve() -> None:
    assert told(MONITORED) == {
        "deployment": "fraud",
        "namespace": "risk",
        "revision": "0123456789",
        "modelPort": 8080,
        "prediction": "label",
        "task": "Binary",
        "profile": "fraud-profile-0123456789",
        "feedback": {"maturitySeconds": 60, "assume": {"label": "0", "afterSeconds": 600}},
    }
    assert told({**MINIMAL, "monitoring": {"mode": "Sidecar"}}) == {
        "deployment": "fraud",
        "namespace": "risk",
        "revision": "0123456789",
        "modelPort": 8080,
    }


@pytest.mark.parametrize(
    ("monitoring", "secrets"),
    [
        ({}, ["serinus-keys"]),
        ({"task": "Binary"}, ["serinus-keys", "fraud-feedback"]),
        ({"task": "Binary", "feedback": {"public": True}}, ["serinus-keys"]),
    ],
    ids=["without labels", "with labels", "with labels from everybody"],
)
def test_they_mount_the_secrets_that_they_need(monitoring: Json, secrets: list[str]) -> None:
    assert list(secrets_of(snapshot(monitored(**monitoring)).template).values()) == secrets


def test_nothing_that_is_missing_keeps_a_pod_from_serving() -> None:
    volumes = [each for each in pod(MONITORED)["volumes"] if each["name"].startswith("serinus-")]
    assert [(each.get("configMap") or each["secret"])["optional"] for each in volumes] == [True, True, True]


MIDDLEWARE = {**MONITORED, "monitoring": {**MONITORED["monitoring"], "mode": "Middleware", "contract": "Reject"}}


def test_a_middleware_is_told_the_same_in_the_models_own_container() -> None:
    container, other = pod(MIDDLEWARE)["containers"]
    environment = by_name(container["env"])
    assert json.loads(environment["SERINUS_SERVING"]["value"]) == told(MONITORED) | {"contract": "Reject"}
    assert {"SERINUS_POD_IP", "SERINUS_POD_NAME", "THREADS"} <= set(environment)
    assert {mount["name"] for mount in container["volumeMounts"]} >= {"serinus-keys", "serinus-feedback", "models"}
    assert other == pod(RICH)["containers"][1]
    assert pod(MIDDLEWARE)["initContainers"] == pod(RICH)["initContainers"]
    assert snapshot(MIDDLEWARE).endpoint == snapshot(RICH).endpoint
    assert list(secrets_of(snapshot(MIDDLEWARE).template).values()) == ["serinus-keys", "fraud-feedback"]


def test_what_it_is_told_by_is_no_name_for_the_users_variables() -> None:
    spec = copy.deepcopy(MIDDLEWARE)
    spec["template"]["spec"]["containers"][0]["env"].append({"name": "SERINUS_POD_IP", "value": "127.0.0.1"})
    with pytest.raises(RenderError, match="SERINUS_POD_IP in env of container model is set by Serinus: remove it"):
        snapshot(spec)


@pytest.mark.parametrize("port", [15080, 15090, 15091, 15021])
def test_ports_of_theirs_are_taken(port: int) -> None:
    spec = copy.deepcopy(MONITORED)
    spec["template"]["spec"]["containers"][1]["ports"] = [{"containerPort": port}]
    with pytest.raises(RenderError, match=f"container metrics has port {port}, which Serinus takes"):
        snapshot(spec)


def test_names_of_their_volumes_are_taken() -> None:
    spec = copy.deepcopy(MONITORED)
    spec["template"]["spec"]["volumes"].append({"name": "serinus-keys", "emptyDir": {}})
    with pytest.raises(RenderError, match="volumes of the name serinus-keys are added by Serinus"):
        snapshot(spec)


def test_without_an_image_there_are_none() -> None:
    with pytest.raises(RenderError, match="start it with --image"):
        snapshot(MONITORED, renderer=Renderer("0.1.0"))


def test_a_service_cannot_send_a_share_to_a_pod_with_a_proxy_and_to_one_without() -> None:
    """The port of the same name is the model's own in both, and would lead past the proxy."""
    with pytest.raises(RenderError, match="one Service cannot send a share to each"):
        address(OWNER, snapshot(RICH), snapshot(MONITORED, revision="abcdef0123"))
