"""Predictions that await a label, as counts by time of issue: what is unlabelled at an age counts as assumed."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

BUCKETS: Final = 1_024
"""The age is divided by it: what is assumed counts at most that much later."""
MOST_COUNTS: Final = 100_000


class Unlabelled(NamedTuple):
    """Parts of one predicted class for which no label came."""

    stamp: str
    predicted: str
    parts: int


class Awaited:
    """Parts by time of issue, stamp and predicted class."""

    def __init__(self, age: int, most: int = MOST_COUNTS) -> None:
        self.dropped = 0
        """Predictions that nothing will be assumed of, since there was no room."""
        self._age = age
        self._width = max(1, age // BUCKETS)
        self._most = most
        self._size = 0
        self._buckets: dict[int, dict[tuple[str, str], int]] = {}
        self._owed: dict[tuple[str, str], int] = {}

    def issued(self, stamp: str, at: float, shares: Iterable[tuple[str, int]]) -> None:
        """Count a prediction: its classes and the parts of each."""
        for predicted, parts in shares:
            self._count(int(at) // self._width, (stamp, predicted), parts)

    def labelled(self, stamp: str, at: float, now: float, shares: Iterable[tuple[str, int]]) -> None:
        """Count a label: its prediction is awaited no longer, if it still was."""
        if now - at <= self._age:
            self.issued(stamp, at, [(predicted, -parts) for predicted, parts in shares])

    def due(self, now: float) -> Iterator[Unlabelled]:
        """Take out what is older than the age and still unlabelled."""
        for number in sorted(self._buckets):
            if (number + 1) * self._width + self._age > now:
                return
            bucket = self._buckets.pop(number)
            self._size -= len(bucket)
            for key, parts in bucket.items():
                # A label may stand in a bucket before or after its prediction, when clocks differ a little.
                left = parts + self._owed.pop(key, 0)
                if left > 0:
                    yield Unlabelled(*key, left)
                elif left < 0 and len(self._owed) < self._most:
                    self._owed[key] = left

    def _count(self, number: int, key: tuple[str, str], parts: int) -> None:
        bucket = self._buckets.get(number, {})
        if key not in bucket:
            if self._size >= self._most:
                self.dropped += 1
                return
            self._size += 1
            bucket = self._buckets.setdefault(number, {})
        bucket[key] = bucket.get(key, 0) + parts
