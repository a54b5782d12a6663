"""Predictions: under which name one is counted, and in which bins its score. Used by counting.py."""

from collections.abc import Callable
from typing import Final

from serinus.monitor.counts.counts import Counts
from serinus.monitor.counts.tally import LARGEST, Tally
from serinus.monitor.labels.outcomes import PARTS
from serinus.monitor.profiles.bins import (
    INVALID,
    LONGEST_VALUE,
    MISSING,
    OTHER,
    Bins,
    label_of,
    score_bins,
    signed_log_bins,
)
from serinus.monitor.profiles.features import CategoryFeature, NumberFeature
from serinus.monitor.profiles.profile import MOST_CLASSES, Profile, class_of
from serinus.monitor.protocols.bodies import Answer
from serinus.monitor.serving import Task

UNPROFILED_SCORES: Final = score_bins([edge / 20 for edge in range(1, 20)])

Name = Callable[[object], str]


class Classes:
    """The names of predicted classes: those that are known before, and the first others that come."""

    def __init__(self, known: tuple[str, ...] = ()) -> None:
        self._names: dict[object, str] = {text: label_of(text) for text in known[:MOST_CLASSES]}
        """By value, too, where that is no text: 1, 1.0 and true are one key."""
        self._room = MOST_CLASSES - len(self._names)

    def name(self, value: object) -> str:
        """Return the name to count under."""
        try:
            return self._names.get(value) or self._learn(value)
        except TypeError:  # lists and objects have no hash
            return INVALID

    def _learn(self, value: object) -> str:
        text = class_of(value)
        if text is None:
            return MISSING if value is None else INVALID
        if text not in self._names:
            if not self._room or len(text) > LONGEST_VALUE or not text.isprintable():
                return OTHER
            self._room -= 1
            self._names[text] = label_of(text)
        return self._names.setdefault(value, self._names[text])


class Predictions:
    """How the predictions of one model are counted."""

    def __init__(self, task: Task | None, profile: Profile | None) -> None:
        described = profile.prediction if profile else None
        known = tuple((profile and profile.target and profile.target.counts) or ())
        self.are_numbers = isinstance(described, NumberFeature) or (described is None and task == "Regression")
        self.name: Name = Classes(known).name
        """Returns the class of a prediction, or the name of the bin of a number."""
        if self.are_numbers:
            self.name = _numbers(described.bins() if described else signed_log_bins())
        elif isinstance(described, CategoryFeature):
            self.name = _categories(described.bins())
        elif not (task or known or described):
            self.name = _numbers_or(self.name)
        self._scores: dict[str, Bins] = (
            {label_of(scores.predicted): scores.bins() for scores in profile.scores} if profile else {}
        )

    def count(self, answer: Answer, part: int, counts: Counts) -> None:
        """Count what a model says of a row that is that part of its request."""
        prediction, score = answer
        name = self.name(prediction)
        counts.predictions[name] += part
        if self.are_numbers and type(prediction) in (float, int) and -LARGEST < prediction < LARGEST:
            weighted = prediction * (part / PARTS)
            counts.predicted += weighted
            counts.predicted_squares += weighted * prediction
        if score is not None:
            bins = self._scores.get(name, UNPROFILED_SCORES)
            tally = counts.scores.get(name)
            if tally is None:
                tally = counts.scores[name] = Tally(len(bins.labels))
            tally.bins[bins.index(score)] += part


def _numbers(bins: Bins) -> Name:
    return lambda value: bins.labels[bins.index(value)]


def _numbers_or(other: Name) -> Name:
    numbers = _numbers(signed_log_bins())
    return lambda value: numbers(value) if type(value) in (int, float) else other(value)


def _categories(bins: Bins) -> Name:
    def name(value: object) -> str:
        text = class_of(value)
        return bins.labels[bins.index(value if text is None else text)]

    return name
