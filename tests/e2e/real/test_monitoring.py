"""Models with the proxy and the monitor beside them, in real pods."""

import json
from typing import Any, Final

import pytest

from tests.cluster.api import Json
from tests.cluster.backends import Backend
from tests.cluster.eventually import eventually
from tests.e2e.models import SECONDS, Model
from tests.e2e.real.load import constant_load
from tests.e2e.real.model_server import real_spec

RATE: Final = 200

ASK: Final = """
import http.client, json, sys
host, port, method, path, body, headers = sys.argv[1:]
connection = http.client.HTTPConnection(host, int(port), timeout=5)
try:
    connection.request(method, path, body or None, json.loads(headers))
    answer = connection.getresponse()
    print(json.dumps([answer.status, dict(answer.getheaders()), answer.read().decode()]))
except OSError as error:
    print(json.dumps([0, {}, repr(error)]))
"""
# The first process of a container is its keeper.
KILL: Final = """
import os
for each in filter(str.isdigit, os.listdir("/proc")):
    if int(each) not in (1, os.getpid()):
        os.kill(int(each), 9)
"""


def monitored(image: str, version: str, **fields: Any) -> Json:  # noqa: ANN401 - JSON
    return real_spec(image, version, monitoring={"mode": "Sidecar", "task": "Binary"}, **fields)


class Caller:
    """Somebody in the cluster's network."""

    def __init__(self, cluster: Backend, model: Model) -> None:
        self._cluster = cluster
        self._namespace = model.namespace

    def ask(self, host: str, path: str, body: str = "", port: int = 80, **headers: str) -> tuple[int, Json, str]:
        method = "POST" if body else "GET"
        named = json.dumps({name.replace("_", "-"): value for name, value in headers.items()})
        printed = self._cluster.run_in_network(
            ASK, host, str(port), method, path, body, named, namespace=self._namespace
        )
        status, answered, text = json.loads(printed)
        return status, {name.lower(): value for name, value in answered.items()}, text


@pytest.fixture
def caller(installed: Backend, model: Model) -> Caller:
    return Caller(installed, model)


def test_a_monitored_model_answers_with_receipts(caller: Caller, model: Model, image: str) -> None:
    model.settles(model.apply(monitored(image, "7")))
    status, headers, text = caller.ask(model.name, "/", body="0")
    assert (status, text) == (200, "7")
    assert headers["x-serinus-receipt"].count(".") == 1


def test_its_pods_are_ready_when_model_and_proxy_are(model: Model, image: str) -> None:
    revision = model.apply(monitored(image, "7"))
    model.settles(revision)
    for pod in model.pods(revision):
        states = {each["name"]: each["ready"] for each in pod["status"]["initContainerStatuses"]}
        assert states == {"serinus-monitor": True, "serinus-proxy": True}
        assert all(each["restartCount"] == 0 for each in pod["status"]["initContainerStatuses"])


def test_a_takeover_from_one_with_sidecars_to_another_loses_no_request(
    installed: Backend, model: Model, image: str
) -> None:
    first = model.apply(monitored(image, "7"))
    model.settles(first)
    with constant_load(installed, model.namespace, model.name, rate=RATE, fresh=True) as load:
        second = model.apply(monitored(image, "8"))
        model.settles(second)
        model.pods_come(first, 0)
    assert not load.failures
    assert (set(load.versions), load.last) == ({"7", "8"}, "8")


def test_a_pod_with_sidecars_ends_in_time(installed: Backend, model: Model, image: str) -> None:
    """A proxy that does not end holds the pod until its grace period is over."""
    revision = model.apply(monitored(image, "7", replicas=1))
    model.settles(revision)
    (pod,) = model.pods_come(revision, 1)
    installed.kubectl("delete", "pod", pod, "--namespace", model.namespace, "--wait=false")
    gone = 10 + 10  # the drain of the model, and some for all the rest; the grace period is 40
    eventually(lambda: pod not in {each["metadata"]["name"] for each in model.pods(revision)}, gone, "the pod is gone")


@pytest.mark.parametrize("sidecar", ["proxy", "monitor"])
def test_what_dies_in_a_sidecar_is_back_before_the_pod_counts_as_unready(
    installed: Backend, caller: Caller, model: Model, image: str, sidecar: str
) -> None:
    revision = model.apply(monitored(image, "7", replicas=1))
    model.settles(revision)
    (pod,) = model.pods_come(revision, 1)
    installed.kubectl(
        "exec", pod, "--namespace", model.namespace, "--container", f"serinus-{sidecar}", "--", "python3", "-c", KILL
    )
    eventually(lambda: caller.ask(model.name, "/", body="0")[0] == 200, SECONDS, "it answers")
    statuses = next(each for each in model.pods(revision))["status"]["initContainerStatuses"]
    assert [each["restartCount"] for each in statuses] == [0, 0]
