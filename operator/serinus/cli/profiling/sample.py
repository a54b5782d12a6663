"""A sample of the rows of a stream: the same for the same rows, however they are cut. Used by profile.py."""

from collections.abc import Iterator
from math import exp, floor, log, log1p
from random import Random
from typing import Final

SIZE: Final = 65_536
"""Quantile .001 of so many rows is known to .0001."""


class Sample:
    """Says which of the next rows are taken, and which earlier ones they replace.

    Algorithm L of Li, Reservoir-Sampling Algorithms of Time Complexity O(n(1 + log(N/n))), 1994.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._random = Random(0)  # noqa: S311 - a sample that anybody may foresee, and repeat
        self._row = 0
        self._weight = 1.0
        self._next = size - 1
        self._skip()

    def take(self, rows: int) -> list[tuple[int, int]]:
        """Return (row, place) for those of the next rows that are taken; rows count from the first of these."""
        taken = list(self._take(self._row + rows))
        taken = [(row - self._row, place) for row, place in taken]
        self._row += rows
        return taken

    def _take(self, end: int) -> Iterator[tuple[int, int]]:
        for row in range(self._row, min(end, self._size)):
            yield row, row
        while self._next < end:
            yield self._next, self._random.randrange(self._size)
            self._skip()

    def _skip(self) -> None:
        self._weight *= exp(log(self._uniform()) / self._size)
        self._next += floor(log(self._uniform()) / log1p(-self._weight)) + 1

    def _uniform(self) -> float:
        return 1.0 - self._random.random()
