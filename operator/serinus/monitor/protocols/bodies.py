"""What all protocols share: JSON that anybody may have sent, the rows in it, and why something cannot be read."""

import json
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

import msgspec

LARGEST_BODY: Final = 1024 * 1024
MOST_COLUMNS: Final = 200
"""A row of more is no set of features but a picture or a text."""

Row = dict[str, Any]


class Reason(StrEnum):
    """Why a body or an answer cannot be read. The list is closed: each has a series."""

    NOT_CAPTURED = "NotCaptured"
    """Too large to be kept, or streamed."""
    TOO_LARGE = "TooLarge"
    NO_JSON = "NoJson"
    TOO_DEEP = "TooDeep"
    WRONG_SHAPE = "WrongShape"
    """JSON, but not that of the protocol, or data that do not fill their tensor."""
    TOO_WIDE = "TooWide"
    UNKNOWN_TYPE = "UnknownType"
    NOTHING_FOUND = "NothingFound"
    EXPRESSION_FAILED = "ExpressionFailed"
    ROWS_DIFFER = "RowsDiffer"
    """More or fewer predictions than rows."""


class UndecodedError(Exception):
    """A body cannot be read, and the reason, which holds nothing of it."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Answer(NamedTuple):
    """What a model says of one row."""

    prediction: Any
    score: Any = None


class Decoder(Protocol):
    """How one protocol is read."""

    def predicts(self, method: str, path: str) -> bool:
        """Return whether a request asks for a prediction."""
        ...

    def rows(self, body: bytes) -> list[Row]:
        """Return the features of a request, a row for each prediction that it asks for; UndecodedError."""
        ...

    def answers(self, body: bytes, rows: int) -> list[Answer]:
        """Return the answers to so many rows, 0 where nobody knows; none where there is nothing to predict."""
        ...


def read_json(body: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:  # noqa: ANN401 - as the decoder is made
    """Return what a body holds. NaN and infinities are no JSON, but Python servers write them."""
    if len(body) > LARGEST_BODY:
        raise UndecodedError(Reason.TOO_LARGE)
    try:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            if b"NaN" not in body and b"Infinity" not in body:
                raise
            return msgspec.convert(json.loads(body), decoder.type)
    except RecursionError:
        raise UndecodedError(Reason.TOO_DEEP) from None
    except msgspec.ValidationError:
        raise UndecodedError(Reason.WRONG_SHAPE) from None
    except ValueError:  # msgspec's, json's and that of bytes which are no text
        raise UndecodedError(Reason.NO_JSON) from None


def rows_of(value: object, names: tuple[str, ...]) -> list[Row]:
    """Return the rows that a piece of JSON is: an object or a list of them, a list of values or a list of lists."""
    if type(value) is dict:
        return [value]
    if type(value) is not list or not value:
        raise UndecodedError(Reason.NOTHING_FOUND)
    if type(value[0]) is dict:
        if not all(type(row) is dict for row in value):
            raise UndecodedError(Reason.WRONG_SHAPE)
        return value
    if type(value[0]) is not list:
        return [_named(value, names)]
    if not all(type(row) is list and len(row) == len(value[0]) for row in value):
        raise UndecodedError(Reason.WRONG_SHAPE)
    return [_named(row, names) for row in value]


def names_for(count: int, names: tuple[str, ...], prefix: str = "") -> tuple[str, ...]:
    """Return the names of values that have none: those of the profile, if they are as many, else numbers."""
    if count > MOST_COLUMNS:
        raise UndecodedError(Reason.TOO_WIDE)
    return names if len(names) == count else _numbers(count, prefix)


def _named(values: list[Any], names: tuple[str, ...]) -> Row:
    return dict(zip(names_for(len(values), names), values, strict=True))


@lru_cache(maxsize=1000)
def _numbers(count: int, prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}{number}" for number in range(count))
