"""A model that a real server serves, and the monitor in its process. Used by the tests of the middleware."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import aiohttp
import msgspec
import uvicorn

from serinus.api.sidecars import POD_ADDRESS, SERVING
from serinus.monitor.asgi import Monitored
from serinus.monitor.middleware.connection import App
from serinus.monitor.parts import Place
from serinus.monitor.receipts.keys import Keys
from serinus.monitor.receipts.receipts import Receipt, verify
from serinus.monitor.serving import Serving
from tests.cluster.ports import free_port
from tests.monitor.keyring import write_keys
from tests.monitor.servings import serving

ADDRESS = "127.0.0.1"
FEEDBACK_TOKEN = "feedback-token"  # noqa: S105 - of tests
STAMP = "3-00ff00ff00ff00ff"
MODEL = serving(features="rows || @", prediction="label", task="Binary", warm_up_seconds=0)


@dataclass
class Served:
    """How it is reached."""

    port: int
    place: Place
    session: aiohttp.ClientSession
    monitored: Monitored

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.port}"

    async def ask(self, body: Any, path: str = "/predict") -> "Reply":  # noqa: ANN401 - JSON
        headers = {"x-serinus-split": STAMP, "Content-Type": "application/json"}
        data = io.BytesIO(json.dumps(body).encode())
        async with self.session.post(self.url + path, data=data, headers=headers) as response:
            return Reply(response.status, await response.read(), response.headers.get("x-serinus-receipt", ""))

    async def label(self, *items: Any, token: str = FEEDBACK_TOKEN) -> list[str]:  # noqa: ANN401 - JSON
        headers = {"Authorization": f"Bearer {token}"}
        async with self.session.post(f"{self.url}/serinus/feedback", json=items, headers=headers) as response:
            assert response.status == 200, await response.text()
            return [answer["result"] for answer in await response.json()]

    def read(self, receipt: str) -> Receipt:
        read = verify(receipt, Keys(self.place.keys))
        assert isinstance(read, Receipt)
        return read

    async def evidence(self) -> dict[str, Any]:
        headers = {"Authorization": "Bearer namespace-token"}
        url = f"http://{ADDRESS}:{self.place.port}/evidence?split={STAMP}"
        async with self.session.get(url, headers=headers) as response:
            document: dict[str, Any] = await response.json()
            return document

    async def counts(self, stamp: str = STAMP) -> dict[str, Any]:
        counts: dict[str, Any] = (await self.evidence())["counts"].get(stamp, {})
        return counts

    async def requests(self, expected: dict[str, int]) -> None:
        """Wait until the requests by outcome are these."""
        for _ in range(250):
            counted = (await self.counts()).get("requests", {})
            if counted == expected:
                return
            await asyncio.sleep(0.02)
        assert counted == expected


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    receipt: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.body)


def monitored(app: App, folder: Path, told: Serving = MODEL, beside: Monitored | None = None) -> Monitored:
    """Return the application with a monitor, whose files are in the folder, in the same pod as another."""
    (folder / "feedback-token").write_text(FEEDBACK_TOKEN)
    place = Place(
        keys=write_keys(folder / "keys"),
        profile=folder / "profile.json",
        port=beside.place.port if beside else free_port(),
        ring_port=beside.place.ring_port if beside else free_port(),
        token=folder / "feedback-token",
    )
    environment = {SERVING: msgspec.json.encode(told).decode(), POD_ADDRESS: ADDRESS}
    return Monitored(app, environment=environment, place=place)


@asynccontextmanager
async def server(app: App, lifespan: Literal["on", "off", "auto"] = "on") -> AsyncIterator[int]:
    """Serve an application as uvicorn does; yield the port."""
    port = free_port()
    config = uvicorn.Config(
        app,
        host=ADDRESS,
        port=port,
        log_config=None,
        lifespan=lifespan,
        ws="wsproto",
    )
    config.load()
    running = uvicorn.Server(config)
    running.lifespan = config.lifespan_class(config)
    # What serve() does, but for signals and for looking ten times a second whether to end.
    await running.startup()
    try:
        yield port
    finally:
        await running.shutdown()


@asynccontextmanager
async def served(
    app: App, folder: Path, told: Serving = MODEL, lifespan: Literal["on", "off", "auto"] = "on"
) -> AsyncIterator[Served]:
    """Serve a model with a monitor in it."""
    made = monitored(app, folder, told)
    async with server(made, lifespan) as port, aiohttp.ClientSession() as session:
        yield Served(port, made.place, session, made)
    if lifespan == "off":
        await made.end()
