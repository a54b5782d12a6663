import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.monitor.labels.seen import MOST_BOOTS, MOST_PARTS, PART_BITS, Seen, Taken

BEGAN = 1_000.0
LATER, EARLIER = 1_000_001, 999_999
"""Boots after and before the monitor began."""


def test_a_sequence_is_taken_once() -> None:
    seen = Seen(BEGAN)
    seen.issued(LATER, 1)
    assert [seen.take(LATER, 7, 1_001) for _ in range(3)] == [Taken.FIRST, Taken.AGAIN, Taken.AGAIN]


@pytest.mark.parametrize(
    ("boot", "first", "sequence", "taken"),
    [
        (LATER, 5, 4, Taken.FIRST),
        (EARLIER, 5, 5, Taken.FIRST),
        (EARLIER, 5, 4, Taken.NOT_OURS),
    ],
)
def test_a_monitor_that_began_later_than_the_signer_leaves_what_came_before_it(
    boot: int, first: int, sequence: int, taken: Taken
) -> None:
    seen = Seen(BEGAN)
    seen.issued(boot, first)
    seen.issued(boot, 2)
    assert seen.take(boot, sequence, 1_001) is taken


def test_a_boot_that_was_never_seen_is_not_its_own() -> None:
    assert Seen(BEGAN).take(LATER, 1, 1_001) is Taken.NOT_OURS


def test_without_room_the_oldest_is_forgotten_and_refused() -> None:
    seen = Seen(BEGAN, most_parts=2)
    seen.issued(LATER, 1)
    assert seen.covers_since == BEGAN
    for part in range(3):
        assert seen.take(LATER, part * PART_BITS + 1, 2_000 + part) is Taken.FIRST
    assert seen.take(LATER, 1, 2_000) is Taken.NOT_OURS
    assert seen.take(LATER, PART_BITS + 1, 2_001) is Taken.AGAIN
    assert seen.covers_since == 2_001


def test_what_would_be_the_oldest_itself_is_refused() -> None:
    seen = Seen(BEGAN, most_parts=1)
    seen.issued(LATER, 1)
    seen.issued(LATER + 1, 1)
    assert seen.take(LATER + 1, 1, 2_000) is Taken.FIRST
    assert seen.take(LATER, 1, 1_500) is Taken.NOT_OURS
    assert seen.take(LATER + 1, 1, 2_000) is Taken.AGAIN


def test_boots_are_bounded() -> None:
    seen = Seen(BEGAN)
    for boot in range(LATER, LATER + 2 * MOST_BOOTS):
        seen.issued(boot, 1)
    assert seen.take(LATER, 1, 1_001) is Taken.NOT_OURS
    assert seen.take(LATER + 2 * MOST_BOOTS - 1, 1, 1_001) is Taken.FIRST


def test_a_flood_of_boots_takes_no_memory() -> None:
    seen = Seen(BEGAN)
    tracemalloc.start()
    try:
        for boot in range(LATER, LATER + 5_000):
            seen.issued(boot, 1)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 100_000


def test_it_takes_no_more_than_8_mib() -> None:
    seen = Seen(BEGAN)
    seen.issued(LATER, 1)
    tracemalloc.start()
    try:
        for part in range(MOST_PARTS + 50):
            seen.take(LATER, part * PART_BITS + 1, 2_000 + part)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert MOST_PARTS * PART_BITS / 8 == 8 * 2**20
    assert used < 8 * 2**20 * 1.1


@given(
    st.lists(
        st.tuples(st.sampled_from(["issued", "take"]), st.integers(EARLIER, LATER + 1), st.integers(1, 6 * PART_BITS)),
        max_size=60,
    ),
    st.integers(1, 4),
)
def test_nothing_is_ever_counted_twice(steps: list[tuple[str, int, int]], most_parts: int) -> None:
    seen, counted = Seen(BEGAN, most_parts), set()
    for step, boot, number in steps:
        sequence = number // (PART_BITS // 4) * (PART_BITS // 4) + 1  # few, so that they meet again
        if step == "issued":
            seen.issued(boot, sequence)
        elif seen.take(boot, sequence, 2_000) is Taken.FIRST:
            assert (boot, sequence) not in counted
            counted.add((boot, sequence))


@given(st.lists(st.integers(1, 5 * PART_BITS), max_size=200))
def test_with_room_it_is_a_set(sequences: list[int]) -> None:
    seen, known = Seen(BEGAN), set[int]()
    seen.issued(LATER, 1)
    for sequence in sequences:
        assert seen.take(LATER, sequence, 2_000) is (Taken.AGAIN if sequence in known else Taken.FIRST)
        known.add(sequence)
