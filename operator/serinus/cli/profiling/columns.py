"""The columns of training data: looked at once for their edges and values, counted once. Called by profile.py."""

from array import array
from collections import Counter
from math import inf, isfinite, nan
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from serinus.cli.failure import Failure
from serinus.cli.profiling.counting import (
    Taken,
    added,
    counts_between,
    counts_of,
    keep,
    left_out,
    only_missing,
    require_finite,
)
from serinus.monitor.profiles.bins import LONGEST_VALUE, NumberBins
from serinus.monitor.profiles.edges import number_edges, top_values
from serinus.monitor.profiles.features import (
    BooleanContract,
    BooleanFeature,
    CategoryContract,
    CategoryFeature,
    Feature,
    NumberContract,
    NumberFeature,
)

MOST_LISTED: Final = 200
"""A column with more values than these has no list of allowed ones."""
MOST_REMEMBERED: Final = 10_000
"""Where there are more, the rarer half of them is forgotten."""


class Column(Protocol):
    """A column that becomes a feature."""

    def look(self, values: pa.Array, taken: Taken) -> None:
        """See a block for the first time."""

    def settle(self) -> None:
        """Choose the bins: all blocks have been looked at."""

    def count(self, values: pa.Array) -> None:
        """See a block again."""

    def feature(self) -> Feature:
        """Return what was counted."""


class NumberColumn:
    """Numbers, as float64."""

    def __init__(self, name: str, *, whole: bool) -> None:
        self._name, self._whole = name, whole
        self._sample = array("d")
        self._minimum, self._maximum = inf, -inf
        self._sum = self._squares = 0.0
        self._missing = 0

    def look(self, values: pa.Array, taken: Taken) -> None:
        """Keep a sample, the limits and the sums."""
        require_finite(self._name, values)
        keep(self._sample, values, taken, nan)
        self._missing += values.null_count
        if values.null_count == len(values):
            return
        limits = pc.min_max(values).as_py()
        self._minimum, self._maximum = min(self._minimum, limits["min"]), max(self._maximum, limits["max"])
        self._sum += pc.sum(values).as_py()
        self._squares += pc.sum(pc.multiply(values, values)).as_py()

    def settle(self) -> None:
        """Put edges at the quantiles of the sample."""
        ascending = sorted(number for number in self._sample if number == number)  # noqa: PLR0124 - NaN is missing
        if not ascending:
            raise only_missing(self._name)
        if not isfinite(self._squares):
            raise Failure(
                f"column {self._name} holds numbers too large to be squared: scale it, or {left_out(self._name)}"
            )
        self._edges, self._atoms = number_edges(ascending)
        self._cuts = NumberBins(self._edges, self._atoms).cuts
        self._counts = [0] * (len(self._cuts) + 1)

    def count(self, values: pa.Array) -> None:
        """Count by bin."""
        self._counts = added(self._counts, counts_between(self._cuts, values))

    def feature(self) -> NumberFeature:
        """Return what was counted."""
        return NumberFeature(
            name=self._name,
            contract=NumberContract(
                type="Integer" if self._whole else "Number",
                minimum=self._minimum + 0.0,  # -0.0 is written as 0.0
                maximum=self._maximum + 0.0,
                missing_allowed=self._missing > 0,
            ),
            edges=tuple(self._edges),
            atoms=tuple(self._atoms),
            counts=(*self._counts, self._missing, 0),
            sum=_steady(self._sum),
            sum_of_squares=_steady(self._squares),
        )


class CategoryColumn:
    """Texts."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen: Counter[str] = Counter()
        self._listed = True
        self._rows = self._missing = 0
        self._top: list[str] = []
        self._counts: Counter[str] = Counter()

    def look(self, values: pa.Array, taken: Taken) -> None:
        """Remember the values that come often."""
        del taken
        self._rows += len(values)
        self._missing += values.null_count
        for value, count in counts_of(values).items():
            if len(value) <= LONGEST_VALUE:
                self._seen[value] += count
            else:
                self._listed = False
        if len(self._seen) > MOST_REMEMBERED:
            self._seen = Counter(dict(self._seen.most_common(MOST_REMEMBERED // 2)))
            self._listed = False

    def settle(self) -> None:
        """Choose the top values."""
        if self._missing == self._rows:
            raise only_missing(self._name)
        self._listed = self._listed and len(self._seen) <= MOST_LISTED
        self._top = top_values(self._seen, self._rows - self._missing, listed=self._listed)

    def count(self, values: pa.Array) -> None:
        """Count the top values."""
        self._counts += counts_of(values.filter(pc.is_in(values, pa.array(self._top, pa.string()))))

    def feature(self) -> CategoryFeature:
        """Return what was counted."""
        others = self._rows - self._missing - self._counts.total()
        return CategoryFeature(
            name=self._name,
            contract=CategoryContract(
                values=tuple(sorted(self._seen)) if self._listed else None, missing_allowed=self._missing > 0
            ),
            top=tuple(self._top),
            counts=(*(self._counts[value] for value in self._top), others, 0, self._missing),
        )


class BooleanColumn:
    """True and false."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._counts = [0, 0, 0]

    def look(self, values: pa.Array, taken: Taken) -> None:
        """Count: the bins are known."""
        del taken
        self._counts = added(self._counts, [values.false_count, values.true_count, values.null_count])

    def settle(self) -> None:
        """Require a value."""
        if not any(self._counts[:2]):
            raise only_missing(self._name)

    def count(self, values: pa.Array) -> None:
        """All is counted."""

    def feature(self) -> BooleanFeature:
        """Return what was counted."""
        contract = BooleanContract(missing_allowed=self._counts[2] > 0)
        return BooleanFeature(name=self._name, contract=contract, counts=(*self._counts, 0))


def _steady(total: float) -> float:
    """Round off the digits that depend on the order in which a processor adds."""
    return float(f"{total:.12g}") + 0.0
