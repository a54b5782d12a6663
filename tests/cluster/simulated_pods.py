"""What simulated nodes write about a pod: pure functions from a pod and what a test decided to its status."""

from dataclasses import dataclass
from typing import Any, Final

from tests.cluster.api import Json


@dataclass(frozen=True)
class Behaviour:
    """What becomes of a container."""

    ready: bool = True
    waiting: str = ""
    """The reason why it does not run, if it does not."""
    message: str = ""
    exit_code: int | None = None
    """How it ended the last time, if it ever did."""
    exit_reason: str = "Error"
    restarts: int = 0


READY: Final = Behaviour()
NEVER_READY: Final = Behaviour(ready=False)


def crash_loop(exit_code: int = 1, *, reason: str = "Error", message: str = "", restarts: int = 3) -> Behaviour:
    """Ends again and again; `reason` and `message` are the container's own."""
    return Behaviour(
        ready=False,
        waiting="CrashLoopBackOff",
        message=message,
        exit_code=exit_code,
        exit_reason=reason,
        restarts=restarts,
    )


def image_pull_back_off(message: str = "Back-off pulling image") -> Behaviour:
    return Behaviour(ready=False, waiting="ImagePullBackOff", message=message)


def pod_status(spec: Json, behaviours: dict[str, Behaviour], address: str, node_address: str, now: str) -> Json:
    """The status of a bound pod; `behaviours` tells of containers by name, the others are ready."""
    containers = [
        _container_status(container, behaviours.get(container["name"], READY), now) for container in spec["containers"]
    ]
    ready = all(container["ready"] for container in containers)
    conditions = {"PodScheduled": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}
    runs = any("running" in container["state"] for container in containers)
    return {
        "phase": "Running"
        if runs or any(behaviour.exit_code is not None for behaviour in behaviours.values())
        else "Pending",
        "startTime": now,
        "hostIP": node_address,
        "hostIPs": [{"ip": node_address}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [
            {"type": kind, "status": str(holds), "lastTransitionTime": now}
            | ({} if holds else _why_not_ready(containers))
            for kind, holds in conditions.items()
        ],
        "containerStatuses": containers,
        "initContainerStatuses": [_init_status(container, now) for container in spec.get("initContainers", ())],
    }


def _why_not_ready(containers: list[Json]) -> Json:
    names = " ".join(container["name"] for container in containers if not container["ready"])
    return {"reason": "ContainersNotReady", "message": f"containers with unready status: [{names}]"}


def _container_status(container: Json, behaviour: Behaviour, now: str) -> Json:
    state: Json = {"running": {"startedAt": now}}
    if behaviour.waiting:
        state = {"waiting": {"reason": behaviour.waiting, "message": behaviour.message}}
    last: Json = {}
    if behaviour.exit_code is not None:
        terminated = {"startedAt": now, "finishedAt": now, "message": behaviour.message}
        last = {"terminated": {"exitCode": behaviour.exit_code, "reason": behaviour.exit_reason, **terminated}}
    return _status(container, state) | {
        "ready": behaviour.ready,
        "started": not behaviour.waiting,
        "restartCount": behaviour.restarts,
        "lastState": last,
    }


def _init_status(container: Json, now: str) -> Json:
    """A native sidecar runs on, any other init container has ended well."""
    if container.get("restartPolicy") == "Always":
        return _status(container, {"running": {"startedAt": now}})
    ended = {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}
    return _status(container, {"terminated": ended}) | {"started": False}


def _status(container: Json, state: Json) -> dict[str, Any]:
    image = container["image"]
    return {
        "name": container["name"],
        "image": image,
        "imageID": f"{image}@simulated",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": state,
    }
