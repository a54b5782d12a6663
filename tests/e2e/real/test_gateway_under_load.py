"""A real Gateway in front of real pods under constant load: it splits as it is told, and no request fails.

One run of load goes through all that takes pods or weight away, since every phase costs the time of real pods.
"""

import time
import urllib.request
from contextlib import AbstractContextManager
from typing import Any, Final

import pytest

from serinus.api.names import LABEL_DEPLOYMENT
from tests.cluster.addons import condition
from tests.cluster.api import Json
from tests.cluster.backends import Backend
from tests.cluster.eventually import eventually
from tests.e2e.gateways import splits
from tests.e2e.history import History
from tests.e2e.models import SECONDS, Model
from tests.e2e.real.load import LOOK_SECONDS, Load, Span, constant_load, in_force, time_in_force
from tests.e2e.real.model_server import real_spec
from tests.e2e.test_commands import give

pytestmark = [pytest.mark.requires("gateway"), pytest.mark.requires("metrics"), pytest.mark.requires("drain")]

TRAFFIC: Final = {"gateway": {"parentRefs": [{"name": "public", "namespace": "gateway"}]}}
HOSTNAME: Final = "canary.example.com"
GATEWAY_HOST: Final = "public.gateway"
RATE: Final = 300
REQUESTS: Final = 20_000
"""How many there must be, or the test has not shown much."""
REQUESTED: Final = "60m"
"""The load alone takes about 28m of each of four pods: that they are too many must show on a slower machine, too."""
WORK_RATE: Final = 60
WORK_MILLISECONDS: Final = 10
"""Half a core of work for two revisions: more than three pods of each are to do, also where a third of it gets done."""
SCALING_SECONDS: Final = 90
"""Resource metrics are as old as 20 s, and an autoscaler wants them of all pods."""
AT_ONCE: Final = {"stabilizationWindowSeconds": 0}
AUTOSCALING: Final = {
    "minReplicas": 2,
    "maxReplicas": 4,
    "behavior": {"scaleUp": AT_ONCE, "scaleDown": AT_ONCE},
}
HPA: Final = "HorizontalPodAutoscaler"
AUTOSCALER: Final = "kube-controller-manager"


def spec(image: str, version: str, *steps: tuple[int, int], **fields: Any) -> Json:  # noqa: ANN401 - JSON
    """A model behind the Gateway, on all nodes, whose new revisions go through steps."""
    held = [{"weight": weight, "minSeconds": seconds} for weight, seconds in steps]
    rollout = {"steps": held, "scaleDownDelaySeconds": 3}
    wanted = real_spec(image, version, traffic=TRAFFIC, rollout=rollout, monitoring={"mode": "Sidecar"})
    pod = wanted["template"]["spec"]
    pod["containers"][0]["resources"] = {"requests": {"cpu": REQUESTED}}
    pod["topologySpreadConstraints"] = [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {LABEL_DEPLOYMENT: "fraud"}},
            "matchLabelKeys": ["pod-template-hash"],
        }
    ]
    return wanted | fields


def test_no_request_fails_whatever_takes_pods_or_weight_away(installed: Backend, model: Model, image: str) -> None:
    first = model.apply(spec(image, "7"))
    model.settles(first)
    with constant_load(installed, model.namespace, GATEWAY_HOST, rate=RATE) as load:
        second = model.apply(spec(image, "8", (10, 10), (50, 6)))
        spans = [time_in_force(model, "8", 10), time_in_force(model, "8", 50)]
        model.settles(second)
        splits(model, {second: 100})

        held = spec(image, "9", (50, 3600))
        third = model.apply(held)
        began = in_force(model, 50)
        autoscaling_comes(model, held, second, third)
        with working(installed, model) as burst:
            for revision in (second, third):
                scales_out(model, revision, 4)
            a_node_is_drained(installed, model, second, third)
        spans.append(Span("9", 50, began, time.time()))
        give(model, f"abort {third} 1")
        model.reports("Aborted", "was given up")
        splits(model, {second: 100})
        model.pods_come(third, 0)
        eventually(lambda: len(model.pods(second)) < 4, SCALING_SECONDS, "it scales in, and the pod has ended")
        assert model.scalers(second) == {AUTOSCALER}
    assert not load.failures + burst.failures
    assert len(load.answers) > REQUESTS
    # The Gateway takes turns: who asks beside it decides which turns are left for the other.
    both = Load(load.answers + burst.answers)
    for span in spans:
        both.assert_split(span)


def working(cluster: Backend, model: Model) -> AbstractContextManager[Load]:
    """Load that takes more than the pods there are."""
    return constant_load(cluster, model.namespace, GATEWAY_HOST, rate=WORK_RATE, work_milliseconds=WORK_MILLISECONDS)


def autoscaling_comes(model: Model, held: Json, *revisions: str) -> None:
    """Turn autoscaling on in mid-canary: every revision gets an autoscaler and keeps its pods."""
    pods = {revision: model.pod_uids(revision) for revision in revisions}
    model.apply({key: value for key, value in held.items() if key != "replicas"} | {"autoscaling": AUTOSCALING})
    for revision in revisions:
        eventually(lambda: model.child(HPA, revision), SECONDS, f"{revision} has an autoscaler")  # noqa: B023 - called at once
    assert {revision: model.pod_uids(revision) for revision in revisions} == pods


def scales_out(model: Model, revision: str, pods: int) -> None:
    """Wait until the autoscaler has brought so many pods, by what the model's container uses, and all are ready."""

    def out() -> bool:
        status = model.child_now("Deployment", revision)["status"]
        autoscaler = model.child_now(HPA, revision)["status"]
        assert status.get("readyReplicas") == pods, (status, autoscaler)
        metrics = autoscaler.get("currentMetrics") or [{}]  # none while a new pod has not been measured yet
        assert "containerResource" in metrics[0], autoscaler
        return True

    eventually(out, SCALING_SECONDS, f"{revision} scales out to {pods} pods", interval=LOOK_SECONDS)
    assert model.scalers(revision) == {AUTOSCALER}


def a_node_is_drained(cluster: Backend, model: Model, *revisions: str) -> None:
    """Drain a node that has pods of every revision; of none of them more than one is missing at a time."""
    drained = nodes(cluster)[-1]
    for revision in revisions:
        assert drained in {pod["spec"]["nodeName"] for pod in model.pods(revision)}
    history = History.from_now(cluster.api, model.namespace)
    try:
        cluster.kubectl("drain", drained, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=90s", "--force")
        assert drained not in {pod["spec"]["nodeName"] for pod in model.pods()}
    finally:
        cluster.kubectl("uncordon", drained)
    states = [(item["metadata"]["name"], item["status"]) for _, item in history.of("Deployment")]
    assert {name for name, _ in states} == {f"{model.name}-{revision}" for revision in revisions}
    assert {name: status for name, status in states if status.get("unavailableReplicas", 0) > 1} == {}


def nodes(cluster: Backend) -> list[str]:
    """The names of nodes that are ready."""
    return sorted(node["metadata"]["name"] for node in cluster.api.find("v1", "Node") if condition(node, "Ready"))


def test_who_asks_for_the_canary_gets_it_before_it_has_any_weight(installed: Backend, model: Model, image: str) -> None:
    # A hostname of its own: the route of an earlier test may still be there.
    traffic = {"gateway": {**TRAFFIC["gateway"], "hostnames": [HOSTNAME]}}
    model.settles(model.apply(spec(image, "7", traffic=traffic)))
    wanted = spec(image, "8", traffic=traffic)
    model.apply({**wanted, "rollout": {**wanted["rollout"], "approval": "Required"}})
    model.reports("AwaitingApproval", "at 0 %")

    def answer(**headers: str) -> str:
        asked = {"Host": HOSTNAME, **headers}
        request = urllib.request.Request(installed.gateway_url, b"0", asked)  # noqa: S310 - the test's own cluster
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
            told: str = response.read().decode()
        return told

    pinned = {"x-serinus-canary": "true"}
    eventually(lambda: answer(**pinned) == "8", SECONDS, "the Gateway knows the canary")
    assert [answer(**pinned) for _ in range(20)] == ["8"] * 20
    assert [answer() for _ in range(20)] == ["7"] * 20
