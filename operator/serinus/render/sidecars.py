"""What a pod template gets for its model to be monitored: two sidecars, or what the middleware in the model needs."""

import json
from typing import Any, Final

from serinus.api.modeldeployment import ModelDeploymentSpec
from serinus.api.modelrelease import ReleaseEndpoint
from serinus.api.monitoring import Endpoint, Monitoring
from serinus.api.sidecars import (
    FEEDBACK_TOKEN,
    HEALTH_PORT,
    KEYS_FOLDER,
    KEYS_SECRET,
    MONITOR_PORT,
    POD_ADDRESS,
    POD_NAME,
    PROFILE_FILE,
    PROXY_PORT,
    RING_PORT,
    SERVING,
)

Json = dict[str, Any]

PROXY: Final = "serinus-proxy"
MONITOR: Final = "serinus-monitor"
KEYS: Final = "serinus-keys"
FEEDBACK: Final = "serinus-feedback"
PROFILE: Final = "serinus-profile"
PORTS: Final = {PROXY_PORT: "the proxy", MONITOR_PORT: "the monitor", RING_PORT: "their records", HEALTH_PORT: "probes"}

RESTRICTED: Final[Json] = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


class SidecarError(Exception):
    """What is added does not fit into the pod; the message tells the user what to change."""


def feedback_secret(name: str) -> str:
    """Return the name of the Secret with the token that opens a model's feedback."""
    return f"{name}-feedback"


def with_sidecars(template: Json, serving: Json, image: str) -> Json:
    """Return a pod template with the proxy and the monitor in it. What the user has in it stays as it is."""
    if not image:
        raise SidecarError("the operator does not know the image of the sidecars: start it with --image")
    pod = template["spec"]
    _check(pod)
    volumes = _volumes(serving)
    mounts = _mounts(volumes)
    common = {"image": image, "restartPolicy": "Always", "env": _told(serving), "securityContext": RESTRICTED}
    # They end in reverse order: the proxy's last records still find the monitor.
    monitor = {
        "name": MONITOR,
        "args": ["monitor"],
        **common,
        "ports": [{"name": MONITOR, "containerPort": MONITOR_PORT}],
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "192Mi"}},
        "volumeMounts": mounts,
    }
    proxy = {
        "name": PROXY,
        "args": ["proxy"],
        **common,
        "ports": [{"name": PROXY, "containerPort": PROXY_PORT}],
        # The pod is ready when the model's own probes say so and the proxy reaches the model's port.
        "readinessProbe": {"httpGet": {"path": "/ready", "port": HEALTH_PORT}, "periodSeconds": 2},
        # As many connections as it takes may all be busy at once, each with two buffers of 64 KiB.
        "resources": {"requests": {"cpu": "20m", "memory": "48Mi"}, "limits": {"memory": "768Mi"}},
        "volumeMounts": [mount for mount in mounts if mount["mountPath"] == KEYS_FOLDER],
    }
    return {
        **template,
        "spec": {
            **pod,
            "initContainers": [*(pod.get("initContainers") or ()), monitor, proxy],
            "volumes": [*(pod.get("volumes") or ()), *(volume for volume, _ in volumes)],
        },
    }


def with_middleware(template: Json, serving: Json, name: str) -> Json:
    """Return a pod template whose model container has what the middleware in it needs to know."""
    pod = template["spec"]
    _check(pod)
    volumes = _volumes(serving)

    def told(container: Json) -> Json:
        given, taken = container.get("env") or (), {each["name"] for each in _told(serving)}
        for each in given:
            if each["name"] in taken:
                raise SidecarError(f"{each['name']} in env of container {name} is set by Serinus: remove it")
        mounts = [*(container.get("volumeMounts") or ()), *_mounts(volumes)]
        return {**container, "env": [*given, *_told(serving)], "volumeMounts": mounts}

    return {
        **template,
        "spec": {
            **pod,
            "containers": [told(each) if each["name"] == name else each for each in pod["containers"]],
            "volumes": [*(pod.get("volumes") or ()), *(volume for volume, _ in volumes)],
        },
    }


def serving_of(name: str, namespace: str, revision: str, spec: ModelDeploymentSpec, model: ReleaseEndpoint) -> Json:
    """Return what the sidecars are told of the model they stand beside, see serinus.monitor.serving."""
    endpoint, monitoring = spec.endpoint or Endpoint(), spec.monitoring or Monitoring()
    told = {
        "deployment": name,
        "namespace": namespace,
        "revision": revision,
        "modelPort": model.port,
        **endpoint.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"port"}),
        **monitoring.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"mode", "profile_ref"}),
    }
    return told | ({"profile": monitoring.profile_ref.name} if monitoring.profile_ref else {})


def model_endpoint(template: Json) -> ReleaseEndpoint | None:
    """Return where clients reach the model of a template that has a proxy, or None where it has none."""
    proxy = next((each for each in template["spec"].get("initContainers") or () if each["name"] == PROXY), None)
    if proxy is None:
        return None
    served = next(json.loads(each["value"])["modelPort"] for each in proxy["env"] if each["name"] == SERVING)
    return next(
        (
            ReleaseEndpoint(port=PROXY_PORT, container=container["name"])
            for container in template["spec"]["containers"]
            for port in container.get("ports") or ()
            if port["containerPort"] == served
        ),
        None,
    )


def secrets_of(template: Json) -> dict[str, str]:
    """Return the Secrets that a template's sidecars mount, by volume."""
    return {
        volume["name"]: volume["secret"]["secretName"]
        for volume in template["spec"].get("volumes") or ()
        if volume["name"] in (KEYS, FEEDBACK)
    }


def _told(serving: Json) -> list[Json]:
    return [
        {"name": SERVING, "value": json.dumps(serving, sort_keys=True, separators=(",", ":"), ensure_ascii=False)},
        {"name": POD_ADDRESS, "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": POD_NAME, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]


def _mounts(volumes: list[tuple[Json, str]]) -> list[Json]:
    return [{"name": volume["name"], "mountPath": path, "readOnly": True} for volume, path in volumes]


def _volumes(serving: Json) -> list[tuple[Json, str]]:
    """Return the volumes and where each is mounted. What is missing must keep no pod from serving."""
    secrets = [(KEYS, KEYS_SECRET, KEYS_FOLDER)]
    if "task" in serving and not serving.get("feedback", {}).get("public"):
        secrets.append((FEEDBACK, feedback_secret(serving["deployment"]), _folder(FEEDBACK_TOKEN)))
    found: list[tuple[Json, str]] = [
        ({"name": volume, "secret": {"secretName": secret, "optional": True}}, path) for volume, secret, path in secrets
    ]
    if profile := serving.get("profile"):
        volume: Json = {"name": PROFILE, "configMap": {"name": profile, "optional": True}}
        found.append((volume, _folder(PROFILE_FILE)))
    return found


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _check(pod: Json) -> None:
    for container in (*pod["containers"], *(pod.get("initContainers") or ())):
        for port in container.get("ports") or ():
            if taken := PORTS.get(port["containerPort"]):
                raise SidecarError(
                    f"container {container['name']} has port {port['containerPort']}, which Serinus takes for {taken}: "
                    "choose another one, or set monitoring.mode to None"
                )
    for volume in pod.get("volumes") or ():
        if volume["name"] in (KEYS, FEEDBACK, PROFILE):
            raise SidecarError(f"volumes of the name {volume['name']} are added by Serinus: choose another name")
