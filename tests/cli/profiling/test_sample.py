"""A sample takes each row with the same chance, and the same rows however they are cut."""

from hypothesis import given
from hypothesis import strategies as st

from serinus.cli.profiling.sample import Sample


def rows_of(size: int, *cuts: int) -> list[int]:
    sample, before, kept = Sample(size), 0, dict[int, int]()
    for rows in cuts:
        kept |= {place: before + row for row, place in sample.take(rows)}
        before += rows
    return [kept[place] for place in sorted(kept)]


def test_where_there_is_room_all_rows_are_taken_in_order() -> None:
    assert rows_of(10, 4, 6) == list(range(10))


@given(st.lists(st.integers(0, 40), max_size=10), st.integers(1, 30))
def test_the_cuts_do_not_matter(cuts: list[int], size: int) -> None:
    rows = sum(cuts)
    assert rows_of(size, *cuts) == rows_of(size, rows)
    assert len(set(rows_of(size, rows))) == min(size, rows)


def test_every_part_of_a_stream_has_its_share() -> None:
    rows = rows_of(10_000, 1_000_000)
    for tenth in range(10):
        part = sum(row // 100_000 == tenth for row in rows)
        assert 880 <= part <= 1120  # 4 standard deviations
