"""A pytest plugin for tables of tests that mostly wait: the work of all their cases goes on side by side."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

import pytest

SIDE_BY_SIDE: Final = 12

C = TypeVar("C")
SideBySide = Callable[[Callable[[C], object]], Callable[[C], object]]


@pytest.fixture(scope="module")
def side_by_side(request: pytest.FixtureRequest) -> Iterator[SideBySide[object]]:
    """Begins the work on all the cases of a file at once; what it returns waits for one of them, and raises its error.

    A case is the parameter `case` of a test that was chosen to run.
    """
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:

        def begin(work: Callable[[object], object]) -> Callable[[object], object]:
            chosen = [
                item.callspec.params["case"]
                for item in request.session.items
                if isinstance(item, pytest.Function) and item.path == request.path and "case" in _parameters(item)
            ]
            begun: dict[object, Future[object]] = {case: pool.submit(work, case) for case in dict.fromkeys(chosen)}
            return lambda case: begun[case].result()

        yield begin
        pool.shutdown(cancel_futures=True)


def _parameters(item: pytest.Function) -> Mapping[str, object]:
    return item.callspec.params if hasattr(item, "callspec") else {}
