import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.monitor.labels.judge import MOST_CLASSES, MOST_ROWS, OTHER, Judge, Label, Task, UnfitError, text_of
from serinus.monitor.labels.outcomes import LARGEST, PARTS, Outcomes, share, units

HALF = PARTS // 2

COUNTS = st.integers(0, 2**60)
OUTCOMES = st.builds(
    Outcomes,
    trials=COUNTS,
    errors=COUNTS,
    cells=st.dictionaries(st.tuples(st.sampled_from("ab"), st.sampled_from("ab")), COUNTS),
    values=COUNTS,
    total=st.integers(-(2**90), 2**90),
    squares=st.integers(0, 2**180),
    late=COUNTS,
)


@pytest.mark.parametrize(
    ("task", "prediction", "label", "expected"),
    [
        ("Binary", "1", 1, Outcomes(PARTS, 0, {("1", "1"): PARTS})),
        ("Binary", "1", True, Outcomes(PARTS, 0, {("1", "1"): PARTS})),
        ("Binary", "1", 1.0, Outcomes(PARTS, 0, {("1", "1"): PARTS})),
        ("Binary", "1", "0", Outcomes(PARTS, PARTS, {("1", "0"): PARTS})),
        ("Multiclass", "cat", "dog", Outcomes(PARTS, PARTS, {("cat", "dog"): PARTS})),
        ("Multiclass", ["a", "b"], ["a", "a"], Outcomes(PARTS, HALF, {("a", "a"): HALF, ("b", "a"): HALF})),
        ("Multiclass", ["a", "b"], [None, "a"], Outcomes(PARTS, PARTS, {("b", "a"): PARTS})),
        ("Regression", "3.5", 4, Outcomes(PARTS, 0, values=1, total=2**39, squares=2**78)),
        ("Regression", "3.5", 5, Outcomes(PARTS, PARTS, values=1, total=3 * 2**39, squares=9 * 2**78)),
        ("Regression", [1, 4], [2, 1], Outcomes(PARTS, HALF, values=1, total=2**41, squares=2**82)),
        ("Regression", "1e300", 0, Outcomes(PARTS, PARTS, values=1, total=2**80, squares=2**160)),
        ("Generation", None, True, Outcomes(PARTS, 0)),
        ("Generation", None, False, Outcomes(PARTS, PARTS)),
        ("Generation", "ignored", [True, False], Outcomes(PARTS, HALF)),
        ("Generation", None, 0.5, Outcomes(values=1, total=2**39, squares=2**78)),
        ("Generation", None, [0, 1], Outcomes(values=1, total=2**39, squares=2**78)),
    ],
)
def test_a_label_makes_one_trial(task: Task, prediction: Label | None, label: Label, expected: Outcomes) -> None:
    assert Judge(task, tolerance=1.0).judge(prediction, label) == expected


@pytest.mark.parametrize(
    ("task", "prediction", "label", "says"),
    [
        ("Binary", None, 1, "no row has both"),
        ("Binary", "1", [], "1 predictions and 0 labels"),
        ("Binary", [], [], "no row has both"),
        ("Binary", "1", "", "a class has a name"),
        ("Multiclass", ["a", "b"], ["a"], "2 predictions and 1 labels"),
        ("Multiclass", ["a"], [None], "no row has both"),
        ("Multiclass", ["a"] * (MOST_ROWS + 1), ["a"] * (MOST_ROWS + 1), "at most 1024"),
        ("Regression", "cheap", 4, "finite numbers"),
        ("Regression", "nan", 4, "finite numbers"),
        ("Regression", "1", "inf", "finite numbers"),
        ("Regression", "1", 10**400, "finite numbers"),
        ("Generation", None, 1.5, "true or false, or a score"),
        ("Generation", None, "good", "true or false, or a score"),
        ("Generation", None, [True, 0.5], "true or false, or a score"),
    ],
)
def test_what_cannot_be_compared_is_unfit(task: Task, prediction: Label | None, label: Label, says: str) -> None:
    with pytest.raises(UnfitError, match=says):
        Judge(task).judge(prediction, label)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "1"),
        (False, "0"),
        (3, "3"),
        (3.0, "3"),
        (2.5, "2.5"),
        (1234567, "1.23457e+06"),
        ("é" * 99, "é" * 64),
        ("1.0", "1"),
        ("-3.00", "-3"),
        ("1.5", "1.5"),
        ("1234567.0", "1234567.0"),
        ("007", "007"),
        ("True", "1"),
        ("false", "0"),
        ("TRUE story", "TRUE story"),
    ],
)
def test_a_value_has_the_text_that_the_proxy_gives_it(value: Label, text: str) -> None:
    assert not isinstance(value, list)
    assert text_of(value) == text


def test_a_tolerance_that_is_not_given_makes_no_errors() -> None:
    assert Judge("Regression").judge("1", 9) == Outcomes(values=1, total=2**43, squares=2**86)


def test_classes_are_bounded_and_right_stays_right() -> None:
    judge, sum_of = Judge("Multiclass"), Outcomes()
    for number in range(1000):
        sum_of.add(judge.judge(f"class {number}", f"class {number}"))
        sum_of.add(judge.judge(f"class {number}", f"class {number + 1000}"))
    assert len(sum_of.cells) <= (MOST_CLASSES + 1) ** 2
    assert (sum_of.trials, sum_of.errors) == (2000 * PARTS, 1000 * PARTS)
    assert sum_of.cells[OTHER, OTHER] > 0


def test_the_classes_of_the_profile_are_told_apart_and_no_others() -> None:
    judge = Judge("Multiclass", classes=["a", "b"])
    assert judge.judge("z", "a").cells == {(OTHER, "a"): PARTS}
    assert judge.judge("a", "b").cells == {("a", "b"): PARTS}


@given(st.integers(1, 1024))
def test_the_rows_of_a_batch_are_one_trial(rows: int) -> None:
    shares = [share(row, rows) for row in range(rows)]
    assert sum(shares) == PARTS
    assert max(shares) - min(shares) <= (0 if rows <= 16 else 1)


@given(OUTCOMES, OUTCOMES, OUTCOMES)
def test_outcomes_add_up_in_any_order(one: Outcomes, two: Outcomes, three: Outcomes) -> None:
    def merged(*outcomes: Outcomes) -> Outcomes:
        result = Outcomes()
        for each in outcomes:
            result.add(each)
        return result

    assert merged(merged(one, two), three) == merged(one, merged(two, three)) == merged(three, one, two)


@given(st.lists(st.floats(-1e11, 1e11), max_size=50))
def test_sums_of_values_are_exact_in_units(values: list[float]) -> None:
    exact = sum((Fraction(value) for value in values), Fraction())
    assert abs(sum(map(units, values)) - exact * 2**40) <= Fraction(len(values), 2)


@given(st.floats(allow_nan=False))
def test_a_value_is_bounded(value: float) -> None:
    assert abs(units(value)) <= 2**80
    assert math.isclose(units(value) / LARGEST, max(-LARGEST, min(LARGEST, value)), abs_tol=1e-12)


def test_the_document_leaves_out_what_is_nought_and_gives_large_sums_as_text() -> None:
    assert Outcomes().document() == {}
    assert Judge("Regression").judge("1e300", 0).document() == {
        "values": 1,
        "sum": str(2**80),
        "squares": str(2**160),
    }
    assert Judge("Binary").judge("1", 0).document() == {
        "trials": PARTS,
        "errors": PARTS,
        "cells": [["1", "0", PARTS]],
    }
