"""The operator's port: two probes and the metrics."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest

from serinus.controller.http import serve
from tests.cluster.ports import free_port


@dataclass
class Process:
    """What the process says of itself."""

    port: int
    sick: str | None = None
    unready: str | None = None

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}{path}") as response:
            return response.status, await response.text()


@pytest.fixture
async def process() -> AsyncIterator[Process]:
    process = Process(free_port())
    runner = await serve(process.port, alive=lambda: process.sick, ready=lambda: process.unready)
    yield process
    await runner.cleanup()


async def test_both_probes_pass_while_there_is_no_complaint(process: Process) -> None:
    assert await process.get("/healthz") == await process.get("/readyz") == (200, "ok\n")


async def test_a_process_that_is_not_ready_is_alive(process: Process) -> None:
    process.unready = "the cache is not complete yet"
    assert await process.get("/readyz") == (503, "the cache is not complete yet\n")
    assert await process.get("/healthz") == (200, "ok\n")


async def test_a_process_that_is_sick_is_not_ready_either(process: Process) -> None:
    process.sick = "the event loop runs 9.0 s late"
    assert await process.get("/healthz") == await process.get("/readyz") == (503, "the event loop runs 9.0 s late\n")


async def test_metrics_have_the_names_that_dashboards_know(process: Process) -> None:
    status, text = await process.get("/metrics")
    assert status == 200
    for name in ("controller_runtime_reconcile_total", "workqueue_depth", "rest_client_requests_total"):
        assert f"# TYPE {name} " in text
