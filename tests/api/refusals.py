"""What the API must refuse, as rows of a table: the value, its nearest good neighbours and the user's sentence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.api.samples import ABSENT


@dataclass(frozen=True)
class Refusal:
    """A bad value in one place of a good object, and the whole sentence that tells the user."""

    path: str
    bad: object
    says: str
    good: tuple[object, ...] = ()
    """What must be accepted in its place: the bound itself, every word of a list."""
    beside: Mapping[str, object] = field(default_factory=dict)
    """What must be otherwise in the object for either."""

    def given(self, beside: Mapping[str, object]) -> "Refusal":
        """The same in an object that differs from the sample elsewhere too."""
        return replace(self, beside=beside)


def too_small(path: str, least: int) -> Refusal:
    return Refusal(path, least - 1, f"{_in_body(path)} should be greater than or equal to {least}", (least,))


def too_large(path: str, most: int) -> Refusal:
    return Refusal(path, most + 1, f"{_in_body(path)} should be less than or equal to {most}", (most,))


def too_short(path: str, least: int) -> Refusal:
    return Refusal(path, "x" * (least - 1), f"{_in_body(path)} should be at least {least} chars long", ("x" * least,))


def too_long(path: str, most: int) -> Refusal:
    return Refusal(path, "x" * (most + 1), f"{path}: Too long: may not be more than {most} bytes", ("x" * most,))


def too_few(path: str, least: int, item: Callable[[int], Any]) -> Refusal:
    sentence = f"{_in_body(path)} should have at least {least} items"
    return Refusal(path, _items(least - 1, item), sentence, (_items(least, item),))


def too_many(path: str, most: int, item: Callable[[int], Any]) -> Refusal:
    sentence = f"{path}: Too many: {most + 1}: must have at most {most} items"
    return Refusal(path, _items(most + 1, item), sentence, (_items(most, item),))


def too_many_keys(path: str, most: int) -> Refusal:
    def entries(number: int) -> dict[str, str]:
        return {f"key-{index}": "" for index in range(number)}

    sentence = f"{path}: Too many: {most + 1}: must have at most {most} items"
    return Refusal(path, entries(most + 1), sentence, (entries(most),))


def not_among(path: str, *words: str) -> Refusal:
    supported = ", ".join(f'"{word}"' for word in words)
    return Refusal(path, "Other", f'{path}: Unsupported value: "Other": supported values: {supported}', words)


def missing(path: str) -> Refusal:
    return Refusal(path, ABSENT, f"{path}: Required value")


def wrong_type(path: str, bad: object, expected: str) -> Refusal:
    return Refusal(path, bad, f"{_in_body(path)} must be of type {expected}")


def unknown(path: str) -> Refusal:
    return Refusal(path, 1, f'strict decoding error: unknown field "{path}"')


def _in_body(path: str) -> str:
    """How the API server begins some of its sentences; validating a status, it leaves `status` out."""
    return f"{path.removeprefix('status.')} in body"


def _items(number: int, item: Callable[[int], Any]) -> list[Any]:
    return [item(index) for index in range(number)]
