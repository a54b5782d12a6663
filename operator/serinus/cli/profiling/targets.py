"""The target of training data: classes, or a number. Called by reference.py."""

from collections import Counter
from typing import Final

import pyarrow as pa
from pyarrow import types

from serinus.cli.failure import Failure
from serinus.cli.profiling.columntypes import class_names
from serinus.cli.profiling.counting import counts_of, only_missing, require_finite
from serinus.monitor.profiles.profile import MOST_CLASSES, Target

BINARY: Final = 2
SHOWN: Final = 5


class TargetColumn:
    """What the model is to predict."""

    def __init__(self, name: str, positive: str | None) -> None:
        self.name, self.positive = name, positive
        self.classes: Counter[str] = Counter()
        self._is_number = False

    def look(self, values: pa.Array) -> None:
        """Count the classes."""
        if types.is_floating(values.type):
            require_finite(self.name, values)
        names = None if self._is_number else class_names(values)
        if names is not None:
            self.classes += counts_of(names)
        self._is_number = names is None or len(self.classes) > MOST_CLASSES

    def settle(self) -> None:
        """Find the positive class."""
        if self._is_number:
            self.classes.clear()
        elif not self.classes:
            raise only_missing(self.name)
        if self.positive is None and set(self.classes) == {"0", "1"}:
            self.positive = "1"
        if self.positive is not None and (len(self.classes) != BINARY or self.positive not in self.classes):
            raise Failure(f"--positive {self.positive} is not one of two classes: {self.name} has {self._shown()}")

    def require_scorable(self, *, predicted: bool) -> None:
        """Fail where it cannot be known what a score is about; `predicted` says whether a column has predictions."""
        if len(self.classes) < BINARY:
            raise Failure(f"--score is for a target of classes: {self.name} has {self._shown()}")
        if self.positive or predicted:
            return
        if len(self.classes) == BINARY:
            raise Failure(
                f"say by --positive of which class --score is the probability: {self.name} has {self._shown()}"
            )
        raise Failure(f"name the column of predicted classes by --prediction: {self.name} has {self._shown()}")

    def target(self) -> Target:
        """Return what was counted."""
        return Target(name=self.name, positive=self.positive, counts=dict(sorted(self.classes.items())) or None)

    def _shown(self) -> str:
        names = sorted(self.classes)
        if len(names) < BINARY:
            return f"one class, {names[0]}" if names else "numbers"
        return f"{len(names)} classes: {', '.join(names[:SHOWN])}{', ...' if len(names) > SHOWN else ''}"
