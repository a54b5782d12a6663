"""The values of a block: counted, kept in a sample, checked. Used by all kinds of columns."""

from collections import Counter
from collections.abc import MutableSequence, Sequence
from itertools import pairwise
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from serinus.cli.failure import Failure

Value = TypeVar("Value")
Taken = Sequence[tuple[int, int]]
"""Rows of a block that are in the sample, and their places there."""


def require_finite(name: str, values: pa.Array) -> None:
    """Fail where a number is none."""
    if pc.all(pc.is_finite(values)).as_py() is False:
        raise Failure(f"column {name} holds NaN or infinity: write a missing value as null, or {left_out(name)}")


def keep(sample: MutableSequence[Value], values: pa.Array, taken: Taken, missing: Value) -> None:
    """Put the rows that are taken in their places of a sample."""
    rows = values.take(pa.array([row for row, _ in taken], pa.int64())).to_pylist()
    for value, (_, place) in zip(rows, taken, strict=True):
        kept = missing if value is None else value
        if place == len(sample):
            sample.append(kept)
        else:
            sample[place] = kept


def counts_between(cuts: Sequence[float], values: pa.Array) -> list[int]:
    """Count numbers by the bins of NumberBins."""
    below = [pc.less(values, cut).true_count for cut in cuts]
    return [upper - lower for lower, upper in pairwise((0, *below, len(values) - values.null_count))]


def counts_of(values: pa.Array) -> Counter[str]:
    """Count texts, or the names of classes."""
    pairs = values.drop_null().value_counts()
    return Counter(dict(zip(pairs.field("values").to_pylist(), pairs.field("counts").to_pylist(), strict=True)))


def added(counts: Sequence[int], more: Sequence[int]) -> list[int]:
    """Add bin by bin."""
    return [count + other for count, other in zip(counts, more, strict=True)]


def only_missing(name: str) -> Failure:
    """Return what is wrong with a column without values."""
    return Failure(f"column {name} holds nothing but missing values: {left_out(name)}")


def left_out(name: str) -> str:
    """Return how a column is left out."""
    return f"leave it out by --exclude {name}"
