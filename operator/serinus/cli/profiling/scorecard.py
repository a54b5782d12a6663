"""The scores of training data: how many by predicted class, and how often they were right. Called by reference.py."""

from array import array
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from serinus.cli.failure import Failure
from serinus.cli.profiling.columntypes import class_names
from serinus.cli.profiling.counting import Taken, added, counts_between, keep, require_finite
from serinus.cli.profiling.targets import TargetColumn
from serinus.monitor.profiles.bins import score_bins
from serinus.monitor.profiles.edges import score_edges
from serinus.monitor.profiles.profile import MOST_CLASSES, Scores

EVEN: Final = 0.5
"""A score from here on predicts the positive class, where no column has the predictions."""


@dataclass
class Tally:
    """The scores of one predicted class."""

    edges: list[float]
    cuts: list[float] = field(init=False)
    counts: list[int] = field(init=False)
    positives: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.cuts = score_bins(self.edges).cuts
        self.counts = self.positives = [0] * (len(self.cuts) + 1)

    def count(self, scores: pa.Array, positives: pa.Array) -> None:
        """Count scores, and those of them that are positive."""
        self.counts = added(self.counts, counts_between(self.cuts, scores))
        self.positives = added(self.positives, counts_between(self.cuts, positives))


class Scorecard:
    """A row counts where it has target, score and prediction."""

    def __init__(self, name: str, target: TargetColumn, prediction: str | None) -> None:
        self._name, self._target, self._prediction = name, target, prediction
        self._scores = array("d")
        self._predicted: list[str | None] = []
        self._classes: set[str] = set()
        self._tallies: dict[str, Tally] = {}

    def look(self, scores: pa.Array, truths: pa.Array, predictions: pa.Array | None, taken: Taken) -> None:
        """Keep a sample."""
        require_finite(self._name, scores)
        limits = pc.min_max(scores).as_py()
        if limits["min"] is not None and not 0 <= limits["min"] <= limits["max"] <= 1:
            raise Failure(f"column {self._name} is no probability: it holds {limits['min']:g} to {limits['max']:g}")
        keep(self._scores, pc.if_else(truths.is_valid(), scores, None), taken, nan)
        if predictions is None:
            return
        names = self._names(predictions)
        keep(self._predicted, names, taken, None)
        self._classes.update(names.drop_null().unique().to_pylist())
        if len(self._classes) > MOST_CLASSES:
            raise Failure(f"column {self._prediction} has more than {MOST_CLASSES} classes")

    def settle(self) -> None:
        """Choose the bins of each predicted class."""
        target = self._target
        target.require_scorable(predicted=self._prediction is not None)
        if self._prediction is None:
            self._classes = set(target.classes)
            self._predicted = self._by_score(pa.array(self._scores)).to_pylist()
        by_class: dict[str | None, list[float]] = {}
        for score, predicted in zip(self._scores, self._predicted, strict=True):
            if not isnan(score):
                by_class.setdefault(predicted, []).append(score)
        self._tallies = {name: Tally(score_edges(sorted(by_class.get(name, ())))) for name in sorted(self._classes)}

    def count(self, scores: pa.Array, truths: pa.Array, predictions: pa.Array | None) -> None:
        """Count the scores of a block."""
        names = self._by_score(scores) if predictions is None else self._names(predictions)
        truth = class_names(truths)
        known = truths.is_valid()
        for name, tally in self._tallies.items():
            rows = pc.and_(known, pc.equal(names, name))
            positive = pc.equal(truth, self._target.positive or name)
            tally.count(scores.filter(rows), scores.filter(pc.and_(rows, positive)))

    def scores(self) -> tuple[Scores, ...]:
        """Return what was counted."""
        return tuple(
            Scores(
                predicted=name,
                edges=tuple(tally.edges),
                counts=(*tally.counts, 0, 0),
                positives=(*tally.positives, 0, 0),
            )
            for name, tally in self._tallies.items()
        )

    def _by_score(self, scores: pa.Array) -> pa.Array:
        positive = self._target.positive
        negative = next(name for name in self._target.classes if name != positive)
        return pc.if_else(pc.greater_equal(scores, EVEN), positive, negative)

    def _names(self, predictions: pa.Array) -> pa.Array:
        names = class_names(predictions)
        if names is None:
            raise Failure(f"column {self._prediction} holds no classes, but numbers")
        return names
