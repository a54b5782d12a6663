"""Why a pod is not ready, from the statuses that kubelets and schedulers write."""

from typing import Any

import pytest

from serinus.cluster.podfailures import DETAIL_LIMIT, failure_of, is_ready

Document = dict[str, Any]

POD = "fraud-0123456789-abcde"
IMAGE = "registry.example.org/fraud:8"
NOT_FOUND = f'failed to pull and unpack image "{IMAGE}": not found'


def pod(*containers: Document, init: tuple[Document, ...] = (), ready: bool = False, **status: object) -> Document:
    return {
        "metadata": {"name": POD},
        "status": {
            "phase": "Pending" if init else "Running",
            "conditions": [
                {"type": "PodScheduled", "status": "True"},
                {"type": "Ready", "status": "True" if ready else "False"},
            ],
            "initContainerStatuses": list(init),
            "containerStatuses": list(containers),
            **status,
        },
    }


def waiting(reason: str, message: str | None = None) -> Document:
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def ended(code: int, reason: str = "Error", message: str | None = None) -> Document:
    return {"terminated": {"exitCode": code, "reason": reason, **({"message": message} if message else {})}}


def running() -> Document:
    return {"running": {"startedAt": "2026-11-21T12:00:00Z"}}


def container(state: Document, last: Document | None = None, restarts: int = 0, name: str = "model") -> Document:
    return {
        "name": name,
        "state": state,
        "lastState": last or {},
        "restartCount": restarts,
        "ready": False,
        "image": IMAGE,
    }


CRASHES = (
    container(ended(1), ended(1), restarts=1),
    container(waiting("CrashLoopBackOff", "back-off 10s restarting failed container"), ended(1), restarts=1),
    container(running(), ended(1), restarts=2),
    container(ended(1), ended(1), restarts=2),
    container(waiting("CrashLoopBackOff", "back-off 20s restarting failed container"), ended(1), restarts=2),
    container(waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container"), ended(1), restarts=40),
)

PULLS = (
    container(waiting("ErrImagePull", NOT_FOUND)),
    container(waiting("ImagePullBackOff", f'Back-off pulling image "{IMAGE}": ErrImagePull: {NOT_FOUND}')),
)


@pytest.mark.parametrize("status", CRASHES)
def test_a_container_that_crashes_has_one_sentence_all_the_way_round(status: Document) -> None:
    assert failure_of(pod(status)) == (f"pod {POD}: CrashLoopBackOff: container model ended with exit code 1 (Error)")


@pytest.mark.parametrize("status", PULLS)
def test_an_image_that_cannot_be_pulled_has_one_sentence_between_the_tries_and_during_them(status: Document) -> None:
    assert failure_of(pod(status)) == f"pod {POD}: ImagePullBackOff: container model: {NOT_FOUND}"


def test_an_older_kubelet_tells_less_of_an_image_that_it_cannot_pull() -> None:
    message = f'Back-off pulling image "{IMAGE}"'
    told = failure_of(pod(container(waiting("ImagePullBackOff", message))))
    assert told == f"pod {POD}: ImagePullBackOff: container model: {message}"


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        pytest.param(
            pod(
                conditions=[
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
                    }
                ],
                phase="Pending",
            ),
            "Unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
            id="no node has room",
        ),
        pytest.param(
            pod(container(ended(1))), "Error: container model ended with exit code 1 (Error)", id="its first end"
        ),
        pytest.param(
            pod(container(ended(137, "OOMKilled"))),
            "OOMKilled: container model ended with exit code 137 (OOMKilled)",
            id="its first end, for want of memory",
        ),
        pytest.param(
            pod(container(waiting("CrashLoopBackOff", "back-off 10s"), ended(137, "OOMKilled"), restarts=3)),
            "CrashLoopBackOff: container model ended with exit code 137 (OOMKilled)",
            id="for want of memory again and again",
        ),
        pytest.param(
            pod(container(waiting("CrashLoopBackOff", "back-off 10s"), ended(0, "Completed"), restarts=3)),
            "CrashLoopBackOff: container model ended with exit code 0 (Completed)",
            id="a model that does not stay",
        ),
        pytest.param(
            pod(container(waiting("CreateContainerConfigError", 'secret "token" not found'))),
            'CreateContainerConfigError: container model: secret "token" not found',
            id="a Secret is missing",
        ),
        pytest.param(
            pod(container(waiting("InvalidImageName", 'Failed to apply default image tag "A:b:c"'))),
            'InvalidImageName: container model: Failed to apply default image tag "A:b:c"',
            id="no image has such a name",
        ),
        pytest.param(
            pod(
                container(waiting("PodInitializing")),
                init=(container(waiting("CrashLoopBackOff", "back-off"), ended(2), restarts=1, name="fetch"),),
            ),
            "CrashLoopBackOff: container fetch ended with exit code 2 (Error)",
            id="an init container fails",
        ),
        pytest.param(
            pod(
                container(waiting("CreateContainerConfigError", 'configmap "settings" not found')),
                init=(container(ended(0, "Completed"), name="fetch"),),
            ),
            'CreateContainerConfigError: container model: configmap "settings" not found',
            id="an init container that did its work is no failure",
        ),
        pytest.param(
            pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory."),
            "Evicted: The node was low on resource: memory.",
            id="a pod that is evicted",
        ),
    ],
)
def test_a_pod_that_fails_says_why(status: Document, sentence: str) -> None:
    assert failure_of(status) == f"pod {POD}: {sentence}"


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({"metadata": {"name": POD}}, id="just made"),
        pytest.param(pod(container(waiting("ContainerCreating"))), id="its container is being made"),
        pytest.param(pod(container(running())), id="not ready yet"),
        pytest.param(
            pod(container(waiting("PodInitializing")), init=(container(running(), name="fetch"),)), id="initializing"
        ),
        pytest.param(
            pod(container(waiting("PodInitializing")), init=(container(ended(0, "Completed"), name="fetch"),)),
            id="initialized",
        ),
        pytest.param(pod(container(running(), ended(1), restarts=4), ready=True), id="ready after restarts"),
        pytest.param({**pod(*CRASHES[:1]), "metadata": {"name": POD, "deletionTimestamp": "now"}}, id="going"),
    ],
)
def test_a_pod_that_starts_serves_or_goes_has_not_failed(status: Document) -> None:
    assert failure_of(status) is None


def test_what_the_container_wrote_is_not_told() -> None:
    told = failure_of(pod(container(ended(1, message="password=hunter2"), ended(1, message="hunter2"), restarts=1)))
    assert told is not None
    assert "hunter2" not in told


def test_a_long_message_is_cut() -> None:
    told = failure_of(pod(container(waiting("CreateContainerError", "x" * 5000))))
    assert told is not None
    assert len(told) < DETAIL_LIMIT + 100
    assert told.endswith("x...")


@pytest.mark.parametrize(("ready", "going", "takes"), [(True, False, True), (False, False, False), (True, True, False)])
def test_a_pod_takes_requests_when_it_is_ready_and_stays(*, ready: bool, going: bool, takes: bool) -> None:
    status = pod(container(running()), ready=ready)
    if going:
        status["metadata"]["deletionTimestamp"] = "2026-11-21T12:01:00Z"
    assert is_ready(status) is takes
