"""The fixed edges of the latency histogram, 1 ms to 60 s and 10 % apart. They never change: counts are added up."""

from bisect import bisect_left
from itertools import count, takewhile
from typing import Final

LAST: Final = 60.0
EDGES: Final[tuple[float, ...]] = (
    *takewhile(lambda edge: edge < LAST, (round(0.001 * 1.1**step, 6) for step in count())),
    LAST,
)
"""In seconds. A request counts in the bin of the first edge that it does not exceed, the last bin has none."""
BINS: Final = len(EDGES) + 1


def bin_of(seconds: float) -> int:
    """Return the index of the bin."""
    return bisect_left(EDGES, seconds)
