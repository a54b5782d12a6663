"""The objects of a revision: which ones there are for which size, and what stands in them."""

import copy
from collections.abc import Callable

import pytest

from serinus.api.modeldeployment import Autoscaling
from serinus.api.modelrelease import ModelReleaseSpec
from serinus.api.names import LABEL_DEPLOYMENT
from serinus.render.children import (
    Manifest,
    Owner,
    address,
    autoscaler,
    children,
    deployment,
    disruption_budget,
    release,
    service,
)
from serinus.render.snapshot import RenderError
from serinus.rollout.view import Size
from tests.render.samples import MINIMAL, OWNER, RICH, SCALING, Json, snapshot

REVISION = {"serinus.dev/deployment": "fraud", "serinus.dev/revision": "0123456789"}


def scaling(**fields: object) -> Size:
    return Size(1, Autoscaling.model_validate({"maxReplicas": 3, **fields}))


def with_resources(resources: Json | None) -> Json:
    spec = copy.deepcopy(MINIMAL)
    spec["template"]["spec"]["containers"][0]["resources"] = resources
    return spec


@pytest.mark.parametrize(
    ("size", "kinds"),
    [
        (Size(0), ["Deployment", "Service"]),
        (Size(1), ["Deployment", "Service"]),
        (Size(2), ["Deployment", "Service", "PodDisruptionBudget"]),
        (scaling(minReplicas=1, maxReplicas=1), ["Deployment", "Service", "HorizontalPodAutoscaler"]),
        (
            scaling(minReplicas=1, maxReplicas=2),
            ["Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"],
        ),
    ],
    ids=["no pod", "one pod", "two pods", "scaled, at most one pod", "scaled"],
)
def test_there_is_an_autoscaler_where_asked_for_and_a_budget_above_one_pod(size: Size, kinds: list[str]) -> None:
    assert [manifest["kind"] for manifest in children(OWNER, snapshot(RICH), size)] == kinds


class TestEveryObject:
    MAKERS: tuple[Callable[[Owner, ModelReleaseSpec], Manifest], ...] = (
        release,
        service,
        disruption_budget,
        lambda owner, of: deployment(owner, of, Size(2)),
        lambda owner, of: autoscaler(owner, of, scaling()),
    )
    every = pytest.mark.parametrize("make", MAKERS, ids=["release", "service", "budget", "deployment", "autoscaler"])

    @every
    def test_of_a_revision_is_named_and_labelled_after_it(
        self, make: Callable[[Owner, ModelReleaseSpec], Manifest]
    ) -> None:
        metadata = make(OWNER, snapshot(RICH))["metadata"]
        assert (metadata["name"], metadata["namespace"]) == ("fraud-0123456789", "risk")
        assert metadata["labels"] == REVISION

    @every
    def test_goes_with_the_model_deployment(self, make: Callable[[Owner, ModelReleaseSpec], Manifest]) -> None:
        assert make(OWNER, snapshot(RICH))["metadata"]["ownerReferences"] == [
            {
                "apiVersion": "serinus.dev/v1alpha1",
                "kind": "ModelDeployment",
                "name": "fraud",
                "uid": OWNER.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]

    @every
    def test_copies_no_label_and_no_annotation_of_anybody(
        self, make: Callable[[Owner, ModelReleaseSpec], Manifest]
    ) -> None:
        """Argo CD finds what it tracks by them, and prunes what it did not make."""
        metadata = make(OWNER, snapshot(RICH))["metadata"]
        named = {*metadata["labels"], *metadata.get("annotations", {})}
        assert all(name.startswith("serinus.dev/") for name in named)

    @every
    def test_is_the_same_when_it_is_made_again(self, make: Callable[[Owner, ModelReleaseSpec], Manifest]) -> None:
        assert make(OWNER, snapshot(RICH)) == make(OWNER, snapshot(RICH))


class TestDeployment:
    def test_has_the_template_of_the_snapshot(self) -> None:
        spec = deployment(OWNER, snapshot(RICH), Size(3))["spec"]
        assert spec == {
            "replicas": 3,
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": REVISION},
            "template": snapshot(RICH).template,
        }

    def test_selects_its_own_pods(self) -> None:
        spec = deployment(OWNER, snapshot(RICH), Size(3))["spec"]
        assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()

    def test_at_zero_says_zero(self) -> None:
        assert deployment(OWNER, snapshot(RICH), Size(0))["spec"]["replicas"] == 0

    def test_leaves_its_replicas_to_the_autoscaler(self) -> None:
        assert "replicas" not in deployment(OWNER, snapshot(RICH), scaling())["spec"]

    def test_names_the_version_so_that_a_lost_record_can_be_rebuilt(self) -> None:
        assert deployment(OWNER, snapshot(RICH), Size(1))["metadata"]["annotations"] == {
            "serinus.dev/model-version": "7"
        }
        assert "annotations" not in deployment(OWNER, snapshot(MINIMAL), Size(1))["metadata"]


class TestService:
    def test_of_a_revision_leads_to_its_pods(self) -> None:
        assert service(OWNER, snapshot(RICH))["spec"] == {
            "selector": REVISION,
            "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
        }

    def test_port_has_a_name_where_the_containers_has_none(self) -> None:
        (port,) = service(OWNER, snapshot(MINIMAL))["spec"]["ports"]
        assert (port["name"], port["targetPort"]) == ("http", 8080)

    def test_port_has_the_name_of_the_containers(self) -> None:
        (port,) = service(OWNER, snapshot({**RICH, "endpoint": {"port": "grpc"}}))["spec"]["ports"]
        assert (port["name"], port["port"], port["targetPort"]) == ("grpc", 80, 9000)

    def test_at_the_address_has_the_models_name_and_no_revision_of_its_own(self) -> None:
        manifest = address(OWNER, snapshot(RICH))
        assert manifest["metadata"]["name"] == "fraud"
        assert manifest["metadata"]["labels"] == {"serinus.dev/deployment": "fraud"}

    def test_at_the_address_leads_to_one_revision(self) -> None:
        assert address(OWNER, snapshot(RICH))["spec"] == service(OWNER, snapshot(RICH))["spec"]


class TestAutoscaler:
    def test_scales_the_deployment_in_its_range(self) -> None:
        spec = autoscaler(OWNER, snapshot(with_resources({"requests": {"cpu": "1"}})), scaling(minReplicas=2))["spec"]
        assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 3)
        assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "fraud-0123456789"}
        assert "behavior" not in spec

    def test_has_metrics_and_behavior_as_they_were_given(self) -> None:
        spec = autoscaler(OWNER, snapshot(MINIMAL), Size(1, Autoscaling.model_validate(SCALING)))["spec"]
        del spec["scaleTargetRef"]
        assert spec == SCALING

    def test_scales_by_the_cpu_of_the_container_that_serves_by_default(self) -> None:
        (metric,) = autoscaler(OWNER, snapshot(RICH), scaling())["spec"]["metrics"]
        assert metric == {
            "type": "ContainerResource",
            "containerResource": {
                "container": "model",
                "name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 80},
            },
        }

    @pytest.mark.parametrize("kind", ["requests", "limits"])
    def test_takes_a_limit_for_a_request_as_kubernetes_does(self, kind: str) -> None:
        autoscaler(OWNER, snapshot(with_resources({kind: {"cpu": "1"}})), scaling())

    @pytest.mark.parametrize(
        "resources",
        [None, {}, {"requests": None}, {"requests": {"memory": "1Gi"}}, {"limits": {"memory": "1Gi"}}],
        ids=str,
    )
    def test_without_a_cpu_request_says_what_to_set(self, resources: Json | None) -> None:
        with pytest.raises(RenderError) as error:
            children(OWNER, snapshot(with_resources(resources)), scaling())
        assert str(error.value) == (
            "autoscaling without metrics scales by CPU, and container model requests none: "
            "set its resources.requests.cpu, or autoscaling.metrics"
        )

    def test_needs_no_cpu_request_where_metrics_are_given(self) -> None:
        children(OWNER, snapshot(MINIMAL), scaling(metrics=SCALING["metrics"]))


def test_a_budget_lets_one_pod_go_at_a_time() -> None:
    assert disruption_budget(OWNER, snapshot(RICH))["spec"] == {
        "maxUnavailable": 1,
        "selector": {"matchLabels": REVISION},
    }


def test_a_release_is_the_snapshot_as_json() -> None:
    manifest = release(OWNER, snapshot(RICH))
    assert (manifest["apiVersion"], manifest["kind"]) == ("serinus.dev/v1alpha1", "ModelRelease")
    assert manifest["spec"] == {
        "deployment": "fraud",
        "revision": "0123456789",
        "version": "7",
        "endpoint": {"port": 8080, "name": "http", "container": "model"},
        "template": snapshot(RICH).template,
        "renderedBy": "0.1.0",
    }
    assert ModelReleaseSpec.model_validate(manifest["spec"]) == snapshot(RICH)


class TestAddressOfTwo:
    """While a canary has a share, the model's address leads to the pods of both revisions."""

    def beside(self, port: int, name: str | None) -> ModelReleaseSpec:
        other = snapshot(MINIMAL, revision="9876543210")
        endpoint = other.endpoint.model_copy(update={"port": port, "name": name})
        return other.model_copy(update={"endpoint": endpoint})

    def test_selects_by_the_model_alone(self) -> None:
        first = snapshot(MINIMAL)
        spec = address(OWNER, first, self.beside(first.endpoint.port, None))["spec"]
        assert spec["selector"] == {LABEL_DEPLOYMENT: OWNER.name}
        assert spec["ports"][0]["targetPort"] == first.endpoint.port

    def test_finds_ports_of_the_same_name(self) -> None:
        first = snapshot(RICH)
        spec = address(OWNER, first, self.beside(9999, first.endpoint.name))["spec"]
        assert spec["ports"][0]["targetPort"] == first.endpoint.name

    def test_cannot_be_where_neither_number_nor_name_is_the_same(self) -> None:
        with pytest.raises(RenderError, match="give both ports the same name"):
            address(OWNER, snapshot(MINIMAL), self.beside(9999, None))
