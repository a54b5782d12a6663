"""What the API server and the network do to the operator's requests makes no difference to how a rollout ends."""

from collections.abc import Iterator
from http import HTTPStatus

import pytest

from tests.faults.proxy import Fault, Request, answer, delay, drop, lose_reply
from tests.faults.replay import Mischief, Recording, record, replay
from tests.faults.rig import Rig, new_rig

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


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with new_rig() as rig:
        yield rig


@pytest.fixture(scope="module")
def recording(rig: Rig) -> Recording:
    return record(rig)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_every_kind_of_write_fails_once(rig: Rig, recording: Recording, fault: Fault) -> None:
    replay(rig, recording, _once_each(fault))


def test_watches_break_all_the_time(rig: Rig, recording: Recording) -> None:
    def break_watches(_: Request, number: int) -> Fault | None:
        if number % 3 == 0:
            rig.proxy.break_watches()
        return None

    replay(rig, recording, break_watches)


def test_watches_cannot_go_on_from_where_they_were(rig: Rig, recording: Recording) -> None:
    def expire_watches(_: Request, number: int) -> Fault | None:
        if number % 10 == 0:
            rig.proxy.expire_watches()
        return None

    replay(rig, recording, expire_watches)


def _once_each(fault: Fault) -> Mischief:
    """The fault for the first write of each kind to each object."""
    met: set[str] = set()

    def strike(request: Request, _: int) -> Fault | None:
        if str(request) in met:
            return None
        met.add(str(request))
        return fault

    return strike
