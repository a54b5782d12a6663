"""Where the edges of bins go, given a sample of the reference. Pure; used to make profiles."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf
from typing import Final

QUANTILES: Final = (0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)
SCORE_BINS: Final = 20
TOP: Final = 20
MASS: Final = 0.99
"""The top values end where they hold so much of the rows."""
RARE: Final = 0.01
"""Where values are too many to be listed, one with less of the rows is not: it may be a name or an address."""


def number_edges(ascending: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return edges at the quantiles, and the atoms: values that are several quantiles."""
    values = [_quantile(ascending, level) for level in QUANTILES]
    atoms = sorted({value for value, following in pairwise(values) if value == following})
    return [_short_edge(ascending, value) for value in sorted(set(values) - set(atoms))], atoms


def score_edges(ascending: Sequence[float]) -> list[float]:
    """Return edges between bins of equal mass; equal ones are merged."""
    values = {_quantile(ascending, part / SCORE_BINS) for part in range(1, SCORE_BINS)} if ascending else set()
    return [_short_edge(ascending, value) for value in sorted(values - {0.0})]


def top_values(counts: Mapping[str, int], rows: int, *, listed: bool) -> list[str]:
    """Return the values that get a bin of their own, most frequent first; `listed` says that they are few."""
    top: list[str] = []
    for value in sorted(counts, key=lambda value: (-counts[value], value))[:TOP]:
        covered = sum(counts[value] for value in top)
        if covered >= MASS * rows or (not listed and counts[value] < RARE * rows):
            break
        top.append(value)
    return top


def _quantile(ascending: Sequence[float], level: float) -> float:
    return ascending[int(level * len(ascending))] + 0.0  # 0.0, where it is -0.0


def _short_edge(ascending: Sequence[float], value: float) -> float:
    """Return the number with the fewest digits that parts a value from the one below it."""
    place = bisect_left(ascending, value)
    below = ascending[place - 1] if place else -inf
    roundings = (float(f"{value:.{digits}g}") for digits in range(1, 17))
    return next((rounded for rounded in roundings if below < rounded <= value), value) + 0.0
