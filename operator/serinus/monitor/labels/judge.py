"""Compares a prediction with its label, as the kind of task wants it. Used by labels.py and awaited.py."""

import re
from collections.abc import Callable, Iterable, Sequence
from math import fsum, isfinite
from typing import Final, Literal, TypeGuard

from serinus.monitor.labels.outcomes import PARTS, Outcomes, share, units
from serinus.monitor.receipts.receipts import LONGEST_PREDICTION

Task = Literal["Binary", "Multiclass", "Regression", "Generation"]
Value = bool | int | float | str
Label = Value | list[Value | None]
"""A list has a label for each row of a batch, null where the truth of a row is not known."""

MOST_CLASSES: Final = 20
MOST_ROWS: Final = 1_024
OTHER: Final = ""
"""Stands for all classes beyond the most frequent: none has an empty name."""


_WHOLE: Final = re.compile(r"(-?[0-9]{1,6})\.0{1,6}")
_BOOLEANS: Final = {"true": "1", "True": "1", "false": "0", "False": "0"}


class UnfitError(ValueError):
    """A label that cannot be compared. The text says what would be one, and repeats none."""


class Judge:
    """The comparison for one model. Without `classes`, those that come first are told apart."""

    def __init__(self, task: Task, tolerance: float | None = None, classes: Iterable[Value] = ()) -> None:
        self.classifies = task in {"Binary", "Multiclass"}
        self._tolerance = tolerance
        self._classes = set(map(text_of, list(classes)[:MOST_CLASSES]))
        self._closed = bool(self._classes)
        self._compare: Callable[[list[Value], list[Value]], Outcomes] = {
            "Binary": self._classification,
            "Multiclass": self._classification,
            "Regression": self._regression,
            "Generation": self._generation,
        }[task]
        self._predicts = task != "Generation"

    def judge(self, prediction: Label | None, label: Label) -> Outcomes:
        """Return the one trial that the label makes, or raise UnfitError."""
        labels = rows_of(label)
        predictions = rows_of(prediction) if self._predicts else labels
        if len(labels) != len(predictions):
            raise UnfitError(
                f"{len(predictions)} predictions and {len(labels)} labels: "
                "where the receipt holds no prediction, send as many as labels beside them"
            )
        pairs = [
            (predicted, truth)
            for predicted, truth in zip(predictions, labels, strict=True)
            if predicted is not None and truth is not None
        ]
        if not pairs:
            raise UnfitError("no row has both a prediction and a label")
        return self._compare([predicted for predicted, _ in pairs], [truth for _, truth in pairs])

    def class_of(self, value: Value) -> str:
        """Return the class under which a value counts."""
        return self._name(text_of(value))

    def know(self, value: Value) -> str:
        """Have a class told apart whatever comes first, and return it."""
        name = text_of(value)
        self._classes.add(name)
        return name

    def _name(self, text: str) -> str:
        if text in self._classes:
            return text
        if self._closed or len(self._classes) >= MOST_CLASSES:
            return OTHER
        self._classes.add(text)
        return text

    def _classification(self, predictions: list[Value], labels: list[Value]) -> Outcomes:
        outcomes, rows = Outcomes(PARTS), len(labels)
        for row, (predicted, label) in enumerate(zip(map(text_of, predictions), map(text_of, labels), strict=True)):
            parts = share(row, rows)
            if predicted != label:
                outcomes.errors += parts
            cell = self._name(predicted), self._name(label)
            outcomes.cells[cell] = outcomes.cells.get(cell, 0) + parts
        return outcomes

    def _regression(self, predictions: list[Value], labels: list[Value]) -> Outcomes:
        gaps = [abs(number_of(one) - number_of(other)) for one, other in zip(predictions, labels, strict=True)]
        outcomes = _valued(gaps)
        if self._tolerance is not None:
            outcomes.trials = PARTS
            outcomes.errors = sum(share(row, len(gaps)) for row, gap in enumerate(gaps) if gap > self._tolerance)
        return outcomes

    def _generation(self, labels: list[Value], _: list[Value]) -> Outcomes:
        if all(isinstance(label, bool) for label in labels):
            down = sum(share(row, len(labels)) for row, label in enumerate(labels) if not label)
            return Outcomes(PARTS, down)
        scores = [-1.0 if isinstance(label, bool | str) else number_of(label) for label in labels]
        if not all(0 <= score <= 1 for score in scores):
            raise UnfitError("a label is true or false, or a score from 0 to 1")
        return _valued(scores)


def is_value(value: object) -> TypeGuard[Value]:
    """Return whether what a model said of a row is something that a label can be compared with."""
    return isinstance(value, bool | int | float | str) and value != ""


def rows_of(value: Label | None) -> Sequence[Value | None]:
    """Return the rows of a batch, or the only one."""
    rows = value if isinstance(value, list) else [value]
    if len(rows) > MOST_ROWS:
        raise UnfitError(f"{len(rows)} rows: at most {MOST_ROWS} can be labelled")
    return rows


def text_of(value: Value) -> str:
    """Return a value as HAProxy's json_query writes it in a receipt: 6 digits of a number, 1 for true.

    Texts that a table makes of those are taken for them: `1.0` for 1, `True` for true.
    """
    if not isinstance(value, str):
        return f"{number_of(value):g}"
    if not value:
        raise UnfitError("a class has a name: an empty text is none")
    text = value.encode(errors="replace")[:LONGEST_PREDICTION].decode(errors="replace")
    if whole := _WHOLE.fullmatch(text):
        return whole[1]
    return _BOOLEANS.get(text, text)


def number_of(value: Value) -> float:
    """Return a value as a finite number."""
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = float("nan")
    if not isfinite(number):
        raise UnfitError("predictions and labels of a regression are finite numbers")
    return number


def _valued(values: list[float]) -> Outcomes:
    mean = units(fsum(values) / len(values))
    return Outcomes(values=1, total=mean, squares=mean * mean)
