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
from tests.cluster_layer.clock import Clock

SOON: Final = 0.2
BOUND: Final = 10.0


async def drops_its_first_cancellation(*_: object, **__: object) -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[float], None]:
    """Run a whole operator, whose API server never answers, and tell it to end after some seconds."""
    kubeconfig = {
        "current-context": "nowhere",
        "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}],
        "clusters": [{"name": "nowhere", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "nobody", "user": {"token": "none"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr(process, "AGAIN_SECONDS", SOON)
    parser = argparse.ArgumentParser()
    settings.add_flags(parser)
    chosen = settings.settings_from(parser.parse_args(["--port=0"]))

    def run_and_tell(seconds: float) -> None:
        async def main() -> None:
            asyncio.get_running_loop().call_later(seconds, os.kill, os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(BOUND):
                await Operator(chosen).run()

        asyncio.run(main())

    return run_and_tell


@pytest.mark.parametrize("seconds", [0.0, SOON], ids=["while it starts", "when it runs"])
def test_it_ends_when_it_is_told_to(run: Callable[[float], None], seconds: float) -> None:
    run(seconds)


def test_it_ends_though_kopf_drops_a_cancellation(
    run: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kopf cancels its tasks once and waits for them without end."""
    monkeypatch.setattr(observation, "namespace_observer", drops_its_first_cancellation)
    run(SOON)


def test_it_ends_though_kopf_itself_drops_a_cancellation(
    run: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kopf, "run_tasks", drops_its_first_cancellation)
    run(SOON)


@pytest.mark.parametrize("how", [OSError("unheard of"), None], ids=["it breaks", "it hangs"])
def test_whatever_comes_of_the_question_about_our_rights_the_rest_runs(
    run: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    how: Exception | None,
) -> None:
    async def missing_rights(_client: Client) -> list[str]:
        if how:
            raise how
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(process, "missing_rights", missing_rights)
    with caplog.at_level(logging.WARNING):
        run(SOON)
    said = [record.message for record in caplog.records]
    assert "the Lease could not be renewed" in said
    assert ("our rights could not be checked" in said) == bool(how)


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
