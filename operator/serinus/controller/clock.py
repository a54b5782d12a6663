"""The time by which steps and deadlines run. Setting the machine's clock makes no hour of it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

CATCH_UP: Final = 0.1
"""How much faster than it passes our time runs at most while the machine's clock is ahead."""
SLOW_DOWN: Final = 0.5
"""How much slower it runs at most while the machine's clock is behind: a step that takes longer harms nobody."""


def _of_the_machine() -> datetime:
    return datetime.now(UTC)


class Clock:
    """The time of day, without jumps.

    Begins with the machine's clock, goes on by the monotonic one, and approaches the first again if that was set. A
    jump while no operator runs cannot be told from time that passed.
    """

    def __init__(
        self, wall: Callable[[], datetime] = _of_the_machine, passed: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._passed = passed
        self._now = wall()
        self._at = passed()

    def __call__(self) -> datetime:
        """Return the time."""
        at = self._passed()
        since, self._at = timedelta(seconds=at - self._at), at
        slowest, fastest = self._now + since * (1 - SLOW_DOWN), self._now + since * (1 + CATCH_UP)
        self._now = min(max(self._wall(), slowest), fastest)
        return self._now
