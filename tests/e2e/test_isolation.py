"""Whatever somebody manages to write into one object, every other ModelDeployment goes on."""

import json
from collections.abc import Callable
from contextlib import suppress

import pytest

from serinus.api.names import API_VERSION, LABEL_DEPLOYMENT
from tests.e2e.models import Model, spec
from tests.e2e.operator import OperatorProcess

pytestmark = pytest.mark.control_plane

LEVELS = 5_000


def deep_template(monster: Model) -> None:
    """A template is open, and may be as deep as the API server takes it; Python reads JSON by recursion."""
    wanted = spec()
    wanted["template"]["spec"]["deep"] = "PLACE"
    text = json.dumps(monster.manifest(wanted)).replace('"PLACE"', '{"a":' * LEVELS + "{}" + "}" * LEVELS)
    with suppress(RecursionError):  # the answer is as deep
        monster.api.request("POST", monster.api.path(API_VERSION, "ModelDeployment", monster.namespace), text)


def managed_by_nobody(monster: Model) -> None:
    """The API server takes an entry of managedFields without a manager."""
    entry = {"operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}}}
    metadata = {"name": "theirs", "namespace": monster.namespace, "labels": {LABEL_DEPLOYMENT: monster.name}}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}]}}
    created = monster.api.create(service)
    created["metadata"]["managedFields"] = [{**entry, "time": created["metadata"]["creationTimestamp"]}]
    path = monster.api.path("v1", "Service", monster.namespace, "theirs")
    replaced = monster.api.request("PUT", path, created)
    assert any("manager" not in each for each in replaced["metadata"]["managedFields"])


@pytest.mark.parametrize("appears", [deep_template, managed_by_nobody], ids=lambda each: str(each.__name__))
def test_one_object_stops_no_other(operator: OperatorProcess, model: Model, appears: Callable[[Model], None]) -> None:
    model.settles(model.apply(spec("model:1")))

    appears(Model(model.api, model.namespace, "monster"))

    model.settles(model.apply(spec("model:2")))
    operator.restart()
    model.settles(model.apply(spec("model:3")))
