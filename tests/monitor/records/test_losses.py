"""Records that never came are counted, and those that come a little late are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.monitor.records.losses import GRACE_SECONDS, MOST_MISSING, Losses


def lost(sequences: list[int], *, later: float = GRACE_SECONDS) -> int:
    """Return what is lost when the sequences came at once and one more long after."""
    losses = Losses()
    for sequence in sequences:
        losses.note("b", sequence, 0.0)
    losses.note("b", max(sequences) + 1, later)
    return losses.lost


@pytest.mark.parametrize(
    ("sequences", "expected"),
    [
        ([1, 2, 3], 0),
        ([1, 3], 1),
        ([1, 3, 2], 0),
        ([5000, 5001], 0),
        ([5000, 4999, 5002], 1),
        ([1, 2, 2, 3], 0),
        ([1, 10, 9, 7, 8], 5),
        ([1, 10_000_000], 9_999_998),
    ],
)
def test_a_gap_that_stays_is_a_loss(sequences: list[int], expected: int) -> None:
    assert lost(sequences) == expected


def test_a_gap_may_be_a_long_request() -> None:
    assert lost([1, 3], later=GRACE_SECONDS - 1) == 0


def test_each_boot_has_its_own_sequence() -> None:
    losses = Losses()
    for boot in ("a", "b", "c"):
        losses.note(boot, 1, 0.0)
        losses.note(boot, 2, GRACE_SECONDS)
    assert losses.lost == 0


@given(st.lists(st.tuples(st.text(max_size=2), st.integers(0, 10**12)), max_size=30))
def test_whatever_comes_little_is_kept(records: list[tuple[str, int]]) -> None:
    losses = Losses()
    for boot, sequence in records:
        losses.note(boot, sequence, 0.0)
    assert len(losses._missing) <= MOST_MISSING  # noqa: SLF001 - the bound is on what is inside


@given(st.permutations(range(1, 50)), st.sets(st.integers(1, 49)))
def test_the_order_does_not_matter(order: list[int], never: set[int]) -> None:
    losses = Losses()
    for sequence in (0, *(each for each in order if each not in never)):
        losses.note("b", sequence, 0.0)
    losses.note("b", 50, 0.0)
    losses.note("b", 51, GRACE_SECONDS)
    assert losses.lost == len(never)
