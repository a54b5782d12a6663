"""The bins of one feature, of the predictions or of the scores, and the sums beside them. Part of Counts."""

from typing import Any, Final

LARGEST: Final = 1e100
"""A value beyond it stays out of the sums: its square would be infinite."""


class Tally:
    """Parts (see outcomes.py) by bin. The sums are of values that are numbers, each for the share its row has."""

    __slots__ = ("bins", "squares", "total")

    def __init__(self, length: int) -> None:
        self.bins = [0] * length
        self.total = 0.0
        self.squares = 0.0

    def add(self, other: "Tally") -> None:
        """Count what another has counted in the same bins."""
        self.bins[:] = map(int.__add__, self.bins, other.bins)
        self.total += other.total
        self.squares += other.squares

    def copy(self) -> "Tally":
        """Return another with the same counts."""
        copied = Tally(0)
        copied.bins, copied.total, copied.squares = self.bins[:], self.total, self.squares
        return copied

    def document(self) -> dict[str, Any]:
        """Return it for machines."""
        return {"bins": self.bins, "sum": self.total, "squares": self.squares}
