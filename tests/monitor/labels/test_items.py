import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.monitor.labels.items import (
    MOST_ITEMS,
    Answer,
    Item,
    NoItemsError,
    TooManyError,
    read_answers,
    read_items,
    write,
)
from serinus.monitor.labels.judge import Judge, Label, Task, UnfitError
from serinus.monitor.labels.labels import Result
from serinus.monitor.labels.outcomes import Outcomes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["receipt", "label", "x"]), inner),
    max_leaves=12,
)
VALUES = st.booleans() | st.integers() | st.floats() | st.text(max_size=200)
LABELS = VALUES | st.lists(VALUES | st.none(), max_size=4)


@given(st.binary(max_size=300) | st.builds(lambda value: json.dumps(value).encode(), JSON))
def test_any_body_is_labels_or_refused(body: bytes) -> None:
    try:
        items = read_items(body)
    except NoItemsError:
        return
    assert all(isinstance(item, Item | Answer) for item in items)


@given(st.lists(st.builds(Item, st.text(max_size=20), st.integers(-99, 99) | st.text(max_size=5)), max_size=5))
def test_what_is_handed_over_arrives(items: list[Item]) -> None:
    assert list(read_items(write(items))) == items


@pytest.mark.parametrize(
    "body",
    [b"[" + b",".join([b'{"receipt":"","label":1}'] * (MOST_ITEMS + 1)) + b"]", b'[{"x":' * 100_000],
)
def test_too_many_are_told_apart_from_none(body: bytes) -> None:
    with pytest.raises(TooManyError):
        read_items(body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'[{"result":"counted"}]', [Answer(Result.COUNTED)]),
        (b'[{"result":"counted"},{"result":"counted"}]', None),
        (b'[{"result":"excellent"}]', None),
        (b'{"result":"counted"}', None),
        (b"", None),
        (b"[" * 100_000, None),
    ],
)
def test_another_pods_answers_are_as_many_as_its_labels(body: bytes, expected: Any) -> None:  # noqa: ANN401
    assert read_answers(body, 1) == expected


@given(st.sampled_from(["Binary", "Multiclass", "Regression", "Generation"]), LABELS | st.none(), LABELS)
def test_any_label_makes_a_trial_or_is_unfit(task: Task, prediction: Label | None, label: Label) -> None:
    try:
        outcomes = Judge(task, tolerance=1.0).judge(prediction, label)
    except UnfitError:
        return
    assert isinstance(outcomes, Outcomes)
    assert outcomes.trials or outcomes.values
    assert outcomes.errors <= outcomes.trials
    msgspec.json.encode(outcomes.document())
