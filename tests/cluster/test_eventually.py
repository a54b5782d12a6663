"""What the one way to wait promises."""

from collections.abc import Callable

import pytest

from tests.cluster.eventually import NotYetError, TimeIsUpError, eventually, eventually_async


def _third_time(value: str) -> Callable[[], str]:
    answers = iter(["", "", value])
    return lambda: next(answers)


def test_the_first_true_value_is_returned() -> None:
    assert eventually(_third_time("there"), 5, "it comes", interval=0) == "there"


async def test_an_awaited_check_waits_alike() -> None:
    check = _third_time("there")

    async def awaited() -> str:
        return check()

    assert await eventually_async(awaited, 5, "it comes", interval=0) == "there"


def test_the_failure_tells_what_was_hoped_for_and_what_was_seen_last() -> None:
    seen = iter(range(1000))

    def check() -> bool:
        count = next(seen)
        raise NotYetError(f"{min(count, 2)} of 3 pods")

    with pytest.raises(TimeIsUpError, match=r"all pods run: not so after 0\.01 s; last seen: NotYetError: 2 of 3 pods"):
        eventually(check, 0.01, "all pods run", interval=0.001)


def test_an_unexpected_error_ends_the_wait_at_once() -> None:
    with pytest.raises(ZeroDivisionError):
        eventually(lambda: 1 / 0, 60, "no bug is waited for")
