"""The features of a profile: kind, bins, counts of the reference and contract. Parts of the document in profile.py."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import isfinite
from typing import Annotated, Final, Literal

import msgspec

from serinus.monitor.profiles.bins import Bins, BooleanBins, CategoryBins, NumberBins

MOST_ROWS: Final = 2**53
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST_ROWS)]


class Document(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A part of a profile."""


class NumberContract(Document, frozen=True):
    """Which numbers are as agreed."""

    type: Literal["Number", "Integer"]
    minimum: float
    maximum: float
    missing_allowed: bool


class CategoryContract(Document, frozen=True):
    """Which texts are as agreed; `values` is null where any is."""

    values: tuple[str, ...] | None
    missing_allowed: bool


class BooleanContract(Document, frozen=True):
    """Whether a truth value may be missing."""

    missing_allowed: bool


class NumberFeature(Document, frozen=True, tag_field="kind", tag="Number"):
    """A number; `counts` is by bin, the last two are `missing` and `invalid`."""

    name: str
    contract: NumberContract
    edges: tuple[float, ...]
    atoms: tuple[float, ...]
    counts: tuple[Count, ...]
    sum: float
    sum_of_squares: float

    def bins(self) -> Bins:
        """Return the bins that `counts` is of."""
        return NumberBins(self.edges, self.atoms)

    def flaws(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        numbers = (*self.edges, *self.atoms, self.contract.minimum, self.contract.maximum, self.sum)
        if not all(map(isfinite, (*numbers, self.sum_of_squares))):
            yield "a number is not finite"
        if self.sum_of_squares < 0:
            yield "its sum of squares is negative"
        if not (ascend(self.edges) and ascend(self.atoms)):
            yield "its edges do not ascend"
        if set(self.edges) & set(self.atoms):
            yield "an edge is an atom, too"
        if self.contract.minimum > self.contract.maximum:
            yield "its minimum is above its maximum"
        yield from flaws_of_counts(self.counts, self.bins())


class CategoryFeature(Document, frozen=True, tag_field="kind", tag="Category"):
    """One of some texts; `counts` is of the top values, then `other`, `unseen` and `missing`."""

    name: str
    contract: CategoryContract
    top: tuple[str, ...]
    counts: tuple[Count, ...]

    def bins(self) -> Bins:
        """Return the bins that `counts` is of."""
        return CategoryBins(self.top, self.contract.values)

    def flaws(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        values = self.contract.values
        if first_repeated(self.top) is not None or first_repeated(values or ()) is not None:
            yield "a value stands there twice"
        if values is not None and not set(self.top) <= set(values):
            yield "a top value is not among the allowed ones"
        yield from flaws_of_counts(self.counts, self.bins())


class BooleanFeature(Document, frozen=True, tag_field="kind", tag="Boolean"):
    """True or false; `counts` is of `false`, `true`, `missing` and `invalid`."""

    name: str
    contract: BooleanContract
    counts: tuple[Count, ...]

    def bins(self) -> Bins:
        """Return the bins that `counts` is of."""
        return BooleanBins()

    def flaws(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        return flaws_of_counts(self.counts, self.bins())


Feature = NumberFeature | CategoryFeature | BooleanFeature


def flaws_of_counts(counts: Sequence[int], bins: Bins) -> Iterator[str]:
    """Yield why these cannot be counts of those bins."""
    if len(counts) != len(bins.labels):
        yield f"it has {len(counts)} counts for {len(bins.labels)} bins"


def ascend(numbers: Sequence[float]) -> bool:
    """Return whether each is above the one before."""
    return all(lower < upper for lower, upper in pairwise(numbers))


def first_repeated(names: Iterable[str]) -> str | None:
    """Return the first that was there before."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
