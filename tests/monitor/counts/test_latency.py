"""The edges of the histogram: what was counted with them is added up with what other releases count."""

from hashlib import sha256
from itertools import pairwise

import pytest

from serinus.monitor.counts.latency import BINS, EDGES, bin_of

GOLDEN = "8a55ddbc73539bf0fe9d62f6bf9da14af62e5dee4d60f7881cc2cbbb020ad303"


def test_the_edges_never_change() -> None:
    assert sha256(",".join(map(repr, EDGES)).encode()).hexdigest() == GOLDEN


def test_they_go_from_a_millisecond_to_a_minute_by_tenths() -> None:
    assert (EDGES[0], EDGES[1], EDGES[-1], len(EDGES), BINS) == (0.001, 0.0011, 60.0, 117, 118)
    assert all(1.04 < upper / lower < 1.101 for lower, upper in pairwise(EDGES))


@pytest.mark.parametrize(("seconds", "index"), [(0.0, 0), (0.001, 0), (0.00101, 1), (60.0, 116), (60.1, 117)])
def test_an_edge_belongs_to_what_is_below(seconds: float, index: int) -> None:
    assert bin_of(seconds) == index
