"""ModelDeployments and ModelReleases for benchmarks, and the wait until operator and nodes are done with them."""

import asyncio
import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from benchmarks.requests import Requests, each_of
from benchmarks.setting import NAMESPACE
from serinus.api import modeldeployment
from serinus.api.commands import ANNOTATION_COMMAND
from serinus.api.modelrelease import ModelReleaseSpec, ReleaseEndpoint
from serinus.api.names import API_VERSION, LABEL_DEPLOYMENT, REVISION_LENGTH
from serinus.cluster.resources import MODEL_DEPLOYMENT, MODEL_RELEASE
from serinus.render.children import Owner, release
from serinus.render.revision import revision_of
from serinus.render.snapshot import revision_labels
from tests.cluster.api import Api, Json
from tests.cluster.eventually import NotYetError, eventually
from tests.cluster.parts.progress import step

REPLICAS: Final = 3
KIBIBYTE: Final = 1024
LOOK_SECONDS: Final = 2.0
"""Looking at a thousand of them is work for the API server, too."""
SHORT_LOOK_SECONDS: Final = 0.2
BULK_FIELDS: Final = 50
HELD_FOR_EVER: Final = 86_400
HELD_SECONDS: Final = 600
"""How long canaries may take to their weight: far more than they do."""
CANARY_VERSION: Final = "2"
AT_ONCE: Final[Json] = {"steps": []}
"""A new revision takes over as soon as all its pods are ready."""
MODELS: Final = MODEL_DEPLOYMENT.path(NAMESPACE)
RELEASES: Final = MODEL_RELEASE.path(NAMESPACE)


def names(number: int) -> list[str]:
    """Return the names of that many ModelDeployments."""
    return [f"model-{index:04}" for index in range(number)]


def steps(*held: tuple[int, int], **fields: int) -> Json:
    """Return a rollout of steps, each a weight and the seconds it is held at least."""
    return {"steps": [{"weight": weight, "minSeconds": seconds} for weight, seconds in held], **fields}


def model_deployment(name: str, version: str = "1", rollout: Json = AT_ONCE) -> Json:
    """Return a ModelDeployment of ordinary size."""
    return {
        "apiVersion": API_VERSION,
        "kind": modeldeployment.KIND,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"team": "risk", "app": name}},
        "spec": {
            "model": {"version": version},
            "replicas": REPLICAS,
            "rollout": rollout,
            "template": _template(name, version),
        },
    }


async def create_models(connection: Requests, wanted: list[str], rollout: Json = AT_ONCE) -> None:
    """Create ModelDeployments."""
    await each_of(wanted, lambda name: connection.create(MODELS, model_deployment(name, rollout=rollout)))


async def ask_for(connection: Requests, name: str, version: str, rollout: Json) -> str:
    """Ask for a version of a ModelDeployment; return the revision that it will be."""
    spec = model_deployment(name, version, rollout)["spec"]
    await connection.merge(f"{MODELS}/{name}", {"spec": spec})
    return revision_of(spec)


async def bring_to_weight(connection: Requests, api: Api, wanted: Collection[str], rollout: Json) -> int:
    """Return the number of ready pods, once all of these are canaries that hold the weight of their first step."""
    weight = rollout["steps"][0]["weight"]
    step(f"bringing {len(wanted)} canaries to {weight} %")
    await each_of(wanted, lambda name: ask_for(connection, name, CANARY_VERSION, rollout))
    return await asyncio.to_thread(wait_until_held, api, wanted, weight, HELD_SECONDS)


async def give_command(connection: Requests, name: str, text: str) -> None:
    """Give a command about a rollout."""
    await connection.merge(f"{MODELS}/{name}", {"metadata": {"annotations": {ANNOTATION_COMMAND: text}}})


async def create_releases(connection: Requests, api: Api, number: int, size: int) -> None:
    """Give every ModelDeployment a history: releases of `size` bytes, each promoted once, long ago."""
    bulk = _bulk(size)
    models = api.find(API_VERSION, modeldeployment.KIND, NAMESPACE)
    past = [(model["metadata"], index) for model in models for index in range(number)]

    async def create(entry: tuple[Json, int]) -> None:
        metadata, index = entry
        owner = Owner(metadata["name"], NAMESPACE, metadata["uid"])
        manifest = release(owner, _past_snapshot(owner.name, index, bulk))
        promoted_at = datetime.now(UTC) - timedelta(days=number - index)
        await connection.create(RELEASES, manifest)
        path = f"{RELEASES}/{manifest['metadata']['name']}/status"
        await connection.merge(path, {"status": {"promotedAt": promoted_at.strftime("%Y-%m-%dT%H:%M:%SZ")}})

    await each_of(past, create)


def image_of(name: str, version: str) -> str:
    """Return the image of a version: simulated nodes decide by it how pods fare."""
    return f"registry.example/{name}:{version}"


def read_model(api: Api, name: str) -> Json:
    """Return a ModelDeployment that is there."""
    model = api.read(API_VERSION, modeldeployment.KIND, name, NAMESPACE)
    assert model is not None, f"no ModelDeployment {name}"
    return model


def wait_until_served(api: Api, number: int, timeout: float) -> int:
    """Return the number of ready pods, once every ModelDeployment reports that all of its pods serve."""

    def served() -> bool:
        ready = sum(is_served(model) for model in api.find(API_VERSION, modeldeployment.KIND, NAMESPACE))
        if ready < number:
            raise NotYetError(f"{ready} of {number} ModelDeployments are served")
        return True

    eventually(served, timeout, "all ModelDeployments are served", interval=LOOK_SECONDS)
    return count_ready_pods(api)


def wait_until_held(api: Api, wanted: Collection[str], weight: int, timeout: float) -> int:
    """Return the number of ready pods, once the canaries of these ModelDeployments have their weight, also in force."""

    def held() -> bool:
        models = {model["metadata"]["name"]: model for model in api.find(API_VERSION, modeldeployment.KIND, NAMESPACE)}
        ready = sum(_holds(models[name], weight) for name in wanted)
        if ready < len(wanted):
            raise NotYetError(f"{ready} of {len(wanted)} canaries hold {weight} %")
        return True

    eventually(held, timeout, f"the canaries hold {weight} %", interval=SHORT_LOOK_SECONDS)
    return count_ready_pods(api)


def _holds(model: Json, weight: int) -> bool:
    canary: Json = model["status"].get("canary", {})
    if "weight" not in canary:
        return False
    in_force = canary["weightInForce"] > 0
    return bool(canary["weight"] == weight and in_force == (weight > 0))


def count_ready_pods(api: Api) -> int:
    """Return the number of ready pods."""
    return sum(map(is_ready, api.find("v1", "Pod", NAMESPACE, labels=LABEL_DEPLOYMENT)))


def is_ready(pod: Json) -> bool:
    """Whether a pod takes traffic."""
    conditions = pod["status"].get("conditions", ())
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def is_served(model: Json) -> bool:
    """Whether a ModelDeployment reports, about its present spec, that all of its pods serve."""
    status = model["status"]
    current = status["observedGeneration"] == model["metadata"]["generation"]
    ready = {condition["type"]: condition["status"] for condition in status.get("conditions", ())}.get("Ready")
    return current and ready == "True" and status.get("stable", {}).get("readyReplicas") == REPLICAS


def sizes(api: Api) -> str:
    """Return how large the objects are in the API."""
    largest = []
    for kind in (MODEL_DEPLOYMENT, MODEL_RELEASE):
        pages = api.request("GET", kind.path(NAMESPACE), query={"limit": "20"})["items"]
        size = max(len(json.dumps(item, separators=(",", ":"))) for item in pages)
        largest.append(f"{kind.kind} {size / KIBIBYTE:.1f} KiB")
    return ", ".join(largest)


def _template(name: str, version: str) -> Json:
    return {
        "metadata": {"annotations": {"team/contact": "risk@example.com"}},
        "spec": {
            "containers": [
                {
                    "name": "model",
                    "image": image_of(name, version),
                    "ports": [{"name": "http", "containerPort": 8080}],
                    "env": [{"name": f"SETTING_{index}", "value": f"value of setting {index}"} for index in range(8)],
                    "resources": {
                        "requests": {"cpu": "100m", "memory": "256Mi"},
                        "limits": {"cpu": "1", "memory": "1Gi"},
                    },
                    "readinessProbe": {"httpGet": {"path": "/v2/health/ready", "port": "http"}, "periodSeconds": 5},
                    "livenessProbe": {"httpGet": {"path": "/v2/health/live", "port": "http"}, "periodSeconds": 10},
                    "volumeMounts": [{"name": "weights", "mountPath": "/models", "readOnly": True}],
                }
            ],
            "volumes": [{"name": "weights", "emptyDir": {"sizeLimit": "2Gi"}}],
        },
    }


def _past_snapshot(name: str, index: int, bulk: list[Json]) -> ModelReleaseSpec:
    revision = f"{index:0{REVISION_LENGTH}x}"
    template = _template(name, f"0.{index}")
    template["metadata"]["labels"] = revision_labels(name, revision)
    template["spec"]["containers"][0]["env"] += bulk
    return ModelReleaseSpec(
        deployment=name,
        revision=revision,
        version=f"0.{index}",
        endpoint=ReleaseEndpoint(port=8080, name="http", container="model"),
        template=template,
        rendered_by="0.0.1",
    )


def _bulk(size: int) -> list[Json]:
    """Return environment variables that make up most of so many bytes, of text that compression cannot make small."""
    random = Random(size)  # noqa: S311 - no secret
    value = size // BULK_FIELDS - len('{"name":"BULK_00","value":""},')
    return [{"name": f"BULK_{index:02}", "value": random.randbytes(value // 2).hex()} for index in range(BULK_FIELDS)]
