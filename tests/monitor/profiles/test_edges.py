"""Edges at the quantiles of a sample, a bin of its own for what comes often, and which texts are listed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.monitor.profiles.bins import NumberBins, score_bins
from serinus.monitor.profiles.edges import QUANTILES, number_edges, score_edges, top_values
from tests.monitor.values import NUMBERS


def numbers(*parts: tuple[float, int]) -> list[float]:
    return sorted(value for value, count in parts for _ in range(count))


def test_numbers_that_differ_get_sixteen_bins_at_the_quantiles() -> None:
    edges, atoms = number_edges([float(number) for number in range(10_000)])
    assert edges == [10, 100, 500, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 9500, 9900, 9990]
    assert atoms == []
    assert len(NumberBins(edges, atoms).labels) == 16 + 2


@pytest.mark.parametrize(
    ("ascending", "edges", "atoms"),
    [
        ([7.0], [], [7.0]),
        ([1.0, 2.0], [], [1.0, 2.0]),
        (numbers((0.0, 60), (1.0, 15), (2.0, 15), (3.0, 10)), [2.0], [0.0, 1.0, 3.0]),
        ([-0.0] * 5, [], [0.0]),
        ([*map(float, range(10)), *[50.0] * 10], [1, 2, 4, 6, 8], [0.0, 50.0]),
    ],
)
def test_a_value_that_is_several_quantiles_is_an_atom(
    ascending: list[float], edges: list[float], atoms: list[float]
) -> None:
    assert repr(number_edges(ascending)) == repr(([*map(float, edges)], atoms))


@given(st.lists(NUMBERS, min_size=1).map(sorted))
def test_edges_part_the_values_as_the_quantiles_do(ascending: list[float]) -> None:
    edges, atoms = number_edges(ascending)
    assert edges == sorted(set(edges))
    assert set(atoms) <= set(ascending)
    assert not set(edges) & set(atoms)
    assert len(edges) + len(atoms) <= 15
    quantiles = {ascending[int(level * len(ascending))] for level in QUANTILES} - set(atoms)
    assert {min(value for value in ascending if value >= edge) for edge in edges} == quantiles


@pytest.mark.parametrize(
    ("below", "value", "edge"),
    [(1.2341, 1.2349, 1.2349), (1.2, 1.2349, 1.23), (18, 31, 30), (-31, -18, -20), (0.1, 0.3, 0.3)],
)
def test_an_edge_has_as_few_digits_as_part_the_values(below: float, value: float, edge: float) -> None:
    assert score_edges([below] * 10 + [value] * 10)[-1] == edge


def test_scores_get_twenty_bins_of_the_same_mass() -> None:
    ascending = [number / 1000 for number in range(1000)]
    bins = score_bins(score_edges(ascending))
    counts = [0] * len(bins.labels)
    for score in ascending:
        counts[bins.index(score)] += 1
    assert counts == [50] * 20 + [0, 0]


@pytest.mark.parametrize("ascending", [[], [0.0], [1.0] * 100, [0.0] * 50 + [1.0] * 50])
def test_equal_scores_share_a_bin(ascending: list[float]) -> None:
    edges = score_edges(ascending)
    assert edges == sorted(set(edges) - {0.0})


@pytest.mark.parametrize(
    ("counts", "listed", "top"),
    [
        ({"b": 50, "a": 50}, True, ["a", "b"]),
        ({"a": 1, "b": 98, "c": 1}, True, ["b", "a"]),
        ({"a": 99, "b": 1}, True, ["a"]),
        ({f"v{number:02}": 4 for number in range(25)}, True, [f"v{number:02}" for number in range(20)]),
        ({"a": 90} | {f"mail{number}": 1 for number in range(200)}, False, ["a"]),
        ({f"mail{number}": 1 for number in range(200)}, False, []),
    ],
)
def test_the_most_frequent_texts_have_bins_of_their_own(
    counts: dict[str, int], *, listed: bool, top: list[str]
) -> None:
    assert top_values(counts, sum(counts.values()), listed=listed) == top
