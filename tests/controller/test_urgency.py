"""What cannot wait its turn behind other rollouts."""

from dataclasses import replace

import pytest

from serinus.cluster.objects import PodCount, Seen, SeenChild
from serinus.controller.urgency import is_urgent
from tests.cluster_layer.sightings import MODEL_UID, child, model, pod, release


def deployment(wanted: int, ready: int, *, deleting: bool = False) -> SeenChild:
    return replace(child("Deployment"), pods=PodCount(wanted, ready, trouble=None), deleting=deleting)


ABORT = f"abort 4f1c2d3e4a {MODEL_UID}-1"
ANSWERED = b'{"lastCommand":{"verb":"abort","revision":"4f1c2d3e4a","nonce":"%s-1"}}' % MODEL_UID.encode()

URGENT: dict[str, tuple[Seen | None, Seen | None]] = {
    "the last ready pod was lost": (deployment(2, 1), deployment(2, 0)),
    "all pods were taken away": (deployment(2, 2), deployment(0, 0)),
    "the pods were lost before we started": (None, deployment(2, 0)),
    "somebody deleted it": (deployment(2, 2), None),
    "a command was given": (model(), model(command=ABORT)),
    "a command was given before we started": (None, model(command=ABORT)),
    "another command was given": (model(command="pause 4f1c2d3e4a 1"), model(command=ABORT)),
}
PATIENT: dict[str, tuple[Seen | None, Seen | None]] = {
    "one of two ready pods was lost": (deployment(2, 2), deployment(2, 1)),
    "its pods are still to come": (deployment(2, 0), deployment(2, 0)),
    "its pods came": (deployment(2, 0), deployment(2, 2)),
    "it answers as we start": (None, deployment(2, 1)),
    "none is wanted as we start": (None, deployment(0, 0)),
    "we deleted it": (deployment(2, 2, deleting=True), None),
    "it went without ready pods": (deployment(2, 0), None),
    "a pod is new": (None, pod("a")),
    "another object is new": (None, child()),
    "another object is gone": (child(), None),
    "a release is new": (None, release()),
    "a model changed": (model(), model(2)),
    "its command is the same": (model(command=ABORT), model(2, command=ABORT)),
    "its command was answered before we started": (None, replace(model(command=ABORT), status=ANSWERED)),
    "its command was taken back": (model(command=ABORT), model(2)),
    "a model is gone": (model(command=ABORT), None),
}


@pytest.mark.parametrize("change", URGENT.values(), ids=URGENT)
def test_this_is_urgent(change: tuple[Seen | None, Seen | None]) -> None:
    assert is_urgent(*change)


@pytest.mark.parametrize("change", PATIENT.values(), ids=PATIENT)
def test_this_can_wait(change: tuple[Seen | None, Seen | None]) -> None:
    assert not is_urgent(*change)
