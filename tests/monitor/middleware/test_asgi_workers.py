"""Several processes that serve one model in a pod, and ports that others have."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from serinus.monitor.labels.outcomes import PARTS
from serinus.monitor.middleware.watch import boot_of
from serinus.monitor.protocols.bodies import LARGEST_BODY
from tests.monitor.middleware.models import model
from tests.monitor.middleware.served import ADDRESS, Served, monitored, server


def test_processes_that_begin_at_once_sign_with_boots_of_their_own() -> None:
    boots = [boot_of(1_790_000_000.1234, process) for process in range(40, 80)]
    assert len(set(boots)) == 40
    assert min(boots) > 1_790_000_000_123.4


class Pod(NamedTuple):
    first: Served
    second: Served
    life_of_first: AsyncExitStack


class TestTwoProcessesOfAPod:
    """One of them counts for both; labels of either may come to any."""

    @pytest.fixture
    async def pod(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pod]:
        monkeypatch.setattr("serinus.monitor.middleware.workers.AGAIN_SECONDS", 0.02)
        first = monitored(model(), tmp_path)
        second = monitored(model(), tmp_path, beside=first)
        async with AsyncExitStack() as life, AsyncExitStack() as life_of_first:
            session = await life.enter_async_context(aiohttp.ClientSession())
            yield Pod(
                Served(await life_of_first.enter_async_context(server(first)), first.place, session, first),
                Served(await life.enter_async_context(server(second)), second.place, session, second),
                life_of_first,
            )

    async def test_what_both_saw_is_counted_together(self, pod: Pod) -> None:
        for each in (pod.first, pod.second, pod.second):
            assert (await each.ask({"a": 1})).receipt
        await pod.first.requests({"ANSWERED": 3})

    async def test_labels_find_their_way(self, pod: Pod) -> None:
        receipts = [(await each.ask({"a": 1})).receipt for each in (pod.first, pod.second)]
        await pod.first.requests({"ANSWERED": 2})
        items = [{"receipt": receipt, "label": 1} for receipt in receipts]
        assert await pod.second.label(*items) == ["counted", "counted"]
        assert await pod.first.label(*items) == ["duplicate", "duplicate"]

    async def test_large_bodies_are_counted_too(self, pod: Pod) -> None:
        await pod.second.ask({"a": 1, "padding": LARGEST_BODY - 100})
        await pod.first.requests({"ANSWERED": 1})
        assert (await pod.first.counts())["predictions"] == {"1": PARTS}

    async def test_when_the_one_that_counts_ends_the_other_takes_its_place(self, pod: Pod) -> None:
        await pod.second.ask({"a": 1})
        await pod.life_of_first.aclose()
        await _until_open(pod.second)
        assert (await pod.second.ask({"a": 1})).status == 200
        await pod.second.requests({"ANSWERED": 1})

    async def test_what_cannot_be_taken_in_time_is_lost_and_counted(
        self, pod: Pod, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("serinus.monitor.middleware.workers.MOST_WAITING", -1)
        assert (await pod.second.ask({"a": 1})).status == 200
        await pod.life_of_first.aclose()
        await _until_open(pod.second)
        assert (await pod.second.evidence())["records"] == {"read": 0, "lost": 1}

    @pytest.mark.parametrize(("sent", "ended"), [(b"\xff" * 4, False), (b"\0\0\0\3abc", False), (b"\0", True)])
    async def test_what_is_no_process_of_ours_is_not_heard(
        self, pod: Pod, sent: bytes, *, ended: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        reader, writer = await asyncio.open_connection(ADDRESS, pod.first.place.ring_port)
        writer.write(sent)
        if ended:
            writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        await pod.second.ask({"a": 1})
        await pod.first.requests({"ANSWERED": 1})
        assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_port_that_nobody_answers_at_keeps_no_model_from_serving(tmp_path: Path) -> None:
    made = monitored(model(), tmp_path)
    with socket.socket() as silent:
        silent.bind((ADDRESS, made.place.ring_port))
        async with asyncio.timeout(5), server(made) as port, aiohttp.ClientSession() as session:
            assert (await Served(port, made.place, session, made).ask({"a": 1})).status == 200


async def test_a_port_that_is_taken_by_others_is_told_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serinus.monitor.middleware.workers.AGAIN_SECONDS", 0.02)
    made = monitored(model(), tmp_path)
    async with AsyncExitStack() as life:
        with socket.create_server((ADDRESS, made.place.port)):
            port = await life.enter_async_context(server(made))
            it = Served(port, made.place, await life.enter_async_context(aiohttp.ClientSession()), made)
            assert (await it.ask({"a": 1})).status == 200
        await _until_open(it)
        await it.requests({"ANSWERED": 1})
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 1
    assert str(made.place.port) in told[0]


async def _until_open(it: Served) -> None:
    for _ in range(250):
        try:
            await it.evidence()
        except aiohttp.ClientError:
            await asyncio.sleep(0.02)
        else:
            return
    raise AssertionError("the port stays closed")
