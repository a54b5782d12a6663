"""What the probes ask: are the watches heard, does the event loop keep up, is the queue moving. Served by http.py."""

import asyncio
import time
from typing import Final

import aiohttp

from serinus.cluster.client import WATCH_SECONDS
from serinus.controller import metrics

WATCH_LIMIT_SECONDS: Final = 2 * WATCH_SECONDS
"""A watch is renewed after WATCH_SECONDS at the latest; twice that means that nobody renews it."""
LAG_LIMIT_SECONDS: Final = 5.0
QUEUE_LIMIT_SECONDS: Final = 60.0
_TICK_SECONDS: Final = 1.0


class Health:
    """Signs of life."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}
        self._lag = 0.0
        self._answered = time.monotonic()
        metrics.WATCH_AGE_SECONDS.set_function(self.watch_age_seconds)
        metrics.LOOP_LAG_SECONDS.set_function(lambda: self._lag)

    def expect(self, path: str) -> None:
        """Expect to hear from the watch of a path from now on."""
        self._heard.setdefault(path, time.monotonic())

    def heard(self, path: str) -> None:
        """Note that the watch of a path was opened anew."""
        self._heard[path] = time.monotonic()

    def watch_age_seconds(self) -> float:
        """Return for how long the quietest watch has not been renewed."""
        return time.monotonic() - min(self._heard.values()) if self._heard else 0.0

    def forget(self, path: str) -> None:
        """Expect nothing more from the watch of a path: its kind is not there, or no longer."""
        self._heard.pop(path, None)

    def tracing(self) -> aiohttp.TraceConfig:
        """Return what makes a session tell us of every watch that it opens."""

        async def note(
            _session: aiohttp.ClientSession, _context: object, params: aiohttp.TraceRequestEndParams
        ) -> None:
            if params.response.ok and "watch" in params.url.query:
                self.heard(params.url.path)

        config = aiohttp.TraceConfig()
        config.on_request_end.append(note)
        return config

    def answered(self, method: str, code: int) -> None:
        """Note that the API server answered a request."""
        metrics.REQUESTS.labels(str(code), method).inc()
        self._answered = time.monotonic()

    async def run(self) -> None:
        """Measure how late the event loop runs, until cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_TICK_SECONDS)
            self._lag = time.monotonic() - before - _TICK_SECONDS

    def complaint(self) -> str | None:
        """Return what a restart would cure; None if nothing."""
        if self._lag > LAG_LIMIT_SECONDS:
            return f"the event loop runs {self._lag:.1f} s late"
        reachable = time.monotonic() - self._answered < WATCH_SECONDS
        if reachable and self.watch_age_seconds() > WATCH_LIMIT_SECONDS:
            quietest = min(self._heard, key=lambda path: self._heard[path])
            return f"the watch of {quietest} was not renewed for {self.watch_age_seconds():.0f} s"
        return None
