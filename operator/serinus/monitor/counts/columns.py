"""The features of a model, and how a row is binned into their tallies. Used by counting.py, for every request.

A value in a safe bin breaks no rule of the contract; only rows with another one have to be held against it.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import inf
from typing import Any, Final, NamedTuple

from serinus.monitor.counts.tally import LARGEST, Tally
from serinus.monitor.labels.outcomes import PARTS
from serinus.monitor.profiles.anybins import AnyBins
from serinus.monitor.profiles.bins import NumberBins
from serinus.monitor.profiles.features import BooleanFeature, CategoryFeature, Feature, NumberFeature
from serinus.monitor.profiles.profile import LONGEST_NAME, MOST_FEATURES, Profile
from serinus.monitor.protocols.bodies import Row

ANY: Final = AnyBins()


class Column(NamedTuple):
    """One feature. A tuple, since taking it apart is the fastest there is."""

    name: str
    cuts: Sequence[float] | None
    """Between numbers, if these are some."""
    place_of: Callable[[object], int]
    safe: Sequence[bool]
    """By bin."""
    suspect: type | None
    """A value of this type may break a rule in any bin."""


class DescribedColumns:
    """The features of a profile."""

    def __init__(self, profile: Profile) -> None:
        self._columns = [_column(feature) for feature in profile.features]
        self._lengths = {column.name: len(column.safe) for column in self._columns}

    def count(self, row: Row, part: int, features: dict[str, Tally]) -> bool:
        """Count a row that is that part of its request; return whether it breaks no rule for sure."""
        if not features:
            features.update({name: Tally(length) for name, length in self._lengths.items()})
        share, low, high, find = part / PARTS, -LARGEST, LARGEST, bisect_right  # locals: half the time
        is_safe = len(row) == len(features)  # and none is missing: then none is unknown
        for (name, cuts, index, safe, suspect), tally in zip(self._columns, features.values(), strict=True):
            value: Any = row.get(name)
            kind = type(value)
            if cuts is not None and (kind is float or kind is int) and low < value < high:
                place = find(cuts, value)
                weighted = value * share
                tally.total += weighted
                tally.squares += weighted * value
            else:
                place = index(value)
            tally.bins[place] += part
            if kind is suspect or not safe[place]:
                is_safe = False
        return is_safe


class AnyColumns:
    """The features that come, where no profile says which: at most so many, all with the same bins."""

    def __init__(self, drops: Counter[str]) -> None:
        self._names: set[str] = set()
        self._drops = drops

    def count(self, row: Row, part: int, features: dict[str, Tally]) -> bool:
        """Count a row that is that part of its request; there are no rules to break."""
        share = part / PARTS
        for name, value in row.items():
            tally = features.get(name)
            if tally is None:
                if not self._has_room(name):
                    self._drops["features"] += 1
                    continue
                tally = features[name] = Tally(len(ANY.labels))
            kind = type(value)
            if (kind is float or kind is int) and -LARGEST < value < LARGEST:
                tally.bins[bisect_right(ANY.cuts, value)] += part
                weighted = value * share
                tally.total += weighted
                tally.squares += weighted * value
            else:
                tally.bins[ANY.index(value)] += part
        return True

    def _has_room(self, name: str) -> bool:
        if name in self._names:
            return True
        if len(self._names) >= MOST_FEATURES or len(name) > LONGEST_NAME or not name.isprintable():
            return False
        self._names.add(name)
        return True


def _column(feature: Feature) -> Column:
    bins = feature.bins()
    cuts = bins.cuts if isinstance(bins, NumberBins) else None
    is_whole = isinstance(feature, NumberFeature) and feature.contract.type == "Integer"
    safe = [*_safe(feature, cuts)]
    return Column(
        feature.name,
        cuts,
        bins.index,
        [*safe, *[False] * (len(bins.labels) - len(safe))],
        float if is_whole else None,
    )


def _safe(feature: Feature, cuts: Sequence[float] | None) -> Iterator[bool]:
    """Yield for the first bins whether everything in them is as agreed."""
    match feature:
        case NumberFeature(contract=contract):
            for lower, upper in pairwise((-inf, *(cuts or ()), inf)):
                yield contract.minimum <= lower and upper <= contract.maximum
        case CategoryFeature(top=top):
            yield from [True] * len(top)
        case BooleanFeature():
            yield from (True, True)
