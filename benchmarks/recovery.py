"""How soon a rollout is worked on again after the operator was killed in the middle of it.

Killed and started again at once in the same pod, it holds the Lease still: a command that was given while it was away
is answered, and a canary that lost its last pod meanwhile gives its share back. A standby first lets the Lease run out.
The clock runs from before SIGKILL until a watch of the benchmark sees it; the figures are the slowest of all tries.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Final, NamedTuple

from benchmarks.figures import Conditions, Figure
from benchmarks.operator_process import OperatorProcess
from benchmarks.requests import Requests, over_connections
from benchmarks.setting import Setting, setting
from benchmarks.sightings import DEADLINE_SECONDS, Matches, Sightings, leads_to_one_revision, seen
from benchmarks.workload import (
    HELD_FOR_EVER,
    ask_for,
    create_models,
    give_command,
    image_of,
    names,
    sizes,
    steps,
    wait_until_held,
    wait_until_served,
)
from serinus.cluster.resources import MODEL_DEPLOYMENT, SERVICE
from tests.cluster.parts.progress import step
from tests.cluster.simulated_pods import crash_loop

LIMIT_SECONDS: Final = 3
WEIGHT: Final = 25
ROLLOUT: Final = steps((WEIGHT, HELD_FOR_EVER))
VERSION: Final = "2"
NONCE: Final = "bench-1"


@dataclass(frozen=True)
class _Numbers:
    """How large a run is."""

    models: int
    tries: int
    takeovers: int
    lease_seconds: int


FULL: Final = _Numbers(models=100, tries=5, takeovers=3, lease_seconds=15)
QUICK: Final = _Numbers(models=10, tries=2, takeovers=1, lease_seconds=6)


@dataclass
class _Measured:
    """Seconds of every try."""

    answered: list[float] = field(default_factory=list)
    retreated: list[float] = field(default_factory=list)
    in_step: list[float] = field(default_factory=list)
    """From the start of the process alone until it knew the whole cluster."""
    processor: list[float] = field(default_factory=list)
    """CPU until it was at rest again: what a busy machine does not change."""
    taken_over: list[float] = field(default_factory=list)
    pods: int = 0


class _Replicas:
    """The operator's pods, of which one leads."""

    def __init__(self, place: Setting, lease_seconds: int) -> None:
        self._place = place
        self._lease_seconds = lease_seconds
        self._numbers = count(1)
        self._started: list[OperatorProcess] = []
        self.leading = self._new_pod()
        self.leader = self.start()

    def start(self) -> OperatorProcess:
        """Start the container of the pod that leads, anew if it was killed."""
        return self._start(self.leading)

    def start_standby(self) -> OperatorProcess:
        """Start another pod, which is to lead next."""
        self.leading = self._new_pod()
        return self._start(self.leading)

    def count_complaints(self) -> int:
        """Return how often any of the processes complained."""
        return sum(process.count_complaints() for process in self._started)

    def _new_pod(self) -> str:
        return f"pod-{next(self._numbers)}"

    def _start(self, pod: str) -> OperatorProcess:
        process = self._place.start_operator(f"--pod-uid={pod}", f"--lease-seconds={self._lease_seconds}")
        self._started.append(process)
        return process


def run(*, quick: bool) -> list[Figure]:
    """Measure."""
    numbers = QUICK if quick else FULL
    with setting() as place:
        replicas = _Replicas(place, numbers.lease_seconds)
        measure = partial(_measure, place=place, replicas=replicas, numbers=numbers)
        measured = over_connections(place.plane, measure)
        canaries = 2 * numbers.tries + numbers.takeovers
        load = f"{numbers.models} ModelDeployments, {canaries} of them canaries at {WEIGHT} %; {sizes(place.plane.api)}"
        conditions = Conditions(load, measured.pods, replicas.count_complaints(), work=len(measured.answered))
        replicas.leader.stop()
    return [
        _slowest("killed to command answered", measured.answered, conditions, LIMIT_SECONDS),
        _slowest("killed to retreat", measured.retreated, conditions, LIMIT_SECONDS),
        _slowest("of it: start to in step", measured.in_step, conditions),
        _slowest("CPU of a start until at rest", measured.processor, conditions),
        _slowest(
            f"killed to answer of a standby, Lease {numbers.lease_seconds} s",
            measured.taken_over,
            conditions,
            numbers.lease_seconds + LIMIT_SECONDS,
        ),
    ]


def _slowest(name: str, seconds: list[float], conditions: Conditions, limit: float | None = None) -> Figure:
    return Figure(f"{name}, slowest of {len(seconds)}", max(seconds), "s", conditions, limit)


async def _measure(connection: Requests, place: Setting, replicas: _Replicas, numbers: _Numbers) -> _Measured:
    api, wanted = place.plane.api, names(numbers.models)
    step(f"making {numbers.models} ModelDeployments")
    await create_models(connection, wanted, ROLLOUT)
    await asyncio.to_thread(wait_until_served, api, len(wanted), 300)
    canaries = wanted[: 2 * numbers.tries + numbers.takeovers]
    step(f"bringing {len(canaries)} canaries to {WEIGHT} %")
    commands = {name: f"pause {await ask_for(connection, name, VERSION, ROLLOUT)} {NONCE}" for name in canaries}
    measured = _Measured(pods=await asyncio.to_thread(wait_until_held, api, canaries, WEIGHT, 300))
    left = iter(canaries)
    async with (
        Sightings.of(connection, api, MODEL_DEPLOYMENT) as models,
        Sightings.of(connection, api, SERVICE) as addresses,
    ):

        async def until_answered(successor: Callable[[], OperatorProcess]) -> _Recovery:
            name = next(left)
            command = give_command(connection, name, commands[name])
            return await _recovery(replicas, command, models.first(_is_answered(name)), successor)

        async def until_retreat() -> _Recovery:
            name = next(left)
            loss = _lose_pods(place, name)
            return await _recovery(replicas, loss, addresses.first(leads_to_one_revision(name)), replicas.start)

        step(f"killing the operator {2 * numbers.tries} times")
        for _ in range(numbers.tries):
            command, loss = await until_answered(replicas.start), await until_retreat()
            measured.answered.append(command.seconds)
            measured.retreated.append(loss.seconds)
            measured.in_step += [command.in_step, loss.in_step]
            measured.processor += [command.processor, loss.processor]
        step(f"killing it {numbers.takeovers} times beside a standby")
        for _ in range(numbers.takeovers):
            standby = replicas.start_standby()
            await asyncio.to_thread(standby.wait_until_in_step, 60)
            measured.taken_over.append((await until_answered(lambda: standby)).seconds)  # noqa: B023 - called at once
    return measured


class _Recovery(NamedTuple):
    """What one kill cost."""

    seconds: float
    in_step: float
    processor: float


async def _recovery(
    replicas: _Replicas,
    change: Awaitable[None],
    answer: asyncio.Future[float],
    successor: Callable[[], OperatorProcess],
) -> _Recovery:
    """Kill the leader, make a change while nobody is there, and time the next one's answer."""
    started = time.perf_counter()
    replicas.leader.kill()
    await change
    replicas.leader = successor()
    answered, in_step = await asyncio.gather(
        seen(answer), asyncio.to_thread(replicas.leader.wait_until_in_step, DEADLINE_SECONDS)
    )
    await asyncio.to_thread(replicas.leader.wait_until_at_rest, DEADLINE_SECONDS)
    return _Recovery(answered - started, in_step, replicas.leader.processor_seconds())


async def _lose_pods(place: Setting, name: str) -> None:
    place.nodes.decide(crash_loop(), image=image_of(name, VERSION))


def _is_answered(name: str) -> Matches:
    return lambda _, item: (
        item["metadata"]["name"] == name and item["status"].get("lastCommand", {}).get("nonce") == NONCE
    )
