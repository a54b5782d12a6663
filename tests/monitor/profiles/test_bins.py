"""Every value has a bin, and the bin is the one that its label says."""

from math import inf, isfinite, nan, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.monitor.profiles.bins import (
    Bins,
    BooleanBins,
    CategoryBins,
    LearnedBins,
    NumberBins,
    score_bins,
    signed_log_bins,
)
from tests.monitor.values import NUMBERS, VALUES

EDGES = st.sets(NUMBERS, max_size=15).map(sorted)
TEXTS = st.lists(st.text(max_size=5) | st.sampled_from(["other", "missing", '"other"']), unique=True, max_size=20)


def bin_of(bins: Bins, value: object) -> str:
    place = bins.index(value)
    return bins.labels[place]


def number_bin_by_definition(edges: list[float], atoms: list[float], value: object) -> int:
    """Count the bins that end at or below a value, one edge or atom after the other."""
    starts = sorted({(edge, 0) for edge in (*edges, *atoms)} | {(atom, 1) for atom in atoms})
    starts = [start for start in starts if start[1] == 0 or nextafter(start[0], inf) not in (*edges, *atoms)]
    if value is None:
        return len(starts) + 1
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 10**400:
        return len(starts) + 2
    try:
        number = float(value)
    except OverflowError:
        return len(starts) + 2
    if not isfinite(number):
        return len(starts) + 2
    return sum(number > start if after else number >= start for start, after in starts)


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (-0.5, "below 0"),
        (0, "= 0"),
        (-0.0, "= 0"),
        (5e-324, "above 0 to 1.5"),
        (1.4999, "above 0 to 1.5"),
        (1.5, "from 1.5 to 3"),
        (3, "from 3"),
        (2**1023, "from 3"),
        (None, "missing"),
        (10**400, "invalid"),
        (nan, "invalid"),
        (inf, "invalid"),
        (-inf, "invalid"),
        (True, "invalid"),
        ("1", "invalid"),
        ([1], "invalid"),
        ({}, "invalid"),
    ],
)
def test_numbers(value: object, label: str) -> None:
    assert bin_of(NumberBins([1.5, 3.0], atoms=[0.0]), value) == label


@pytest.mark.parametrize(
    ("edges", "atoms", "labels"),
    [
        ([], [], ("any",)),
        ([1.0], [], ("below 1", "from 1")),
        ([], [7.0], ("below 7", "= 7", "above 7")),
        ([nextafter(7.0, inf)], [7.0], ("below 7", "= 7", "above 7")),
        ([], [1.0, nextafter(1.0, inf)], ("below 1", "= 1", "= 1.0000000000000002", "above 1.0000000000000002")),
    ],
)
def test_an_atom_has_a_bin_of_its_own(edges: list[float], atoms: list[float], labels: tuple[str, ...]) -> None:
    assert NumberBins(edges, atoms).labels == (*labels, "missing", "invalid")


@given(EDGES, st.sets(NUMBERS, max_size=5).map(sorted), VALUES)
def test_a_number_is_where_the_edges_say(edges: list[float], atoms: list[float], value: object) -> None:
    edges = [edge for edge in edges if edge not in atoms]
    assert NumberBins(edges, atoms).index(value) == number_bin_by_definition(edges, atoms, value)


@given(EDGES)
def test_an_edge_is_in_the_bin_that_it_begins(edges: list[float]) -> None:
    bins = NumberBins(edges)
    assert [bins.index(edge) for edge in edges] == list(range(1, len(edges) + 1))


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("DE", "DE"),
        ("7", "7"),
        (7, "7"),
        ("AT", "other"),
        ("XX", "unseen"),
        (8, "unseen"),
        (7.0, "unseen"),
        (True, "unseen"),
        (nan, "unseen"),
        (10**400, "unseen"),
        (["DE"], "unseen"),
        ({"DE": 1}, "unseen"),
        (None, "missing"),
        ("missing", '"missing"'),
        ("", ""),
    ],
)
def test_categories(value: object, label: str) -> None:
    assert bin_of(CategoryBins(["DE", "7", "missing", ""], known=["AT", "DE"]), value) == label


def test_where_values_are_too_many_to_be_known_none_is_unseen() -> None:
    bins = CategoryBins(["a"], known=None)
    assert [bin_of(bins, value) for value in ("a", "b", 3, None)] == ["a", "other", "other", "missing"]


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (False, "false"),
        (True, "true"),
        (0, "false"),
        (1.0, "true"),
        (2, "invalid"),
        ("true", "invalid"),
        ([True], "invalid"),
        (nan, "invalid"),
        (None, "missing"),
    ],
)
def test_booleans(value: object, label: str) -> None:
    assert bin_of(BooleanBins(), value) == label


@pytest.mark.parametrize(("value", "label"), [(0, "below 0.5"), (0.5, "from 0.5"), (1, "from 0.5"), (1.01, "invalid")])
def test_a_score_is_a_probability(value: object, label: str) -> None:
    assert bin_of(score_bins([0.5]), value) == label


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (0, "= 0"),
        (1, "from 1 to 2"),
        (42, "from 20 to 50"),
        (-42, "from -50 to -20"),
        (1e-9, "above 0 to 1e-06"),
        (1e300, "from 1000000000000"),
        (-1e300, "below -1000000000000"),
    ],
)
def test_without_a_profile_numbers_are_binned_by_their_magnitude(value: float, label: str) -> None:
    bins = signed_log_bins()
    assert bin_of(bins, value) == label
    assert len(bins.labels) == 67


def test_without_a_profile_the_first_texts_get_bins_and_keep_them() -> None:
    bins = LearnedBins(limit=2)
    values: list[object] = ["b", "x" * 101, "other", "a", "b", 3, None, 0.5, []]
    places = [bins.index(value) for value in values]
    assert bins.labels == ("missing", "invalid", "other", "b", '"other"')
    assert places == [3, 2, 4, 2, 3, 2, 0, 1, 1]


@given(st.lists(VALUES), st.integers(0, 5))
def test_learning_is_bounded_and_moves_no_bin(values: list[object], limit: int) -> None:
    bins = LearnedBins(limit)
    labels = [bin_of(bins, value) for value in values]
    assert len(bins.labels) <= 3 + limit
    assert [bin_of(bins, value) for value in values] == labels


@given(TEXTS, TEXTS | st.none(), EDGES, VALUES)
def test_every_value_has_exactly_one_bin_with_a_name_of_its_own(
    top: list[str], known: list[str] | None, edges: list[float], value: object
) -> None:
    kinds: list[Bins] = [
        NumberBins(edges),
        CategoryBins(top, known),
        BooleanBins(),
        LearnedBins(2),
        signed_log_bins(),
    ]
    for bins in kinds:
        place = bins.index(value)
        assert 0 <= place < len(bins.labels)
        assert bins.index(value) == place
        assert len(set(bins.labels)) == len(bins.labels)
