"""Waiting: a check is polled until it holds or the time is up. Tests and the local cluster wait in no other way."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL = 0.05


class NotYetError(AssertionError):
    """What a check raises to say what it sees instead of what is hoped for; in a test `assert` does the same."""


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

    A false value or an AssertionError means "not yet"; any other exception ends the wait. The last one is in the
    message when the time is up.
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
    check: Callable[[], Awaitable[T]],
    timeout: float,  # noqa: ASYNC109 -- asyncio.timeout could not say what was seen last
    message: str,
    *,
    interval: float = INTERVAL,
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
