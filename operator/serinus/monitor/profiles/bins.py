"""The bins that values are counted in: their names, and the place of any JSON value. Used by counts and profiles."""

import json
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf, nextafter
from typing import Final, Protocol

MISSING: Final = "missing"
"""Null, or not there."""
INVALID: Final = "invalid"
"""Not a value of the feature's type."""
OTHER: Final = "other"
"""A value without a bin of its own."""
UNSEEN: Final = "unseen"
"""A value that the reference does not hold."""
RESERVED: Final = frozenset((MISSING, INVALID, OTHER, UNSEEN))

LONGEST_VALUE: Final = 100
"""Longer texts are prose: they get no bin of their own."""

LARGEST: Final = sys.float_info.max
_MAGNITUDES: Final = (
    1e-6,
    *(float(f"{digit}e{exponent}") for exponent in range(-3, 6) for digit in (1, 2, 5)),
    *(1e6, 1e9, 1e12),
)


class Bins(Protocol):
    """Every value is in exactly one bin."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the bins, in order."""

    def index(self, value: object) -> int:
        """Return the bin of any JSON value; it never raises."""


class NumberBins:
    """Bins from edge to edge, each with its lower one; an atom, a value that comes often, has one of its own."""

    __slots__ = ("_high", "_invalid", "_low", "_missing", "cuts", "labels")

    def __init__(
        self, edges: Sequence[float], atoms: Sequence[float] = (), low: float = -LARGEST, high: float = LARGEST
    ) -> None:
        """`low` and `high` are the limits of what is a value at all."""
        # The place of a number within the limits is `bisect_right(cuts, number)`, for those in a hurry.
        self.cuts = sorted({*edges, *atoms, *(nextafter(atom, inf) for atom in atoms)})
        self._low, self._high = low, high
        self._missing, self._invalid = len(self.cuts) + 1, len(self.cuts) + 2
        self.labels = (*_intervals(self.cuts, frozenset(atoms)), MISSING, INVALID)

    def index(self, value: object) -> int:
        """Return the bin of any JSON value; true and false are no numbers."""
        if type(value) is int:
            try:
                value = float(value)  # compares in half the time
            except OverflowError:
                return self._invalid
        if type(value) is float:
            return bisect_right(self.cuts, value) if self._low <= value <= self._high else self._invalid
        return self._missing if value is None else self._invalid


class CategoryBins:
    """A bin for each of the top values; the others that are known share one. A whole number is its digits."""

    __slots__ = ("_places", "_unseen", "labels")

    def __init__(self, top: Sequence[str], known: Sequence[str] | None) -> None:
        """Where `known` is None they are too many to be known: all but the top values are `other`."""
        count = len(top)
        self._places: dict[object, int] = dict.fromkeys(known or (), count)
        self._places |= {value: place for place, value in enumerate(top)} | {None: count + 2}
        self._unseen = count if known is None else count + 1
        self.labels = (*map(label_of, top), OTHER, UNSEEN, MISSING)

    def index(self, value: object) -> int:
        """Return the bin of any JSON value."""
        if type(value) is int:
            value = code_of(value)
        try:
            return self._places.get(value, self._unseen)
        except TypeError:  # lists and objects have no hash
            return self._unseen


class BooleanBins:
    """False and true; models are also sent 0 and 1 for them."""

    __slots__ = ("labels",)
    _PLACES: Final[dict[object, int]] = {False: 0, True: 1, None: 2}

    def __init__(self) -> None:
        self.labels = ("false", "true", MISSING, INVALID)

    def index(self, value: object) -> int:
        """Return the bin of any JSON value."""
        try:
            return self._PLACES.get(value, 3)
        except TypeError:
            return 3


class LearnedBins:
    """For strings without a profile: each of the first values that come gets a bin, and keeps it."""

    __slots__ = ("_limit", "_places", "labels")

    def __init__(self, limit: int = 20) -> None:
        self.labels: tuple[str, ...] = (MISSING, INVALID, OTHER)
        self._limit = limit + len(self.labels)
        self._places: dict[str, int] = {}

    def index(self, value: object) -> int:
        """Return the bin of any JSON value; `labels` has grown where it is a new one."""
        if type(value) is int:
            value = code_of(value)
        if type(value) is not str:
            return 0 if value is None else 1
        place = self._places.get(value)
        return self._learn(value) if place is None else place

    def _learn(self, value: str) -> int:
        if len(self.labels) == self._limit or len(value) > LONGEST_VALUE:
            return 2
        self._places[value] = len(self.labels)
        self.labels = (*self.labels, label_of(value))
        return self._places[value]


def signed_log_bins() -> NumberBins:
    """Return the bins of numbers without a profile: 1, 2, 5, 10, 20, 50, ... either side of zero."""
    return NumberBins([*(-edge for edge in _MAGNITUDES), *_MAGNITUDES], atoms=[0.0])


def score_bins(edges: Sequence[float]) -> NumberBins:
    """Return bins of a probability."""
    return NumberBins(edges, low=0.0, high=1.0)


def label_of(value: str) -> str:
    """Return the name of a value's bin, which is not that of another bin."""
    return json.dumps(value) if value in RESERVED or value.startswith('"') else value


def code_of(value: int) -> str | int:
    """Return a whole number as a text: 3 and "3" are one code. None has more than 64 bits."""
    return str(value) if -(2**63) <= value < 2**63 else value


def plain(number: float) -> str:
    """Return a number as people write it."""
    return repr(number).removesuffix(".0")


def _intervals(cuts: Sequence[float], atoms: frozenset[float]) -> Iterator[str]:
    if not cuts:
        yield "any"
        return
    yield f"below {plain(cuts[0])}"
    before = -inf
    for lower, upper in pairwise((*cuts, inf)):
        if lower in atoms:
            yield f"= {plain(lower)}"
        else:
            after_atom = before in atoms and nextafter(before, inf) == lower
            start = f"above {plain(before)}" if after_atom else f"from {plain(lower)}"
            yield start if upper == inf else f"{start} to {plain(upper)}"
        before = lower
