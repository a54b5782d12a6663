"""What happens to lists, watches and the way to the API server in mid-canary makes no difference to how it ends."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from threading import Barrier

import pytest
from aiohttp import web

from serinus.cluster.client import METADATA
from serinus.cluster.resources import MODEL_RELEASE
from serinus.controller import edge
from tests.cluster.eventually import eventually
from tests.faults.proxy import ON_TIME, Arrivals, Change, Exchange, Fault, Request, answer, drop, error_event
from tests.faults.rig import new_rig
from tests.faults.rollouts import FIRST, SECONDS, UNDISTURBED, Disturbance, Rollouts, Trial

pytestmark = pytest.mark.control_plane

TRIALS = 2
TIMES = 3
LEASE_SECONDS = 3
WATCHED = [resource.plural for resource in (*edge.WATCHED, MODEL_RELEASE)]
GONE = answer(HTTPStatus.GONE, "Expired")

Strike = Callable[[Rollouts], object]


def ends(rollouts: Rollouts) -> None:
    rollouts.rig.proxy.break_watches()


def ends_again_and_again(rollouts: Rollouts) -> None:
    """With every request of the operator."""

    def fault(request: Request) -> None:
        if not request.watches:
            rollouts.rig.proxy.break_watches()

    rollouts.weather = Disturbance(fault)


def cannot_go_on(rollouts: Rollouts) -> None:
    rollouts.rig.proxy.expire_watches()


def half_open(rollouts: Rollouts) -> None:
    """Nothing comes any more, and no connection ends."""
    rollouts.weather = Disturbance(arrivals=lambda _: ())


def bookmarks_only(rollouts: Rollouts) -> None:
    def arrivals(change: Change) -> Arrivals:
        return ON_TIME if change.type == "BOOKMARK" else ()

    rollouts.weather = Disturbance(arrivals=arrivals)


def partition(rollouts: Rollouts) -> None:
    """No request arrives, until the operator has lost its Lease."""
    rollouts.weather = Disturbance(lambda _: drop)
    ends(rollouts)


def refused(fault: Fault, *, lists: bool, times: int = TIMES) -> Strike:
    """Watches end, and to go on, or to list anew, is refused a few times for each kind.

    The sweep lists, too, metadata alone: it is not what is meant, and must not take a refusal away.
    """

    def strike(rollouts: Rollouts) -> None:
        met: Counter[str] = Counter()

        def refuse(request: Request) -> Fault | None:
            asks = request.method == "GET" and request.plural in WATCHED and not request.name
            if not asks or request.watches == lists:
                return None

            async def unless_it_is_enough(exchange: Exchange) -> web.StreamResponse:
                _, form = exchange.address
                if form == METADATA or met[request.what] == times:
                    return await exchange.forward()
                met[request.what] += 1
                return await fault(exchange)

            return unless_it_is_enough

        rollouts.weather = Disturbance(refuse)
        (cannot_go_on if lists else ends)(rollouts)

    return strike


REFUSALS: dict[str, Fault] = {
    "403": answer(HTTPStatus.FORBIDDEN, "Forbidden"),
    "429": answer(HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequests", {"Retry-After": "1"}),
    "500": answer(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError"),
    "504": answer(HTTPStatus.GATEWAY_TIMEOUT, "Timeout"),
}
DEADLY: dict[str, Strike] = {
    "an error in the stream": refused(error_event(500, "InternalError", "no leader"), lists=False, times=1),
    "streams refused with 410": refused(GONE, lists=False, times=1),
    "lists refused with 410": refused(GONE, lists=True, times=1),
}
"""Kopf knows no way on after these: the operator ends and is started again."""
STRIKES: dict[str, Strike] = {
    "streams end": ends,
    "streams end with every request": ends_again_and_again,
    "streams cannot go on": cannot_go_on,
    "half-open connections": half_open,
    "bookmarks only": bookmarks_only,
    "partition": partition,
    **{f"streams refused with {name}": refused(fault, lists=False) for name, fault in REFUSALS.items()},
    **{f"lists refused with {name}": refused(fault, lists=True) for name, fault in REFUSALS.items()},
    **DEADLY,
}


@pytest.fixture(scope="module")
def rollouts() -> Iterator[Rollouts]:
    with new_rig("--sweep-seconds=1", f"--lease-seconds={LEASE_SECONDS}") as rig:
        yield Rollouts(rig, hold=1)


@pytest.mark.parametrize("name", STRIKES)
def test_a_rollout_goes_on_as_if_nothing_had_been(rollouts: Rollouts, name: str) -> None:
    operator = rollouts.rig.operator

    def strike() -> None:
        rollouts.rig.proxy.call(lambda: STRIKES[name](rollouts))
        if name in DEADLY:
            eventually(lambda: not operator.runs(), SECONDS, "the operator ends")
            rollouts.weather = UNDISTURBED
            operator.start(until_ready=False)
        if name == "partition":
            eventually(lambda: not operator.metric("leader_election_master_status"), SECONDS, "the Lease runs out")
            rollouts.weather = UNDISTURBED

    together = Barrier(TRIALS, action=strike)

    def meanwhile(trial: Trial) -> None:
        trial.holds_its_share()
        together.wait(SECONDS)

    try:
        with ThreadPoolExecutor(TRIALS) as pool:
            list(pool.map(lambda _: rollouts.disturbed(UNDISTURBED, meanwhile=meanwhile), range(TRIALS)))
    finally:
        rollouts.weather = UNDISTURBED
        rollouts.rig.proxy.call(rollouts.rig.proxy.break_watches)


@pytest.mark.parametrize("parts", [("kube-apiserver",), ("kube-apiserver", "etcd")], ids=" and ".join)
def test_a_rollout_goes_on_when_the_api_server_itself_is_back(rollouts: Rollouts, parts: tuple[str, ...]) -> None:
    """It remembers no past then, so that only how it ends can be compared."""
    plane = rollouts.rig.plane
    trial = rollouts.begin(UNDISTURBED)
    trial.model.apply(FIRST)
    trial.is_promoted(FIRST)
    trial.model.apply(rollouts.second)
    trial.holds_its_share()
    for part in parts:
        plane.kill(part)
    if "etcd" in parts:
        plane.start_etcd()
    plane.start_api_server()
    rollouts.ends_alike(trial)
