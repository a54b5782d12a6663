"""A measured figure, the table people read and the file machines read. Every benchmark returns Figures."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).parents[1] / ".bench" / "results.json"
COLUMNS: Final = ("figure", "value", "unit", "limit", "ok", "pods", "errors", "measured with")


@dataclass(frozen=True)
class Conditions:
    """What a figure was measured under; without them it says little."""

    load: str
    """What was there and what was done, sizes of the objects included."""
    pods: int = 0
    """Ready pods."""
    errors: int = 0
    """What went wrong and should not have."""
    work: int = 1
    """How much was done, or how often a process at rest was seen to be alive: 0 proves nothing."""


@dataclass(frozen=True)
class Figure:
    """One measured number, and the limit it must keep if it has one."""

    name: str
    value: float | None
    """None where the benchmark did not come to its end."""
    unit: str
    conditions: Conditions
    limit: float | None = None

    @property
    def ok(self) -> bool:
        """Whether it keeps its limit, in a run that went well and did something."""
        well = self.value is not None and self.conditions.errors == 0 and self.conditions.work > 0
        return well and (self.limit is None or (self.value or 0) <= self.limit)


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    rows = [COLUMNS, *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    sys.stdout.flush()


def write(figures: Sequence[Figure], file: Path = RESULTS) -> None:
    """Write the figures for machines."""
    entries = [
        {"name": each.name, "value": each.value, "unit": each.unit, "limit": each.limit, "ok": each.ok}
        for each in figures
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(entries, indent=2) + "\n")


def _row(figure: Figure) -> tuple[str, ...]:
    conditions = figure.conditions
    return (
        figure.name,
        _number(figure.value),
        figure.unit,
        _number(figure.limit),
        "yes" if figure.ok else "NO",
        str(conditions.pods),
        str(conditions.errors),
        conditions.load,
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}".removesuffix(".0")
