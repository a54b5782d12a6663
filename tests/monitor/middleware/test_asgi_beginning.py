"""How the middleware begins and ends with its server, and what it does where it cannot."""

import asyncio
import sys
from pathlib import Path

import aiohttp
import pytest

from serinus.api.sidecars import SERVING
from serinus.monitor.asgi import Monitored
from serinus.monitor.middleware.connection import Receive, Scope, Send
from tests.monitor.middleware.models import model
from tests.monitor.middleware.served import ADDRESS, Served, monitored, served, server


async def test_a_server_without_lifespan_begins_with_the_first_request(tmp_path: Path) -> None:
    async with served(model(), tmp_path, lifespan="off") as fraud:
        await asyncio.gather(*(fraud.ask({"a": 1}) for _ in range(5)))
        assert (await fraud.counts())["requests"] == {"ANSWERED": 5}


async def test_the_lifespan_of_the_application_goes_on(tmp_path: Path) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while scope["type"] == "lifespan":
            message = await receive()
            seen.append(message["type"])
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async with served(app, tmp_path) as it:
        assert (await it.evidence())["counts"] == {}
    assert seen == ["lifespan.startup", "lifespan.shutdown"]
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection(ADDRESS, it.place.port)


@pytest.mark.parametrize("environment", [{}, {SERVING: "nonsense"}])
async def test_where_nothing_is_told_everything_passes(
    environment: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with server(Monitored(model(), environment=environment)) as port, aiohttp.ClientSession() as session:
        for path in ("/predict", "/serinus/feedback", "/predict"):
            async with session.post(f"http://{ADDRESS}:{port}{path}", json={"a": 1}) as response:
                assert response.status == (200 if path == "/predict" else 404)
                assert "x-serinus-receipt" not in response.headers
    told = [record.getMessage() for record in caplog.records if record.name == "serinus.monitor.asgi"]
    assert len(told) == 1
    assert SERVING in told[0]


async def test_without_a_key_answers_go_without_receipts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = monitored(model(), tmp_path)
    (tmp_path / "keys" / "current").unlink()
    async with server(made) as port, aiohttp.ClientSession() as session:
        it = Served(port, made.place, session, made)
        reply = await it.ask({"a": 1})
        assert (reply.status, reply.receipt) == (200, "")
        await it.requests({"ANSWERED": 1})
    assert "answers get no receipt" in caplog.text


async def test_what_cannot_begin_costs_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a value")

    monkeypatch.setattr("serinus.monitor.asgi.Watch", broken)
    made = monitored(model(), tmp_path)
    async with server(made) as port, aiohttp.ClientSession() as session:
        it = Served(port, made.place, session, made)
        assert [(await it.ask({"a": 1})).status for _ in range(2)] == [200, 200]


async def test_a_models_process_gets_neither_pydantic_nor_kopf_by_it() -> None:
    program = (
        "import sys, serinus.monitor.asgi\n"
        "heavy = {'pydantic', 'kopf', 'prometheus_client', 'kubernetes'}\n"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out == b"[]\n"
