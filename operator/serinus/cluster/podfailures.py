"""Why a pod is not ready, in the container's own words, told the same way from one back-off to the next."""

from collections.abc import Iterator
from typing import Any, Final

Document = dict[str, Any]

_NO_FAILURE: Final = ("ContainerCreating", "PodInitializing")
_PULL: Final = ("ErrImagePull", "ImagePullBackOff")
_PULL_DETAIL: Final = "ErrImagePull: "
DETAIL_LIMIT: Final = 400


def is_ready(pod: Document) -> bool:
    """Return whether the pod takes requests."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions = pod.get("status", {}).get("conditions", ())
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def failure_of(pod: Document) -> str | None:
    """Return the reason and what is known about it; None while nothing failed.

    The sentence stays the same while a container goes round its restarts, so that a status need not be written each
    time. What the container itself wrote is left out: it may hold anything.
    """
    if "deletionTimestamp" in pod["metadata"] or is_ready(pod):
        return None
    name = pod["metadata"]["name"]
    return next((f"pod {name}: {failure}" for failure in _failures(pod)), None)


def _failures(pod: Document) -> Iterator[str]:
    status = pod.get("status", {})
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield f"{condition.get('reason', 'Unschedulable')}: {_short(condition.get('message', ''))}"
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        failure = _container_failure(container)
        if failure:
            yield failure
    if status.get("phase") == "Failed":
        yield f"{status.get('reason', 'Failed')}: {_short(status.get('message', ''))}"


def _container_failure(container: Document) -> str | None:
    name, state = container["name"], container.get("state", {})
    waiting, ended = state.get("waiting"), state.get("terminated")
    if ended and container.get("ready"):
        return None  # an init container that did its work, be it at the second try
    ended = ended or container.get("lastState", {}).get("terminated")
    if waiting and waiting.get("reason") in _PULL:
        detail = waiting.get("message", "").partition(_PULL_DETAIL)[2] or waiting.get("message", "")
        return f"ImagePullBackOff: container {name}: {_short(detail)}"
    if ended and (ended.get("exitCode") or container.get("restartCount")):
        reason = "CrashLoopBackOff" if container.get("restartCount") else ended.get("reason", "Error")
        return f"{reason}: container {name} ended with exit code {ended.get('exitCode')} {_end_of(ended)}"
    if waiting and waiting.get("reason") not in (None, *_NO_FAILURE):
        return f"{waiting['reason']}: container {name}: {_short(waiting.get('message', ''))}"
    return None


def _end_of(ended: Document) -> str:
    reason = ended.get("reason", "Error")
    # Of a container that could not be started the runtime speaks, not the container.
    return f"({reason}): {_short(ended.get('message', ''))}" if reason == "StartError" else f"({reason})"


def _short(text: str) -> str:
    return text if len(text) <= DETAIL_LIMIT else text[:DETAIL_LIMIT] + "..."
