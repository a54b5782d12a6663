"""Each request that the operator makes is answered by each error, a few times: the rollout ends as the undisturbed one.

In test_api_faults.py every write fails once; here one kind of request fails again and again, and the rest goes well.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

import pytest

from tests.faults.conftest import SideBySide
from tests.faults.proxy import Fault, Request, answer, drop, lose_reply
from tests.faults.rig import new_rig
from tests.faults.rollouts import Disturbance, Rollouts

pytestmark = pytest.mark.control_plane

TIMES = 3

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
"""All that the operator asks for in a rollout of this kind, by namespace."""


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


CASES = [Case(what, error) for what in REQUESTS for error in ERRORS]


@pytest.fixture(scope="module")
def rollouts() -> Iterator[Rollouts]:
    with new_rig() as rig:
        yield Rollouts(rig)


@pytest.fixture(scope="module")
def outcome(side_by_side: SideBySide[Case], rollouts: Rollouts) -> Callable[[Case], object]:
    return side_by_side(lambda case: rollouts.disturbed(case.disturbance()))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_rollout_ends_as_if_nothing_had_failed(outcome: Callable[[Case], object], case: Case) -> None:
    outcome(case)


def test_every_request_of_a_rollout_is_in_the_table(rollouts: Rollouts) -> None:
    assert sorted(rollouts.undisturbed.requests) == sorted(REQUESTS)
