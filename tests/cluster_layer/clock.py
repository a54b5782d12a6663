"""A clock that tests move by hand: for time.monotonic, and by it for the timers of the running event loop."""

import asyncio
import time
from collections.abc import Iterator

import pytest

TURNS = 10
"""Turns of the event loop that anything here takes to come to rest: no test waits for more than a few steps."""


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now

    async def advance(self, seconds: float = 0) -> None:
        """Let time pass, and all that is due by then happen."""
        self.now += seconds
        for _ in range(TURNS):
            await asyncio.sleep(0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    with monkeypatch.context() as patch:
        moved = Clock()
        patch.setattr(time, "monotonic", moved)
        yield moved
