"""The operator's pods and what is around them, as the chart makes them."""

import pytest

from serinus.controller.keys import MASTER
from serinus.controller.process import LEASE_NAME
from tests.chart.rendering import Objects, render
from tests.cluster.api import ApiError
from tests.cluster.control_plane import ControlPlane

pytestmark = pytest.mark.control_plane


def test_the_container_may_do_nothing_it_does_not_need(default: Objects) -> None:
    assert default.container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert default.pod["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_the_pod_passes_the_restricted_profile(default: Objects, control_plane: ControlPlane, namespace: str) -> None:
    api = control_plane.api
    api.patch(
        "v1", "Namespace", namespace, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    )
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "operator", "namespace": namespace}}
    spec = default.pod["spec"] | {"serviceAccountName": "default"}
    api.create(pod | {"spec": spec})
    privileged = spec | {"hostNetwork": True}
    with pytest.raises(ApiError, match="violates PodSecurity"):
        api.create(pod | {"metadata": {"name": "other", "namespace": namespace}, "spec": privileged})


def test_only_the_operator_pod_is_given_a_token(default: Objects) -> None:
    assert default.one("ServiceAccount")["automountServiceAccountToken"] is False
    assert default.pod["spec"]["automountServiceAccountToken"] is True


def test_the_operator_knows_its_pod(default: Objects) -> None:
    fields = {
        entry["name"]: entry["valueFrom"]["fieldRef"]["fieldPath"]
        for entry in default.container["env"]
        if "valueFrom" in entry
    }
    assert fields == {
        "SERINUS_POD_UID": "metadata.uid",
        "SERINUS_POD_NAME": "metadata.name",
        "SERINUS_NAMESPACE": "metadata.namespace",
    }


def test_probes_ask_what_the_operator_answers(default: Objects) -> None:
    container = default.container
    assert [port["containerPort"] for port in container["ports"]] == [8080]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}


def test_memory_is_limited_and_cpu_is_not(default: Objects) -> None:
    resources = default.container["resources"]
    assert resources["limits"] == {"memory": "256Mi"}
    assert resources["requests"].keys() == {"cpu", "memory"}


def test_one_replica_stands_alone(default: Objects) -> None:
    assert default.one("Deployment")["spec"]["replicas"] == 1
    assert default.of("PodDisruptionBudget") == []
    assert "topologySpreadConstraints" not in default.pod["spec"]


def test_two_replicas_are_kept_apart() -> None:
    two = render("replicas=2")
    assert two.one("Deployment")["spec"]["replicas"] == 2
    budget = two.one("PodDisruptionBudget")["spec"]
    assert budget == {"maxUnavailable": 1, "selector": two.one("Deployment")["spec"]["selector"]}
    [spread] = two.pod["spec"]["topologySpreadConstraints"]
    assert spread["topologyKey"] == "kubernetes.io/hostname"


def test_the_service_leads_to_the_pods(default: Objects) -> None:
    service = default.one("Service", "serinus-metrics")["spec"]
    assert service["selector"] == default.one("Deployment")["spec"]["selector"]["matchLabels"]
    assert service["selector"].items() <= default.pod["metadata"]["labels"].items()
    assert service["ports"] == [{"name": "metrics", "port": 8080, "targetPort": "metrics"}]


def test_a_service_monitor_is_made_on_request_only(default: Objects) -> None:
    assert default.of("ServiceMonitor") == []
    asked = render('metrics.serviceMonitor={"enabled": true, "labels": {"release": "prometheus"}}')
    monitor = asked.one("ServiceMonitor")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    service = asked.one("Service", "serinus-metrics")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"] == [{"port": "metrics", "interval": "30s"}]


def test_a_network_policy_is_made_on_request_only(default: Objects) -> None:
    assert default.of("NetworkPolicy") == []
    policy = render("networkPolicy.enabled=true", "networkPolicy.apiServerPorts=[6443]").one("NetworkPolicy")["spec"]
    assert policy["ingress"] == [{"ports": [{"port": "metrics"}]}]
    assert policy["egress"] == [{"ports": [{"port": 6443}]}]


def test_definitions_outlive_the_release(default: Objects) -> None:
    definitions = default.of("CustomResourceDefinition")
    assert {item["spec"]["names"]["kind"] for item in definitions} == {"ModelDeployment", "ModelRelease"}
    for item in definitions:
        assert item["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_definitions_are_left_out_on_request() -> None:
    assert render("crds.install=false").of("CustomResourceDefinition") == []


def test_policies_are_left_out_on_request(default: Objects) -> None:
    without = {item["metadata"]["name"] for item in render("admissionPolicies.enabled=false").items}
    left_out = {item["metadata"]["name"] for item in default.items} - without
    assert left_out == {"serinus-commands", "serinus-rollout-policy", "serinus-promoter"}


def test_placement_is_the_users() -> None:
    spec = render(
        'nodeSelector={"disk": "fast"}',
        'tolerations=[{"operator": "Exists"}]',
        'affinity={"nodeAffinity": {}}',
        'priorityClassName="high"',
        'imagePullSecrets=[{"name": "registry"}]',
    ).pod["spec"]
    assert spec["nodeSelector"] == {"disk": "fast"}
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert spec["affinity"] == {"nodeAffinity": {}}
    assert spec["priorityClassName"] == "high"
    assert spec["imagePullSecrets"] == [{"name": "registry"}]


def test_users_labels_do_not_replace_those_that_find_the_pods() -> None:
    objects = render('podLabels={"team": "a", "app.kubernetes.io/name": "other"}', 'podAnnotations={"a": "b"}')
    labels = objects.pod["metadata"]["labels"]
    assert labels["team"] == "a"
    assert objects.one("Deployment")["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert objects.pod["metadata"]["annotations"]["a"] == "b"


def test_what_it_may_read_and_write_of_its_own_it_asks_for_by_these_names(default: Objects) -> None:
    named = [rule for rule in default.one("Role", "serinus-own")["rules"] if "resourceNames" in rule]
    assert [rule["resourceNames"] for rule in named] == [[LEASE_NAME], [MASTER]]


def test_a_service_account_of_the_users_own_is_given_the_rights() -> None:
    objects = render('serviceAccount={"create": false, "name": "own"}')
    assert objects.of("ServiceAccount") == []
    assert objects.pod["spec"]["serviceAccountName"] == "own"
    bindings = [*objects.of("ClusterRoleBinding"), *objects.of("RoleBinding")]
    assert [binding["subjects"][0]["name"] for binding in bindings] == ["own", "own"]
