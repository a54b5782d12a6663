"""Waiting: poll a check until it holds or the time is up. Every wait of the tests and of the local cluster is one of these."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL = 0.05


class TimeIsUpError(AssertionError):
    """The check did not hold in time; the message tells the last value seen."""


class _Wait:
    """The last value seen, and when to stop looking."""

    def __init__(self, timeout: float, message: str) -> None:
        self.timeout = timeout
        self.message = message
        self.deadline = time.monotonic() + timeout
        self.last_seen = "nothing"

    def saw(self, seen: object) -> None:
        self.last_seen = f"{type(seen).__name__}: {seen}" if isinstance(seen, Exception) else repr(seen)
        if time.monotonic() >= self.deadline:
            raise TimeIsUpError(f"{self.message}: not so after {self.timeout:g} s; last seen: {self.last_seen}") from (
                seen if isinstance(seen, Exception) else None
            )


def eventually(check: Callable[[], T], timeout: float, message: str, *, interval: float = INTERVAL) -> T:
    """The first true value that check returns. `message` says what was hoped for.

    A false value or an AssertionError means "not yet"; any other exception ends the wait.
    A check that fails by `assert seen == wanted, seen` shows in the message what it saw last.
    """
    wait = _Wait(timeout, message)
    while True:
        try:
            if value := check():
                return value
            wait.saw(value)
        except TimeIsUpError:
            raise
        except AssertionError as error:
            wait.saw(error)
        time.sleep(interval)


async def eventually_async(
    check: Callable[[], Awaitable[T]], timeout: float, message: str, *, interval: float = INTERVAL
) -> T:
    """The same for a check that is awaited, without blocking its loop."""
    wait = _Wait(timeout, message)
    while True:
        try:
            if value := await check():
                return value
            wait.saw(value)
        except TimeIsUpError:
            raise
        except AssertionError as error:
            wait.saw(error)
        await asyncio.sleep(interval)
