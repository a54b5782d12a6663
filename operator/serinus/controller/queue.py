"""The work queue: each key once, never on two workers at a time, failures with back-off, one heap for all timers."""

import asyncio
import heapq
import random
from collections import OrderedDict
from typing import Final

from serinus.cluster.objects import Key
from serinus.controller import metrics

FIRST_BACKOFF_SECONDS: Final = 0.05
LONGEST_BACKOFF_SECONDS: Final = 60.0
URGENT_IN_A_ROW: Final = 4
"""Then one of the others has its turn: whatever keeps being urgent, none of them waits for ever."""
_LARGEST_EXPONENT: Final = 16
_SPARE_TIMERS: Final = 64


class Queue:
    """Keys to reconcile. A key that is added while it is worked on is worked on once more afterwards.

    Urgent ones go before the others: where many rollouts go on at once, a canary that lost its pods must not wait for
    them. A key stays urgent until a reconcile of it has succeeded.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tickets: asyncio.Queue[None] = asyncio.Queue()
        """One for each key that waits."""
        self._waiting_since: OrderedDict[Key, float] = OrderedDict()
        self._urgent_since: OrderedDict[Key, float] = OrderedDict()
        self._urgent: set[Key] = set()
        self._urgent_in_a_row = 0
        self._active_since: dict[Key, float] = {}
        self._again: dict[Key, bool] = {}
        """Added while they are worked on, and whether that was urgent."""
        self._failures: dict[Key, int] = {}
        self._timers: list[tuple[float, Key]] = []
        self._due: dict[Key, float] = {}
        self._alarm: asyncio.TimerHandle | None = None
        metrics.QUEUE_DEPTH.set_function(lambda: len(self._waiting_since) + len(self._urgent_since))
        metrics.QUEUE_OLDEST_SECONDS.set_function(self.oldest_seconds)
        metrics.QUEUE_LONGEST_WORK_SECONDS.set_function(self.longest_work_seconds)

    def add(self, key: Key, *, urgent: bool = False) -> None:
        """Ask for a key to be worked on, before those that are not urgent if it is."""
        metrics.QUEUE_ADDS.inc()
        if key in self._active_since:
            self._again[key] = urgent or self._again.get(key, False)
            return
        if urgent:
            self._urgent.add(key)
        line = self._urgent_since if key in self._urgent else self._waiting_since
        if key in line:
            return
        since = self._waiting_since.pop(key, None)  # from there it goes to the front
        if since is None:
            since = self._loop.time()
            self._tickets.put_nowait(None)
        line[key] = since

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
        """Let the next failure of a key begin with the shortest back-off, and its next turn be like any other's."""
        self._failures.pop(key, None)
        self._urgent.discard(key)

    async def get(self) -> Key:
        """Return the next key; it is the caller's until `done`."""
        await self._tickets.get()
        key, since = self._next().popitem(last=False)
        now = self._loop.time()
        metrics.QUEUE_WAIT_SECONDS.observe(now - since)
        self._active_since[key] = now
        return key

    def done(self, key: Key) -> None:
        """Give a key back."""
        metrics.QUEUE_WORK_SECONDS.observe(self._loop.time() - self._active_since.pop(key))
        urgent = self._again.pop(key, None)
        if urgent is not None:
            self.add(key, urgent=urgent)

    def oldest_seconds(self) -> float:
        """Return how long the key has been waiting for a worker that waits longest."""
        waiting = (*self._waiting_since.values(), *self._urgent_since.values())
        return self._loop.time() - min(waiting) if waiting else 0.0

    def longest_work_seconds(self) -> float:
        """Return how long the slowest worker has been busy with its key."""
        return self._loop.time() - min(self._active_since.values()) if self._active_since else 0.0

    def _next(self) -> OrderedDict[Key, float]:
        """Return whose turn it is: the urgent ones or the others."""
        urgent = self._urgent_since and (self._urgent_in_a_row < URGENT_IN_A_ROW or not self._waiting_since)
        self._urgent_in_a_row = self._urgent_in_a_row + 1 if urgent else 0
        return self._urgent_since if urgent else self._waiting_since

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
