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
        if len(other.bins) > len(self.bins):
            self.bins += [0] * (len(other.bins) - len(self.bins))
        for index, parts in enumerate(other.bins):
            if parts:
                self.bins[index] += parts
        self.total += other.total
        self.squares += other.squares

    def document(self) -> dict[str, Any]:
        """Return it for machines."""
        return {"bins": self.bins, "sum": self.total, "squares": self.squares}
