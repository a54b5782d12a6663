"""What a column of training data holds, by its type or, in CSV, by all of its texts; and how it is read. Pure."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from serinus.cli.failure import Failure
from serinus.cli.profiling.columns import BooleanColumn, CategoryColumn, Column, NumberColumn
from serinus.cli.profiling.counting import left_out, only_missing

NOT_AVAILABLE: Final = pa.array(["NA", "N/A", "NaN", "nan", "null", "NULL", "None"])
"""How CSV spells a missing number or truth value, other than by nothing."""
TRUE: Final = "true"
FALSE: Final = "false"
NUMBER: Final = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"


class Kind(StrEnum):
    """What a column holds."""

    WHOLE = "whole numbers"
    NUMBER = "numbers"
    BOOLEAN = "truth values"
    TEXT = "texts"


class Texts:
    """A column of CSV: what all of its texts can be read as."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._whole = self._truths = True
        self._numbers = self._words = 0
        self._word = ""

    def look(self, texts: pa.Array) -> None:
        """See a block."""
        values = _available(texts).drop_null()
        self._whole = self._whole and _can_be(pa.int64(), values)
        self._truths = (
            self._truths and pc.all(pc.is_in(pc.utf8_lower(values), pa.array([FALSE, TRUE]))).as_py() is not False
        )
        if self._whole or _can_be(pa.float64(), values):
            self._numbers += len(values)
            return
        words = values.filter(pc.invert(pc.match_substring_regex(values, NUMBER)))
        self._word = self._word or words[0].as_py()
        self._words += len(words)
        self._numbers += len(values) - len(words)

    def kind(self) -> Kind:
        """Return what the column holds."""
        if self._words and self._numbers:
            raise Failure(
                f"column {self._name} mixes {self._numbers} numbers with {self._words} texts such as "
                f'"{self._word[:40]}": correct it, name it by --category if it is codes, or {left_out(self._name)}'
            )
        if self._words:
            return Kind.BOOLEAN if self._truths else Kind.TEXT
        return (Kind.WHOLE if self._whole else Kind.NUMBER) if self._numbers else Kind.TEXT


def kind_of(name: str, type_: pa.DataType) -> Kind:
    """Return what a column of that type holds."""
    if types.is_dictionary(type_):
        kind = kind_of(name, type_.value_type)
        return Kind.TEXT if kind is Kind.WHOLE else kind  # somebody said that these are categories
    if types.is_boolean(type_):
        return Kind.BOOLEAN
    if types.is_integer(type_):
        return Kind.WHOLE
    if types.is_floating(type_) or types.is_decimal(type_):
        return Kind.NUMBER
    if types.is_string(type_) or types.is_large_string(type_) or types.is_string_view(type_):
        return Kind.TEXT
    if types.is_null(type_):
        raise only_missing(name)
    raise Failure(
        f"column {name} is of type {type_}, and a profile is of numbers, texts and truth values: {left_out(name)}"
    )


def column_of(name: str, kind: Kind) -> Column:
    """Return the column that counts values of that kind."""
    if kind is Kind.TEXT:
        return CategoryColumn(name)
    return BooleanColumn(name) if kind is Kind.BOOLEAN else NumberColumn(name, whole=kind is Kind.WHOLE)


def reader_of(kind: Kind, *, from_texts: bool) -> Callable[[pa.ChunkedArray], pa.Array]:
    """Return what makes float64, bool or string of a column of that kind."""
    if kind is Kind.TEXT:
        return _as(pa.string())
    if kind is not Kind.BOOLEAN:
        read = _as(pa.float64())
        return (lambda values: read(_available(values))) if from_texts else read
    if from_texts:
        return lambda values: _whole(pc.equal(pc.utf8_lower(_available(values)), TRUE))
    return _as(pa.bool_())


def class_names(values: pa.Array) -> pa.Array | None:
    """Return the classes by name, as serinus.monitor.profiles.profile.class_of has them, or None for other numbers."""
    if types.is_boolean(values.type):
        values = pc.cast(values, pa.int8())
    if types.is_floating(values.type):
        try:
            values = pc.cast(values, pa.int64())
        except pa.ArrowInvalid:
            return None
    return pc.cast(values, pa.string())


def _as(type_: pa.DataType) -> Callable[[pa.ChunkedArray], pa.Array]:
    def read(values: pa.ChunkedArray) -> pa.Array:
        if types.is_dictionary(values.type):
            values = pc.cast(values, values.type.value_type)
        return _whole(pc.cast(values, type_, safe=False))

    return read


def _whole(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _available(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    trimmed = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.is_in(trimmed, NOT_AVAILABLE), pa.scalar(None, pa.string()), trimmed)


def _can_be(type_: pa.DataType, texts: pa.Array) -> bool:
    try:
        pc.cast(texts, type_)
    except pa.ArrowInvalid:
        return False
    return True
