"""What the API server says is ours, after others have had their hands on our objects.

The answers of a real server are kept in managed_fields.json for the fast tests; test_managed_fields_are_real.py asks
again. `python -m tests.render.managed_fields` writes the file anew.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from serinus.api.modeldeployment import KIND, Autoscaling
from serinus.api.names import API_VERSION, FIELD_MANAGER
from serinus.render.children import Manifest, Owner, address, autoscaler, deployment, disruption_budget
from serinus.render.intent import sealed
from serinus.rollout.view import Size
from tests.cluster.api import MERGE, Api
from tests.cluster.eventually import eventually
from tests.render.samples import MINIMAL, OWNER, RICH, SCALING, Json, snapshot

FILE: Final = Path(__file__).with_suffix(".json")
STRATEGIC: Final = "application/strategic-merge-patch+json"

SMALL: Final[Json] = {
    "endpoint": {"port": "http"},
    "template": {
        "metadata": {"labels": {"team": "risk"}},
        "spec": {
            "nodeSelector": {"disk": "fast"},
            "tolerations": [{"key": "gpu", "operator": "Exists"}],
            "containers": [
                {
                    "name": "model",
                    "image": "fraud:7",
                    "args": ["--model", "/models/fraud"],
                    "ports": [{"name": "http", "containerPort": 8080}],
                    "env": [{"name": "THREADS", "value": "4"}],
                    "resources": {"requests": {"cpu": "1000m"}},
                },
                {"name": "metrics", "image": "metrics:2"},
            ],
        },
    },
}

Edit = Callable[[Api, str, Manifest], None]


@dataclass(frozen=True)
class Hand:
    """What somebody did to one of our objects, and whether all that we ask for is still ours after it."""

    what: str
    to: str
    edit: Edit
    covered: bool = False


def manifests(owner: Owner = OWNER) -> dict[str, Manifest]:
    """The objects as we apply them."""
    autoscaled = Size(1, Autoscaling.model_validate(SCALING))
    small, rich = snapshot(SMALL), snapshot(RICH, revision="9876543210")
    every = {
        "deployment": deployment(owner, small, Size(3)),
        "rich deployment": deployment(owner, rich, autoscaled),
        "service": address(owner, small),
        "autoscaler": autoscaler(owner, small, autoscaled),
        "budget": disruption_budget(owner, small),
    }
    return {name: sealed(manifest) for name, manifest in every.items()}


def _patch(patch: Json, content_type: str) -> Edit:
    def edit(api: Api, path: str, _: Manifest) -> None:
        api.request("PATCH", path, patch, content_type=content_type, query={"fieldManager": "kubectl-edit"})

    return edit


def merge(patch: Json) -> Edit:
    return _patch(patch, MERGE)


def model_container(**fields: Any) -> Edit:  # noqa: ANN401 - any field of a container
    return pod(containers=[{"name": "model", **fields}])


def pod(**fields: Any) -> Edit:  # noqa: ANN401 - any field of a pod
    return _patch({"spec": {"template": {"spec": fields}}}, STRATEGIC)


def replace(image: str | None) -> Edit:
    """The whole object is written back, as an editor or an old client does."""

    def edit(api: Api, path: str, _: Manifest) -> None:
        whole = api.request("GET", path)
        del whole["metadata"]["resourceVersion"]
        if image:
            whole["spec"]["template"]["spec"]["containers"][0]["image"] = image
        api.request("PUT", path, whole, query={"fieldManager": "kubectl-replace"})

    return edit


def apply_replicas(replicas: int) -> Edit:
    def edit(api: Api, _: str, manifest: Manifest) -> None:
        where = {key: manifest["metadata"][key] for key in ("name", "namespace")}
        part = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": where, "spec": {"replicas": replicas}}
        api.apply(part, field_manager="somebody")

    return edit


def nothing(_api: Api, _path: str, _manifest: Manifest) -> None: ...


SERVICE_PORT: Final = {"name": "http", "port": 80, "targetPort": 8080}
CPU: Final = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 1}},
}

HANDS: Final = (
    *(Hand("nobody touched it", name, nothing, covered=True) for name in manifests()),
    Hand("another image", "deployment", model_container(image="fraud:8")),
    Hand("another value of a variable", "deployment", model_container(env=[{"name": "THREADS", "value": "8"}])),
    Hand("a variable removed", "deployment", model_container(env=[{"name": "THREADS", "$patch": "delete"}])),
    Hand("a variable added", "deployment", model_container(env=[{"name": "EXTRA", "value": "1"}]), covered=True),
    Hand("other arguments", "deployment", model_container(args=["--model", "/elsewhere"])),
    Hand("another CPU request", "deployment", model_container(resources={"requests": {"cpu": "2"}})),
    Hand(
        "the same request in other words",
        "deployment",
        model_container(resources={"requests": {"cpu": "1"}}),
        covered=True,
    ),
    Hand("a shorter preStop", "deployment", model_container(lifecycle={"preStop": {"sleep": {"seconds": 1}}})),
    Hand("another name of a port", "deployment", model_container(ports=[{"containerPort": 8080, "name": "web"}])),
    Hand("a container removed", "deployment", pod(containers=[{"name": "metrics", "$patch": "delete"}])),
    Hand("a container added", "deployment", pod(containers=[{"name": "mesh", "image": "mesh:1"}]), covered=True),
    Hand("another node selector", "deployment", pod(nodeSelector={"disk": "slow"})),
    Hand("no tolerations", "deployment", pod(tolerations=[])),
    Hand("a shorter grace period", "deployment", pod(terminationGracePeriodSeconds=15)),
    Hand(
        "another label of the pods",
        "deployment",
        merge({"spec": {"template": {"metadata": {"labels": {"team": "x"}}}}}),
    ),
    Hand("scaled by hand", "deployment", merge({"spec": {"replicas": 7}})),
    Hand("our label changed", "deployment", merge({"metadata": {"labels": {"serinus.dev/revision": "x"}}})),
    Hand("our label removed", "deployment", merge({"metadata": {"labels": {"serinus.dev/deployment": None}}})),
    Hand("our seal removed", "deployment", merge({"metadata": {"annotations": {"serinus.dev/intent": None}}})),
    Hand("an annotation added", "deployment", merge({"metadata": {"annotations": {"who": "me"}}}), covered=True),
    Hand("a label added", "deployment", merge({"metadata": {"labels": {"who": "me"}}}), covered=True),
    Hand("owner references stripped", "deployment", merge({"metadata": {"ownerReferences": None}})),
    Hand("managed fields cleared", "deployment", merge({"metadata": {"managedFields": [{}]}})),
    Hand("replaced with another image", "deployment", replace("fraud:9")),
    Hand("replaced with the same", "deployment", replace(None), covered=True),
    Hand("the same size applied by another", "deployment", apply_replicas(3), covered=True),
    Hand("another size applied by another", "deployment", apply_replicas(4)),
    Hand("another revision selected", "service", merge({"spec": {"selector": {"serinus.dev/revision": "x"}}})),
    Hand("a narrower selector", "service", merge({"spec": {"selector": {"extra": "1"}}})),
    Hand("another target port", "service", merge({"spec": {"ports": [{**SERVICE_PORT, "targetPort": 9}]}})),
    Hand("another port", "service", merge({"spec": {"ports": [{**SERVICE_PORT, "port": 81}]}})),
    Hand("another name of the port", "service", merge({"spec": {"ports": [{**SERVICE_PORT, "name": "web"}]}})),
    Hand(
        "a port added", "service", merge({"spec": {"ports": [SERVICE_PORT, {"name": "b", "port": 81}]}}), covered=True
    ),
    Hand("a larger upper end", "autoscaler", merge({"spec": {"maxReplicas": 50}})),
    Hand("other metrics", "autoscaler", merge({"spec": {"metrics": [CPU]}})),
    Hand(
        "scaling down more slowly",
        "autoscaler",
        merge({"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 9}}}}),
    ),
    Hand("a larger budget", "budget", merge({"spec": {"maxUnavailable": 2}})),
)


def collect(api: Api, namespace: str) -> list[Json]:
    """Let every hand do its deed, and return what the server says is ours after each."""
    model = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": OWNER.name, "namespace": namespace}}
    owner = Owner(OWNER.name, namespace, api.create({**model, "spec": {**MINIMAL, "replicas": 0}})["metadata"]["uid"])
    return [
        {"what": hand.what, "to": hand.to, "owned": _owned_after(hand, api, manifests(owner)[hand.to], owner)}
        for hand in HANDS
    ]


def _owned_after(hand: Hand, api: Api, manifest: Manifest, owner: Owner) -> Json:
    where = manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"], owner.namespace
    api.delete(*where)
    eventually(lambda: api.read(*where) is None, 10, f"the {hand.to} of before is gone")
    api.apply(manifest, field_manager=FIELD_MANAGER)
    path = api.path(manifest["apiVersion"], manifest["kind"], owner.namespace, manifest["metadata"]["name"])
    hand.edit(api, path, manifest)
    entries = api.request("GET", path)["metadata"].get("managedFields", ())
    ours = (entry["fieldsV1"] for entry in entries if entry["manager"] == FIELD_MANAGER and "subresource" not in entry)
    owned: Json = json.loads(json.dumps(next(ours, {})).replace(owner.uid, OWNER.uid))
    return owned


def kept() -> list[Json]:
    """What the server said when the file was written."""
    answers: list[Json] = json.loads(FILE.read_text())
    return answers


def main() -> None:
    """Write the file anew."""
    from tests.cluster.bare import bare_control_plane  # noqa: PLC0415 - only here
    from tests.cluster.fixtures import apply_definitions  # noqa: PLC0415 - only here

    with bare_control_plane() as plane:
        apply_definitions(plane.api)
        plane.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OWNER.namespace}})
        answers = collect(plane.api, OWNER.namespace)
    lines = ",\n".join(json.dumps(answer, sort_keys=True) for answer in answers)
    FILE.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
