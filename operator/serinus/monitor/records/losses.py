"""Records that never came, by the gaps they leave in (boot, sequence). Asked by ring.py for each record."""

from collections import OrderedDict
from typing import Final

GRACE_SECONDS: Final = 600.0
"""Sequences are given when requests begin and records are written when they end: a long one comes late."""
MOST_MISSING: Final = 10_000
MOST_BOOTS: Final = 4


class Losses:
    """How many records of each boot are lost for certain."""

    def __init__(self) -> None:
        self.lost = 0
        self._next: OrderedDict[str, int] = OrderedDict()
        self._missing: OrderedDict[tuple[str, int], float] = OrderedDict()

    def note(self, boot: str, sequence: int, now: float) -> None:
        """Take notice of a record. What came before a boot's first one is not ours."""
        expected = self._next.get(boot)
        if expected is None:
            expected = sequence
            while len(self._next) >= MOST_BOOTS:
                self._next.popitem(last=False)
        if sequence == expected:  # nearly always
            self._next[boot] = sequence + 1
        elif sequence < expected:
            self._missing.pop((boot, sequence), None)
        else:
            self._next[boot] = sequence + 1
            self._miss(boot, expected, sequence, now)
        if self._missing:
            self._give_up(now)

    def _miss(self, boot: str, first: int, end: int, now: float) -> None:
        begin = max(first, end - MOST_MISSING)
        self.lost += begin - first
        for sequence in range(begin, end):
            self._missing[boot, sequence] = now

    def _give_up(self, now: float) -> None:
        while self._missing:
            oldest, since = next(iter(self._missing.items()))
            if len(self._missing) <= MOST_MISSING and now - since < GRACE_SECONDS:
                return
            del self._missing[oldest]
            self.lost += 1
