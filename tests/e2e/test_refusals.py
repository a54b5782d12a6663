"""What cannot be made: reported in the API server's words, and put right as soon as it can be."""

import pytest

from tests.cluster.api import Json
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.cluster.simulated_pods import NEVER_READY
from tests.e2e.models import Model, spec

pytestmark = pytest.mark.control_plane


def invalid_spec() -> Json:
    """A spec that our schema lets pass, for its pods are Kubernetes' own business, and the API server does not."""
    wanted = spec("model:2")
    wanted["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}
    return wanted


def misspelt_spec() -> Json:
    """A spec with a field that no pod has."""
    wanted = spec("model:2")
    wanted["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always"
    return wanted


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (invalid_spec(), ("requests", "must be less than or equal to cpu limit")),
        (misspelt_spec(), ("imagePullPolice", "field not declared in schema")),
    ],
    ids=["invalid", "misspelt"],
)
def test_an_invalid_template_is_reported_in_the_servers_words_and_a_good_one_goes_on(
    model: Model, wanted: Json, words: tuple[str, ...]
) -> None:
    first = model.apply(spec("model:1"))
    model.settles(first)
    pods = model.pod_uids(first)

    revision = model.apply(wanted)
    model.reports("RenderFailed", f"Deployment fraud-{revision}", *words)

    assert model.says("Available") == ("True", "Serving")
    assert model.says("Stalled") == ("True", "RenderFailed")
    assert model.serving() == first
    assert model.pod_uids(first) == pods
    model.settles(model.apply(spec("model:3")))


def test_an_invalid_first_template_is_reported_and_replaced(model: Model) -> None:
    model.apply(invalid_spec())
    model.reports("RenderFailed")

    model.settles(model.apply(spec("model:1")))


def test_an_exhausted_quota_is_told_and_pods_come_when_it_grows(model: Model) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "pods", "namespace": model.namespace},
        "spec": {"hard": {"pods": "1"}},
    }
    model.api.create(quota)
    revision = model.apply(spec(replicas=2))

    model.reports("PodsFailing", "1 of 2 pods ready", "exceeded quota: pods")

    model.api.patch("v1", "ResourceQuota", "pods", {"spec": {"hard": {"pods": "4"}}}, model.namespace)
    model.settles(revision)


def test_an_object_that_a_quota_refuses_comes_when_the_quota_grows(model: Model) -> None:
    model.api.create(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "services", "namespace": model.namespace},
            "spec": {"hard": {"services": "1"}},
        }
    )
    revision = model.apply(spec())

    model.reports("RequestRefused", "Service fraud", "exceeded quota: services")
    assert model.says("Reconciling") == ("True", "RequestRefused")

    model.api.patch("v1", "ResourceQuota", "services", {"spec": {"hard": {"services": "4"}}}, model.namespace)
    model.settles(revision)


def test_one_that_stalls_slows_no_other(model: Model, simulated_nodes: SimulatedNodes) -> None:
    simulated_nodes.decide(NEVER_READY, image="bad:1")
    for name, wanted in (("invalid", invalid_spec()), ("slow", spec("bad:1"))):
        Model(model.api, model.namespace, name).apply(wanted)

    model.settles(model.apply(spec()))
