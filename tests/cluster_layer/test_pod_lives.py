"""What is said of a pod from its first to its last status, as a real scheduler and kubelet (1.34) wrote them.

pod_statuses.json has the statuses of 18 pods over two minutes, without the times, ids and conditions nobody reads here.
"""

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from serinus.cluster.podfailures import failure_of

STATUSES: dict[str, list[dict[str, Any]]] = json.loads(Path(__file__).with_name("pod_statuses.json").read_text())

UNPULLED = (
    'failed to pull and unpack image "registry.invalid/fraud:9": failed to resolve reference '
    '"registry.invalid/fraud:9": failed to do request: Head "https://registry.invalid/v2/fraud/manifests/9": '
    "dial tcp: lookup registry.invalid on 10.255.255.53:53: dial udp 10.255.255.53:53: connect: network is unreachable"
)
NOT_LOADED = 'Container image "fraud:not-loaded" is not present with pull policy of Never'
NO_NAME = (
    'Failed to apply default image tag "registry.invalid/Fraud:9": couldn\'t parse image name '
    '"registry.invalid/Fraud:9": invalid reference format: repository name (Fraud) must be lowercase'
)
UNSCHEDULED = (
    "no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
)
NO_PROGRAM = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    'unable to start container process: exec: "/nope": stat /nope: no such file or directory: unknown'
)

LIVES = {
    "a model that serves": [],
    "a model that never becomes ready": [],
    "a volume from a Secret that is not there": [],
    "a model that ends with an error": [
        "Error: container model ended with exit code 3 (Error)",
        "CrashLoopBackOff: container model ended with exit code 3 (Error)",
    ],
    "a model that ends without one": ["CrashLoopBackOff: container model ended with exit code 0 (Completed)"],
    "a model that takes too much memory": [
        "OOMKilled: container model ended with exit code 137 (OOMKilled)",
        "CrashLoopBackOff: container model ended with exit code 137 (OOMKilled)",
    ],
    "an image that is not there": [f"ImagePullBackOff: container model: {UNPULLED}"],
    "an image that must be loaded and is not": [
        f"ErrImageNeverPull: container model: {NOT_LOADED}",
    ],
    "an image whose name is none": [
        f"InvalidImageName: container model: {NO_NAME}",
    ],
    "a ConfigMap that is not there": ['CreateContainerConfigError: container model: configmap "settings" not found'],
    "a ConfigMap that went before a restart": ["Error: container model ended with exit code 1 (Error)"],
    "a program that is not in the image": [
        f"StartError: container model ended with exit code 128 (StartError): {NO_PROGRAM}",
        f"CrashLoopBackOff: container model ended with exit code 128 (StartError): {NO_PROGRAM}",
    ],
    "more CPU than a node has": [f"Unschedulable: 0/2 nodes are available: 2 Insufficient cpu. {UNSCHEDULED}"],
    "a node that is not there": [
        f"Unschedulable: 0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. {UNSCHEDULED}"
    ],
    "a pod that must not be scheduled yet": [
        "SchedulingGated: Scheduling is blocked due to non-empty scheduling gates"
    ],
    "an init container that fails": [
        "Error: container fetch ended with exit code 1 (Error)",
        "CrashLoopBackOff: container fetch ended with exit code 1 (Error)",
    ],
    "an init container that fails once": ["Error: container fetch ended with exit code 1 (Error)"],
    "a native sidecar that fails": [
        "Error: container proxy ended with exit code 1 (Error)",
        "CrashLoopBackOff: container proxy ended with exit code 1 (Error)",
    ],
}


def told(what: str) -> list[str | None]:
    """The sentences over the life of a pod, each once as long as it stays."""
    every = (failure_of({"metadata": {"name": "x"}, "status": status}) for status in STATUSES[what])
    return [sentence and sentence.removeprefix("pod x: ") for sentence, _ in groupby(every)]


@pytest.mark.parametrize(("what", "sentences"), LIVES.items(), ids=LIVES)
def test_a_life_has_these_sentences_in_this_order(what: str, sentences: list[str]) -> None:
    assert list(dict.fromkeys(filter(None, told(what)))) == sentences


def test_every_recorded_life_is_looked_at() -> None:
    assert LIVES.keys() == STATUSES.keys()


@pytest.mark.parametrize("what", [what for what in LIVES if "ends" not in what and "memory" not in what])
def test_a_sentence_stays_until_another_cause_shows(what: str) -> None:
    """A container that never runs is not told as well again between two tries."""
    sentences = [sentence for sentence in told(what) if sentence]
    assert len(sentences) == len(LIVES[what])


def test_an_init_container_that_did_its_work_in_the_end_is_forgotten() -> None:
    assert told("an init container that fails once")[-1] is None
