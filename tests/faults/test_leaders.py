"""Who leads changes in mid-canary: never do two write, and the rollout ends as if one had led all the while."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest

from tests.cluster.bare import bare_control_plane
from tests.cluster.eventually import eventually
from tests.cluster.fixtures import apply_definitions
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.e2e.operator import NAMESPACE, OperatorProcess, prepared
from tests.faults.proxy import Fault, Proxy, Request, drop
from tests.faults.rig import Rig
from tests.faults.rollouts import SECONDS, UNDISTURBED, Disturbance, Rollouts, Trial

pytestmark = pytest.mark.control_plane

LEASE = ("coordination.k8s.io/v1", "Lease", "serinus-operator")
LEASE_SECONDS = 3
TRIALS = 2


class Pair:
    """Two operators, each with a proxy of its own; one of them leads, and what it does goes through its own."""

    def __init__(self, rollouts: Rollouts, second: OperatorProcess, other: Proxy) -> None:
        self.rollouts = rollouts
        self.leader, self.standby = rollouts.rig.operator, second
        self.writers: list[str] = []
        """Who wrote, write after write."""
        for operator, proxy in ((self.leader, rollouts.rig.proxy), (self.standby, other)):
            proxy.fault = partial(self._fault, operator)
            proxy.done = rollouts.answered

    def watch_a_change(self) -> None:
        """From now on it counts who writes; whoever leads now is the leader that is disturbed."""
        if _leads(self.standby):
            self.leader, self.standby = self.standby, self.leader
        self.writers.clear()

    def _fault(self, operator: OperatorProcess, request: Request) -> Fault | None:
        fault = self.rollouts.fault(request) if operator is self.leader else self.rollouts.calm(request)
        if request.writes and fault is not drop:
            self.writers.append(operator.pod_uid)
        return fault

    def leads(self, operator: OperatorProcess) -> None:
        api, (version, kind, name) = operator.plane.api, LEASE

        def held() -> bool:
            lease = api.read(version, kind, name, NAMESPACE)
            return bool(lease and lease["spec"]["holderIdentity"] == operator.pod_uid)

        eventually(held, SECONDS, "it holds the Lease")


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    flags = (f"--lease-seconds={LEASE_SECONDS}", "--sweep-seconds=2")
    with (
        bare_control_plane() as plane,
        SimulatedNodes(plane) as nodes,
        Proxy(plane) as proxy,
        Proxy(plane) as other,
    ):
        apply_definitions(plane.api)
        with prepared(plane, name="first", flags=flags, server=proxy.url) as first:
            rollouts = Rollouts(Rig(plane, nodes, proxy, first), hold=2)
            with prepared(plane, name="second", flags=flags, server=other.url) as second:
                yield Pair(rollouts, second, other)


def frozen(pair: Pair) -> None:
    """The leader does nothing for longer than its Lease lasts."""
    pair.leader.freeze()
    pair.leads(pair.standby)
    pair.leader.thaw()


def cut_off(pair: Pair) -> None:
    """No request of the leader arrives."""
    pair.rollouts.weather = Disturbance(lambda _: drop)
    pair.leads(pair.standby)
    pair.rollouts.weather = UNDISTURBED


def stolen(pair: Pair) -> None:
    """Somebody who is no operator writes himself into the Lease: whoever led stops, and it has to run out first."""
    version, kind, name = LEASE
    pair.leader.plane.api.patch(version, kind, name, {"spec": {"holderIdentity": "somebody"}}, NAMESPACE)
    eventually(lambda: _leads(pair.leader) + _leads(pair.standby) == 0, SECONDS, "nobody leads")
    eventually(lambda: _leads(pair.leader) + _leads(pair.standby) == 1, SECONDS, "one leads again")


def _leads(operator: OperatorProcess) -> float:
    return operator.metric("leader_election_master_status")


@pytest.mark.parametrize("change", [frozen, cut_off, stolen], ids=lambda each: each.__name__)
def test_another_leader_in_mid_canary(pair: Pair, change: Callable[[Pair], None]) -> None:
    eventually(lambda: _leads(pair.leader) + _leads(pair.standby) == 1, SECONDS, "one leads")
    pair.watch_a_change()
    leader, standby = pair.leader.pod_uid, pair.standby.pod_uid
    together = Barrier(TRIALS, action=lambda: change(pair))

    def meanwhile(trial: Trial) -> None:
        trial.holds_its_share()
        together.wait(SECONDS)

    with ThreadPoolExecutor(TRIALS) as pool:
        list(pool.map(lambda _: pair.rollouts.disturbed(UNDISTURBED, meanwhile=meanwhile), range(TRIALS)))
    pair.rollouts.disturbed(UNDISTURBED)

    turns = [who for who, before in zip(pair.writers, ["", *pair.writers], strict=False) if who != before]
    assert turns == [leader, standby] or (change is stolen and turns == [leader])
    assert _leads(pair.leader) + _leads(pair.standby) == 1
