"""The parts of the monitor in one process: made, shown at its port, ended. Used by process.py and by the middleware."""

import asyncio
import secrets
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serinus.api.sidecars import KEYS_FOLDER, MONITOR_PORT, PROFILE_FILE, RING_PORT
from serinus.monitor.core import Core
from serinus.monitor.endpoints.evidence import Evidence
from serinus.monitor.endpoints.metrics import Metrics, Source
from serinus.monitor.endpoints.server import application, serve
from serinus.monitor.labels.labelling import TOKEN, Labelling
from serinus.monitor.receipts.keys import Keys
from serinus.monitor.receipts.tokens import BearerToken
from serinus.monitor.serving import Serving

BOOT_BYTES: Final = 8


@dataclass(frozen=True)
class Place:
    """Where the process finds its files and is found."""

    keys: Path = Path(KEYS_FOLDER)
    profile: Path = Path(PROFILE_FILE)
    port: int = MONITOR_PORT
    ring_port: int = RING_PORT
    token: Path = TOKEN


HERE: Final = Place()
"""In a pod."""


class Parts:
    """What counts, what takes labels, and what shows both. To be made in a running loop."""

    def __init__(self, serving: Serving, place: Place, address: str) -> None:
        self.core = Core(serving, place.profile, secrets.token_hex(BOOT_BYTES), time.monotonic)
        self.keys = Keys(place.keys)
        self._place = place
        self._labelling = Labelling(self.core, serving.task, self.keys, address, place.token) if serving.task else None
        self._maturing = asyncio.create_task(self._labelling.run()) if self._labelling else None
        self._opened = AsyncExitStack()

    async def show(self, source: Source, *, restarts: int = 0) -> None:
        """Open the monitor's port; OSError where it is taken."""
        metrics = Metrics(self.core, source, self._labelling, restarts=restarts)
        evidence = Evidence(self.core, source, self._labelling)
        admits = BearerToken(self._place.keys / "token").admits
        routes = self._labelling.routes() if self._labelling else ()
        runner = await serve(application(metrics, evidence, admits, routes), self._place.port)
        self._opened.push_async_callback(runner.cleanup)

    async def end(self) -> None:
        """Close all of it."""
        if self._maturing:
            self._maturing.cancel()
            await asyncio.wait([self._maturing])
        await self._opened.aclose()
