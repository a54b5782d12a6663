"""The office: a replica that comes to lead decides nothing before it knows what its predecessor did."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from serinus.cluster.errors import Retry
from serinus.controller.office import PAUSE_SECONDS, Office
from tests.cluster_layer.clock import Clock


class Source:
    """Keeps a part of the cache current, when the test lets it."""

    def __init__(self) -> None:
        self.begun = False
        self.synced = asyncio.Event()
        self.caught_up = asyncio.Event()
        self.asked = 0
        self.failures = 0

    async def catch_up(self) -> None:
        self.asked += 1
        if self.failures:
            self.failures -= 1
            raise Retry("busy")
        await self.caught_up.wait()


class Bench:
    """An office that runs."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.sources = Source(), Source()
        self.office = Office(*self.sources)
        self.running = asyncio.create_task(self.office.run())

    async def is_taken(self, after: float = 0) -> bool:
        await self.clock.advance(after)
        waiting = asyncio.create_task(self.office.wait())
        await self.clock.advance()
        taken = waiting.done()
        waiting.cancel()
        return taken

    def begin(self) -> None:
        for source in self.sources:
            source.begun = True

    def start(self) -> None:
        self.begin()
        for source in self.sources:
            source.synced.set()


@pytest.fixture
async def bench(clock: Clock) -> AsyncIterator[Bench]:
    opened = Bench(clock)
    yield opened
    opened.running.cancel()
    await asyncio.wait([opened.running])


async def test_a_standby_does_not_take_it(bench: Bench) -> None:
    bench.start()
    assert not await bench.is_taken()


async def test_who_leads_from_the_start_takes_it_after_the_first_look(bench: Bench) -> None:
    bench.office.call()
    assert not await bench.is_taken()
    bench.start()
    assert await bench.is_taken()
    assert [source.asked for source in bench.sources] == [0, 0], "the first look is fresh"


async def test_a_first_look_that_began_before_it_led_is_not_enough(bench: Bench) -> None:
    """What its predecessor wrote meanwhile may not be in it."""
    bench.begin()
    bench.office.call()
    assert not await bench.is_taken()
    bench.start()
    assert not await bench.is_taken()
    for source in bench.sources:
        source.caught_up.set()
    assert await bench.is_taken()
    assert [source.asked for source in bench.sources] == [1, 1]


async def test_a_first_look_that_begins_as_it_comes_to_lead_is_enough(bench: Bench) -> None:
    bench.office.call()
    bench.begin()
    assert not await bench.is_taken()
    bench.start()
    assert await bench.is_taken()


async def test_a_standby_that_comes_to_lead_looks_once_more(bench: Bench) -> None:
    bench.start()
    bench.office.call()
    assert not await bench.is_taken()
    for source in bench.sources:
        source.caught_up.set()
    assert await bench.is_taken()
    assert [source.asked for source in bench.sources] == [1, 1]


async def test_who_lost_it_looks_again_before_the_next_time(bench: Bench) -> None:
    bench.office.call()
    assert not await bench.is_taken()
    bench.start()
    assert await bench.is_taken()
    bench.office.call()
    assert not await bench.is_taken()
    for source in bench.sources:
        source.caught_up.set()
    assert await bench.is_taken()


async def test_called_again_while_it_looks_it_looks_again(bench: Bench) -> None:
    bench.start()
    bench.office.call()
    assert not await bench.is_taken()
    bench.office.call()
    for source in bench.sources:
        source.caught_up.set()
    assert await bench.is_taken()
    assert [source.asked for source in bench.sources] == [2, 2]


async def test_a_server_that_does_not_answer_is_asked_again(bench: Bench) -> None:
    bench.start()
    bench.sources[1].failures = 1
    for source in bench.sources:
        source.caught_up.set()
    bench.office.call()
    assert not await bench.is_taken()
    assert await bench.is_taken(after=PAUSE_SECONDS)
