"""A real Gateway in front of real pods: its split is the one that was decided, and no request fails on the way."""

from collections.abc import Iterator

import pytest

from tests.cluster.backends import Backend
from tests.cluster.eventually import eventually
from tests.cluster.install import install
from tests.e2e.gateways import splits
from tests.e2e.models import SECONDS, Model
from tests.e2e.real_model import load_on, real_spec

pytestmark = pytest.mark.requires("gateway")

TRAFFIC = {"gateway": {"parentRefs": [{"name": "public", "namespace": "gateway"}]}}
GATEWAY_HOST = "public.gateway"
LOAD_SECONDS = 35
"""Longer than a rollout of one step, and the end of the old pods."""
TIMES = 20

ASK = """
import http.client, sys
host, times, *header = sys.argv[1:]
for _ in range(int(times)):
    connection = http.client.HTTPConnection(host, 80, timeout=5)
    connection.request("GET", "/", headers=dict([header]) if header else {})
    print(connection.getresponse().read().decode())
    connection.close()
"""


@pytest.fixture(scope="module")
def installed(cluster: Backend) -> Backend:
    """A cluster with the operator in it."""
    install(cluster)
    return cluster


@pytest.fixture
def model(installed: Backend, namespace: str) -> Iterator[Model]:
    """A ModelDeployment that is not there yet."""
    model = Model(installed.api, namespace)
    yield model
    model.delete()


def test_a_gateway_splits_as_it_is_told_and_a_promotion_loses_no_request(installed: Backend, model: Model) -> None:
    image = installed.python_image()
    first = model.apply(real_spec(image, "7", traffic=TRAFFIC))
    model.settles(first)
    held = {"steps": [{"weight": 20, "minSeconds": 12}], "scaleDownDelaySeconds": 3}
    with load_on(installed, model.namespace, GATEWAY_HOST, LOAD_SECONDS) as whole:
        second = model.apply(real_spec(image, "8", traffic=TRAFFIC, rollout=held))
        eventually(
            lambda: model.status().get("canary", {}).get("weightInForce") == 20, SECONDS, "the share is in force"
        )
        with load_on(installed, model.namespace, GATEWAY_HOST, seconds=5) as meanwhile:
            shares = meanwhile.result().by_version
        model.settles(second)
        splits(model, {second: 100})
        model.pods_come(first, 0)
        answers = whole.result()
    assert not answers.failures
    assert answers.last == "8"
    asked = sum(shares.values())
    assert asked > 100
    assert shares["8"] / asked == pytest.approx(0.2, abs=0.05)


def test_who_asks_for_a_canary_that_has_no_share_gets_it_and_nobody_else_does(installed: Backend, model: Model) -> None:
    image = installed.python_image()
    first = model.apply(real_spec(image, "7", traffic=TRAFFIC))
    model.settles(first)
    second = model.apply(real_spec(image, "8", traffic=TRAFFIC, rollout={"steps": [], "approval": "Required"}))
    model.reports("AwaitingApproval")
    splits(model, {first: 100, second: 0})

    def ask(*headers: str) -> set[str]:
        said = installed.run_in_network(ASK, GATEWAY_HOST, str(TIMES), *headers, namespace=model.namespace)
        return set(said.split())

    eventually(lambda: ask("x-serinus-canary", "true") == {"8"}, SECONDS, "who asks for the canary gets it")
    assert ask() == {"7"}
