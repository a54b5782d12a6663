"""Rows in columns, for the pages of the CLI. Pure."""

from collections.abc import Iterator, Sequence


def table(*rows: Sequence[str]) -> Iterator[str]:
    """Return rows whose columns are as wide as what stands in them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
