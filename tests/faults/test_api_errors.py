"""Each request that the operator makes is answered by each error, a few times: the rollout ends as the undisturbed one.

In test_api_faults.py every write fails once; here one kind of request fails again and again, and the rest goes well.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

import pytest

from tests.cluster.api import Json
from tests.cluster.eventually import eventually
from tests.cluster.side_by_side import SideBySide
from tests.e2e.models import KINDS, spec
from tests.e2e.test_commands import give
from tests.faults.proxy import ON_TIME, Arrivals, Change, Fault, Request, answer, drop, lose_reply
from tests.faults.rig import new_rig
from tests.faults.rollouts import FIRST, SECONDS, Disturbance, Rollouts, Trial, second_version

pytestmark = pytest.mark.control_plane

TIMES = 3
DELETION_SECONDS = 20.0

ERRORS: dict[str, Fault] = {
    "409": answer(HTTPStatus.CONFLICT, "Conflict"),
    "422": answer(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid"),
    "403": answer(HTTPStatus.FORBIDDEN, "Forbidden"),
    "429 and when to come again": answer(HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequests", {"Retry-After": "1"}),
    "500": answer(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError"),
    "503": answer(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable"),
    "504": answer(HTTPStatus.GATEWAY_TIMEOUT, "Timeout"),
    "never arrives": drop,
    "reply lost": lose_reply,
}
REQUESTS = (
    "PATCH deployments",
    "PATCH services",
    "PATCH poddisruptionbudgets",
    "PATCH modelreleases",
    "PATCH modelreleases status",
    "PATCH modeldeployments status",
    "GET services",
    "DELETE deployments",
    "DELETE services",
    "DELETE poddisruptionbudgets",
    "POST events",
)
"""All that the operator asks for in a small rollout, by namespace."""
RARE_REQUESTS = (
    "PATCH horizontalpodautoscalers",
    "DELETE horizontalpodautoscalers",
    "DELETE modelreleases",
    "GET modeldeployments",
)
"""What it asks for besides in an eventful one: of autoscaled pods, with an old record that goes, and an orphan."""


@dataclass(frozen=True)
class Case:
    """What fails, and how."""

    what: str
    error: str

    def __str__(self) -> str:
        return f"{self.what}: {self.error}"

    def disturbance(self) -> Disturbance:
        left = TIMES

        def fault(request: Request) -> Fault | None:
            nonlocal left
            if request.what != self.what or not left:
                return None
            left -= 1
            return ERRORS[self.error]

        return Disturbance(fault)


CASES = [Case(what, error) for what in (*REQUESTS, *RARE_REQUESTS) for error in ERRORS]
AUTOSCALED: Json = {
    "replicas": None,
    "autoscaling": {"minReplicas": 2, "maxReplicas": 3},
    "rollout": {"history": 1},
}
ORPHANING = second_version(hold=0, pause=True, **AUTOSCALED)


def orphaned(trial: Trial) -> None:
    """A backup restores an object without its owner."""
    trial.holds_its_share()
    name = f"{trial.model.name}-{trial.model.revision(FIRST)}"
    strip = {"metadata": {"ownerReferences": None}}
    trial.model.api.patch(KINDS["Service"], "Service", name, strip, trial.model.namespace)
    give(trial.model, f"promote {trial.model.revision(ORPHANING)} 1")


@pytest.fixture(scope="module")
def rollouts() -> Iterator[Rollouts]:
    with new_rig() as rig:
        yield Rollouts(rig)


@pytest.fixture(scope="module")
def eventful() -> Iterator[Rollouts]:
    before = [spec(f"model:{version}", model={"version": version}, **AUTOSCALED) for version in ("0", "1")]
    with new_rig() as rig:
        yield Rollouts(rig, before=before, second=ORPHANING, meanwhile=orphaned)


@pytest.fixture(scope="module")
def outcome(side_by_side: SideBySide[Case], rollouts: Rollouts, eventful: Rollouts) -> Callable[[Case], object]:
    def work(case: Case) -> object:
        return (eventful if case.what in RARE_REQUESTS else rollouts).disturbed(case.disturbance())

    return side_by_side(work)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_rollout_ends_as_if_nothing_had_failed(outcome: Callable[[Case], object], case: Case) -> None:
    outcome(case)


def test_every_request_of_a_rollout_is_in_the_table(rollouts: Rollouts, eventful: Rollouts) -> None:
    assert sorted(rollouts.undisturbed.requests) == sorted(REQUESTS)
    asked = set(eventful.undisturbed.requests) - {"GET modelreleases"}  # only if a command is answered late
    assert asked == {*REQUESTS, *RARE_REQUESTS}


def test_what_goes_with_a_deletion_that_is_not_heard_of_yet_is_not_made_again(rollouts: Rollouts) -> None:
    """Events of two kinds come in any order: the operator asks before it makes what was there once."""

    def arrivals(change: Change) -> Arrivals:
        return (DELETION_SECONDS,) if (change.plural, change.type) == ("modeldeployments", "DELETED") else ON_TIME

    trial = rollouts.begin(Disturbance(arrivals=arrivals))
    revision = trial.model.apply(FIRST)
    trial.is_promoted(FIRST)
    made = trial.objects.copy()

    trial.model.delete()
    trial.model.api.delete(KINDS["Deployment"], "Deployment", f"fraud-{revision}", trial.model.namespace)

    asks = "GET modeldeployments"
    eventually(lambda: trial.requests[asks] or trial.objects != made, SECONDS, "the operator misses the Deployment")
    assert trial.objects == made
