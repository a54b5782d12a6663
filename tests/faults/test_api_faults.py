"""What the API server and the network do to the operator's requests makes no difference to how a rollout ends."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus

import pytest

from tests.cluster.side_by_side import SideBySide
from tests.faults.proxy import Fault, Request, answer, delay, drop, lose_reply
from tests.faults.replay import Mischief, Recording, Stage, replay
from tests.faults.script import SCRIPTS, Script, Step

pytestmark = pytest.mark.control_plane

FAULTS: dict[str, Fault] = {
    "never arrives": drop,
    "reply lost": lose_reply,
    "late": delay(0.3),
    "conflict": answer(HTTPStatus.CONFLICT, "Conflict"),
    "slow down": answer(HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequests", {"Retry-After": "1"}),
    "internal error": answer(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError"),
    "unavailable": answer(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable"),
    "timeout": answer(HTTPStatus.GATEWAY_TIMEOUT, "Timeout"),
    "no words": answer(HTTPStatus.BAD_GATEWAY),
}


@dataclass(frozen=True)
class Case:
    """What fails, and in which rollout."""

    script: Script
    fault: str

    def __str__(self) -> str:
        return f"{self.script}, {self.fault}"


CASES = [Case(script, fault) for script in SCRIPTS for fault in FAULTS]


def test_watches_break_all_the_time_and_cannot_go_on_from_where_they_were(
    stage: Stage, recordings: Mapping[Script, Recording]
) -> None:
    proxy = stage.rig.proxy

    def break_watches(_request: Request, _step: Step, number: int) -> Fault | None:
        if number % 7 == 0:
            proxy.expire_watches()
        elif number % 3 == 0:
            proxy.break_watches()
        return None

    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda script: replay(stage, script, recordings[script], break_watches), SCRIPTS))


@pytest.fixture(scope="module")
def outcome(
    side_by_side: SideBySide[Case], stage: Stage, recordings: Mapping[Script, Recording]
) -> Callable[[Case], object]:
    return side_by_side(
        lambda case: replay(stage, case.script, recordings[case.script], _once_each(FAULTS[case.fault]))
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_kind_of_write_fails_once(outcome: Callable[[Case], object], case: Case) -> None:
    outcome(case)


def _once_each(fault: Fault) -> Mischief:
    """The fault for the first write of each kind to each object."""
    met: set[str] = set()

    def strike(request: Request, _step: Step, _number: int) -> Fault | None:
        if str(request) in met:
            return None
        met.add(str(request))
        return fault

    return strike
