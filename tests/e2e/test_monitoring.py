"""A model is monitored unless its spec says otherwise: what that asks of the cluster."""

import base64
from typing import Any

from tests.cluster.api import Json
from tests.cluster.eventually import eventually
from tests.e2e.models import SECONDS, Model, spec


def monitored(image: str = "model:1", **fields: Any) -> Json:  # noqa: ANN401 - JSON
    return spec(image, **{"monitoring": {"task": "Binary"}, **fields})


def secret(model: Model, name: str) -> Json | None:
    return model.api.read("v1", "Secret", name, model.namespace)


def test_pods_have_sidecars_and_the_secrets_that_these_mount(model: Model) -> None:
    revision = model.apply(monitored())
    model.settles(revision)
    pod = model.child_now("Deployment", revision)["spec"]["template"]["spec"]
    assert [each["name"] for each in pod["initContainers"]] == ["serinus-monitor", "serinus-proxy"]
    assert {each["image"] for each in pod["initContainers"]} == {"serinus:test"}
    mounted = [each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each]
    assert mounted == ["serinus-keys", "fraud-feedback"]
    assert all(secret(model, name) for name in mounted)
    (port,) = model.child_now("Service")["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (80, 15080)


def test_what_is_there_stays_as_it_is(model: Model) -> None:
    own = {"metadata": {"name": "fraud-feedback", "namespace": model.namespace}, "apiVersion": "v1", "kind": "Secret"}
    model.api.create(own | {"stringData": {"token": "mine"}})
    model.settles(model.apply(monitored()))
    before = secret(model, "serinus-keys")
    model.settles(model.apply(monitored("model:2")))
    assert secret(model, "serinus-keys") == before
    found = secret(model, "fraud-feedback")
    assert found
    assert base64.b64decode(found["data"]["token"]) == b"mine"


def test_feedback_goes_with_the_model_and_keys_stay(model: Model) -> None:
    model.settles(model.apply(monitored()))
    model.delete()
    model.is_gone()
    eventually(lambda: secret(model, "fraud-feedback") is None, SECONDS, "the token goes with its model")
    assert secret(model, "serinus-keys")


def test_what_somebody_deleted_is_made_again_with_the_next_revision(model: Model) -> None:
    """Until then pods run without it."""
    model.settles(model.apply(monitored()))
    model.api.delete("v1", "Secret", "fraud-feedback", model.namespace)
    model.settles(model.apply(monitored("model:2")))
    assert secret(model, "fraud-feedback")


def test_turning_it_on_is_a_new_revision_and_by_steps_needs_a_gateway(model: Model) -> None:
    first = model.apply(spec())
    model.settles(first)
    steps = {"steps": [{"weight": 50, "minSeconds": 1}], "scaleDownDelaySeconds": 0}
    model.apply(monitored(rollout=steps))
    model.reports("RenderFailed", "one Service cannot send a share to each", "rollout.steps to []")
    assert model.serving() == first

    model.settles(model.apply(monitored("model:2")))
