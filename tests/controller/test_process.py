"""The start and the end of the process: nothing waits for a look at our rights, and every part ends when it is told."""

import argparse
import asyncio
import json
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

import kopf
import pytest
from kopf._core.reactor import observation

from serinus.cluster.client import Client
from serinus.controller import process, settings
from serinus.controller.process import AGAIN_SECONDS, Operator, _cancelled
from tests.cluster.eventually import eventually_async
from tests.cluster_layer.clock import Clock

AGAIN: Final = 0.2
LOOK_SECONDS: Final = 0.01
BOUND_SECONDS: Final = 30.0
UNREACHABLE: Final = "the Lease could not be renewed"
"""What is logged of a server that is not there, by which we see that the parts run."""

Run = Callable[..., set[str]]


async def drops_its_first_cancellation(*_: object, **__: object) -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Run:
    """Run a whole operator without an API server until it has said some things, then tell it to end.

    Returns all that it said.
    """
    kubeconfig = {
        "current-context": "nowhere",
        "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}],
        "clusters": [{"name": "nowhere", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "nobody", "user": {"token": "none"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr(process, "AGAIN_SECONDS", AGAIN)
    caplog.set_level(logging.INFO)
    parser = argparse.ArgumentParser()
    settings.add_flags(parser)
    chosen = settings.settings_from(parser.parse_args(["--port=0"]))

    def said() -> set[str]:
        return {record.message for record in caplog.records}

    async def tell(awaited: set[str]) -> None:
        async def has_said_it() -> bool:
            return awaited <= said()

        await eventually_async(has_said_it, BOUND_SECONDS, f"it says {awaited}", interval=LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    async def main(awaited: set[str]) -> None:
        telling = asyncio.create_task(tell(awaited))
        async with asyncio.timeout(BOUND_SECONDS):
            await Operator(chosen).run()
        assert telling.done(), "it ended of itself"

    def run_and_tell(*awaited: str) -> set[str]:
        asyncio.run(main(set(awaited)))
        return said()

    return run_and_tell


@pytest.mark.parametrize("awaited", ["starting", UNREACHABLE], ids=["while it starts", "when it runs"])
def test_it_ends_when_it_is_told_to(run: Run, awaited: str) -> None:
    assert "ended" in run(awaited)


def test_it_ends_though_kopf_drops_a_cancellation(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kopf cancels its tasks once and waits for them without end."""
    monkeypatch.setattr(observation, "namespace_observer", drops_its_first_cancellation)
    assert "ended" in run(UNREACHABLE)


def test_it_ends_though_kopf_itself_drops_a_cancellation(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kopf, "run_tasks", drops_its_first_cancellation)
    assert "ended" in run(UNREACHABLE)


def test_a_question_about_our_rights_that_gets_no_answer_holds_nothing_up(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def missing_rights(_client: Client) -> list[str]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(process, "missing_rights", missing_rights)
    run(UNREACHABLE)


def test_a_question_about_our_rights_that_fails_breaks_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def missing_rights(_client: Client) -> list[str]:
        raise KeyError("allowed")

    monkeypatch.setattr(process, "missing_rights", missing_rights)
    run(UNREACHABLE, "our rights could not be checked")


def test_a_right_that_is_missing_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def missing_rights(_client: Client) -> list[str]:
        return ["patch deployments"]

    monkeypatch.setattr(process, "missing_rights", missing_rights)
    run(UNREACHABLE, "rights are missing: grant them to our service account")


async def test_what_drops_a_cancellation_is_cancelled_again(clock: Clock) -> None:
    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    task = asyncio.create_task(stubborn())
    await clock.advance()
    ending = asyncio.create_task(_cancelled([task]))
    await clock.advance()
    assert not ending.done()
    await clock.advance(AGAIN_SECONDS)
    assert task.cancelled()
    await ending


async def test_how_each_part_ended_is_told() -> None:
    async def broken() -> None:
        raise RuntimeError("broken")

    task = asyncio.create_task(broken())
    await asyncio.wait([task])
    [end] = await _cancelled([task])
    assert str(end) == "broken"
