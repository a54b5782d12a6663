"""The work queue: each key once, never on two workers at a time, failures with back-off, one heap for all timers."""

import asyncio
import heapq
import random
from typing import Final

from serinus.cluster.objects import Key
from serinus.controller import metrics

FIRST_BACKOFF_SECONDS: Final = 0.05
LONGEST_BACKOFF_SECONDS: Final = 60.0
_LARGEST_EXPONENT: Final = 16
_SPARE_TIMERS: Final = 64


class Queue:
    """Keys to reconcile. A key that is added while it is worked on is worked on once more afterwards."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting_since: dict[Key, float] = {}
        self._active_since: dict[Key, float] = {}
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: list[tuple[float, Key]] = []
        self._due: dict[Key, float] = {}
        self._alarm: asyncio.TimerHandle | None = None
        metrics.QUEUE_DEPTH.set_function(lambda: len(self._waiting_since))
        metrics.QUEUE_OLDEST_SECONDS.set_function(self.oldest_seconds)
        metrics.QUEUE_LONGEST_WORK_SECONDS.set_function(self.longest_work_seconds)

    def add(self, key: Key) -> None:
        """Ask for a key to be worked on."""
        metrics.QUEUE_ADDS.inc()
        if key in self._active_since:
            self._again.add(key)
        elif key not in self._waiting_since:
            self._waiting_since[key] = self._loop.time()
            self._ready.put_nowait(key)

    def add_later(self, key: Key, seconds: float | None) -> None:
        """Ask for a key after some time, in place of what was asked for it before; None takes that back."""
        if seconds is None:
            self._due.pop(key, None)
            return
        self._due[key] = self._loop.time() + seconds
        heapq.heappush(self._timers, (self._due[key], key))
        if len(self._timers) > 2 * len(self._due) + _SPARE_TIMERS:  # most of them were replaced since
            self._timers = [(at, due) for due, at in self._due.items()]
            heapq.heapify(self._timers)
        self._set_alarm()

    def retry(self, key: Key) -> None:
        """Ask for a key that failed, later each time."""
        metrics.QUEUE_RETRIES.inc()
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        backoff = FIRST_BACKOFF_SECONDS * 2 ** min(failures, _LARGEST_EXPONENT)
        # Keys that failed together, in an outage, must not come back together.
        self.add_later(key, min(backoff, LONGEST_BACKOFF_SECONDS) * random.uniform(0.75, 1.25))  # noqa: S311 - no secret

    def succeeded(self, key: Key) -> None:
        """Let the next failure of a key begin with the shortest back-off."""
        self._failures.pop(key, None)

    async def get(self) -> Key:
        """Return the next key; it is the caller's until `done`."""
        key = await self._ready.get()
        now = self._loop.time()
        metrics.QUEUE_WAIT_SECONDS.observe(now - self._waiting_since.pop(key))
        self._active_since[key] = now
        return key

    def done(self, key: Key) -> None:
        """Give a key back."""
        metrics.QUEUE_WORK_SECONDS.observe(self._loop.time() - self._active_since.pop(key))
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def oldest_seconds(self) -> float:
        """Return how long the first key has been waiting for a worker."""
        return self._loop.time() - next(iter(self._waiting_since.values())) if self._waiting_since else 0.0

    def longest_work_seconds(self) -> float:
        """Return how long the slowest worker has been busy with its key."""
        return self._loop.time() - min(self._active_since.values()) if self._active_since else 0.0

    def _set_alarm(self) -> None:
        if self._alarm:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(self._timers[0][0], self._ring) if self._timers else None

    def _ring(self) -> None:
        while self._timers and self._timers[0][0] <= self._loop.time():
            at, key = heapq.heappop(self._timers)
            if self._due.get(key) == at:
                del self._due[key]
                self.add(key)
        self._alarm = None
        self._set_alarm()
