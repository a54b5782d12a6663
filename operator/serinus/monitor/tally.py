"""The bins of one feature, of the predictions or of the scores, and the sums beside them. Part of Counts."""

from typing import Any, Final

PARTS: Final = 720_720
"""One request. A row of a batch is a part of it, exactly so for every number of rows up to 16."""
LARGEST: Final = 1e100
"""A value beyond it stays out of the sums: its square would be infinite."""


class Tally:
    """Parts of requests by bin, with sum and sum of squares of the values that are numbers, each times its parts."""

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


def shares(rows: int) -> list[int]:
    """Return the parts of each row of a request: together PARTS."""
    each, rest = divmod(PARTS, rows)
    return [each + 1] * rest + [each] * (rows - rest)
