"""Exactly once: a bit for each prediction of this pod whose label came. Used by labels."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

PART_BITS: Final = 32_768
MOST_PARTS: Final = 2_048
"""Times 4 KiB: 8 MiB, for 67 million predictions."""
MOST_BOOTS: Final = 256


class Taken(Enum):
    """What a receipt's sequence is found to be."""

    FIRST = auto()
    AGAIN = auto()
    NOT_OURS = auto()
    """Of a time that is not remembered: whether it was counted cannot be told."""


@dataclass(slots=True)
class _Part:
    oldest: int
    bits: bytearray = field(default_factory=lambda: bytearray(PART_BITS // 8))


class Seen:
    """The sequences whose label came, by boot. `began` is when the monitor did, in seconds."""

    def __init__(self, began: float, most_parts: int = MOST_PARTS) -> None:
        self.covers_since = began
        """Predictions since then are counted exactly once; older ones may be refused as not ours."""
        self._began = began
        self._most_parts = most_parts
        self._first: dict[int, int] = {}
        self._parts: dict[tuple[int, int], _Part] = {}
        self._floor = (0, 0)

    def begin(self, at: float) -> None:
        """Count nothing that was predicted before: as if the monitor had begun only then."""
        self.covers_since = self._began = at

    def issued(self, boot: int, sequence: int) -> None:
        """Learn from the record of a prediction which boots this monitor has seen, and since which sequence."""
        if boot in self._first:
            return
        # A monitor that was there before the signer's boot has missed none of it.
        self._first[boot] = 1 if boot > self._began * 1000 else sequence
        if len(self._first) > MOST_BOOTS:
            oldest = min(self._first)
            self._forget((oldest + 1, 0))

    def take(self, boot: int, sequence: int, issued: int) -> Taken:
        """Mark a sequence, and return whether it was marked before."""
        first = self._first.get(boot)
        if first is None or sequence < first or (boot, sequence) < self._floor:
            return Taken.NOT_OURS
        index, bit = divmod(sequence, PART_BITS)
        part = self._parts.get((boot, index))
        if part is None:
            part = self._parts[boot, index] = _Part(issued)
            if len(self._parts) > self._most_parts and self._drop_oldest() == (boot, index):
                return Taken.NOT_OURS
        byte, mask = bit >> 3, 1 << (bit & 7)
        if part.bits[byte] & mask:
            return Taken.AGAIN
        part.bits[byte] |= mask
        part.oldest = min(part.oldest, issued)
        return Taken.FIRST

    def _drop_oldest(self) -> tuple[int, int]:
        boot, index = oldest = min(self._parts)
        self._forget((boot, (index + 1) * PART_BITS))
        return oldest

    def _forget(self, floor: tuple[int, int]) -> None:
        """Forget all that is older than the floor, and count none of it again."""
        self._floor = max(self._floor, floor)
        boot, sequence = self._floor
        self._parts = {key: part for key, part in self._parts.items() if key >= (boot, sequence // PART_BITS)}
        self._first = {known: first for known, first in self._first.items() if known >= boot}
        if self._parts:
            self.covers_since = max(self.covers_since, self._parts[min(self._parts)].oldest)
