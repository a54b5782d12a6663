"""What labels say of predictions, as whole numbers that add up. judge.py makes them, the ledger keeps them by stamp."""

from dataclasses import dataclass, field
from typing import Any, Final, Self

PARTS: Final = 720_720
"""One trial. A row of a batch is a part of one; every number of rows up to 16 divides it."""
LARGEST: Final = 2.0**40
"""Values are whole multiples of 2^-40, about 1e-12, from -2^40 to 2^40. What is beyond counts as that."""


def share(row: int, rows: int) -> int:
    """Return the parts of one row of a batch. Those of all rows together are one trial exactly."""
    return PARTS * (row + 1) // rows - PARTS * row // rows


def units(value: float) -> int:
    """Return a value in units of 2^-40: sums of them are exact in any order."""
    return round(max(-LARGEST, min(LARGEST, value)) * LARGEST)


@dataclass(slots=True)
class Outcomes:
    """Counts of labelled predictions: trials, errors and cells in parts, values in units."""

    trials: int = 0
    errors: int = 0
    """Parts that were wrong: another class, out of tolerance, thumbs down."""
    cells: dict[tuple[str, str], int] = field(default_factory=dict)
    """The confusion: parts by predicted class and label."""
    values: int = 0
    """Trials that have a value: the mean absolute error of a regression, the mean score of a generation."""
    total: int = 0
    squares: int = 0
    """In squared units, of the trials' values."""
    late: int = 0
    """Trials whose label came too late to be used."""

    def add(self, other: Self) -> None:
        """Add the counts of another; the order does not matter."""
        self.trials += other.trials
        self.errors += other.errors
        self.values += other.values
        self.total += other.total
        self.squares += other.squares
        self.late += other.late
        for cell, parts in other.cells.items():
            self.cells[cell] = self.cells.get(cell, 0) + parts

    def document(self) -> dict[str, Any]:
        """Return them for machines, without what is nought. Sums are texts: they may have more than 64 bits."""
        everything = {
            "trials": self.trials,
            "errors": self.errors,
            "cells": [[*cell, parts] for cell, parts in sorted(self.cells.items())],
            "values": self.values,
            "sum": str(self.total) if self.values else "",
            "squares": str(self.squares) if self.values else "",
            "late": self.late,
        }
        return {name: value for name, value in everything.items() if value}
