"""`serinus monitor` as a process of its own."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.cluster.ports import free_port

SERVING = {
    "deployment": "fraud",
    "namespace": "risk",
    "revision": "3f9a0c11d2",
    "modelPort": 8080,
    "protocol": "JSON",
    "prediction": "label",
    "warmUpSeconds": 0,
}
STARTS = """
import sys
from pathlib import Path
from serinus.monitor.parts import Place
from serinus.monitor.process import main
sys.exit(main(place=Place(Path(sys.argv[1]), Path("/nowhere"), int(sys.argv[2]), int(sys.argv[3]))))
"""


class Running:
    """The process, and how it is reached."""

    def __init__(self, process: Process, port: int, ring_port: int) -> None:
        self.process = process
        self.port = port
        self.ring_port = ring_port

    async def get(self, path: str) -> str:
        headers = {"Authorization": "Bearer the-token"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"http://127.0.0.1:{self.port}{path}") as response,
        ):
            return await response.text()

    async def started(self) -> None:
        for _ in range(1000):
            assert self.process.returncode is None
            try:
                await self.get("/healthz")
            except aiohttp.ClientError:
                await asyncio.sleep(0.02)
            else:
                return
        raise AssertionError("it never answered")


@asynccontextmanager
async def running(folder: Path, serving: object = SERVING) -> AsyncIterator[Running]:
    (folder / "token").write_text("the-token")
    ports = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STARTS, str(folder), *map(str, ports)),
        env=os.environ | {"SERINUS_SERVING": json.dumps(serving)},
        stderr=PIPE,
    )
    try:
        yield Running(process, *ports)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def record(sequence: int) -> bytes:
    request, answer = b64encode(b'{"a": 1}').decode(), b64encode(b'{"label": 1}').decode()
    line = f"serinus1 1 {sequence} - 1764095000250 0 0 5 -- 200 90 POST /predict 8 12 {request} {answer}".encode()
    return b"%d %b" % (len(line), line)


async def test_records_become_evidence_and_a_signal_ends_it_well(tmp_path: Path) -> None:
    async with running(tmp_path) as monitor:
        await monitor.started()
        _, writer = await asyncio.open_connection("127.0.0.1", monitor.ring_port)
        writer.write(b"".join(record(sequence) for sequence in (1, 2, 3)))
        await writer.drain()
        for _ in range(500):
            metrics = await monitor.get("/metrics")
            if 'what="read"} 3' in metrics:
                break
            await asyncio.sleep(0.02)
        evidence = json.loads(await monitor.get("/evidence"))
        assert evidence["counts"][""]["requests"] == {"ANSWERED": 3}
        writer.close()
        monitor.process.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(monitor.process.communicate(), 10)
        assert monitor.process.returncode == 0
        assert [json.loads(line)["message"] for line in log.splitlines()] == ["started", "ended"]


async def test_it_says_what_it_cannot_serve(tmp_path: Path) -> None:
    async with running(tmp_path, {"protocol": "SOAP"}) as monitor:
        _, log = await asyncio.wait_for(monitor.process.communicate(), 20)
        assert monitor.process.returncode == 1
        assert b"SERINUS_SERVING says nothing that can be served" in log


async def test_it_holds_neither_pydantic_nor_kopf() -> None:
    program = (
        "import sys\n"
        "from serinus.monitor.process import main\n"
        "main()\n"
        "heavy = {'pydantic', 'kopf', 'prometheus_client', 'kubernetes'}\n"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))\n"
        "print('serinus.monitor.records.ring' in sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=os.environ | {"SERINUS_SERVING": ""}, stdout=PIPE, stderr=PIPE
    )
    out, _ = await process.communicate()
    assert out.decode().split("\n")[:2] == ["[]", "True"]
