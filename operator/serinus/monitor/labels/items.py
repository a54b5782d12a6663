"""The JSON of feedback: what is sent and what is answered. Read and written by feedback.py and handover.py."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from serinus.monitor.labels.judge import Label
from serinus.monitor.labels.labels import Result

MOST_ITEMS: Final = 10_000
MOST_BYTES: Final = 4 * 2**20
FORM: Final = 'Send JSON: [{"receipt": "<of the answer>", "label": <what was true>}, ...]'


class Item(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A label for the prediction that a receipt stands for."""

    receipt: str
    label: Label
    prediction: Label | None = None
    """Beside the label where the receipt holds none: of batches and large answers."""


class Answer(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What became of one label."""

    result: Result
    message: str = ""


class TooManyError(Exception):
    """More than can be taken at once."""


class NoItemsError(Exception):
    """No JSON of that form. The text says where, and repeats nothing of it."""


_ITEMS: Final = msgspec.json.Decoder(list[Item] | Item)
_ITEM: Final = msgspec.json.Decoder(Item)
_RAW: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ANSWERS: Final = msgspec.json.Decoder(list[Answer])


def read_items(body: bytes) -> Sequence[Item | Answer]:
    """Return the labels of a body, and the answer in place of each that is none."""
    # Before anything is decoded: what is far too much is not worth the time.
    if body.count(b"{") > 2 * MOST_ITEMS:
        raise TooManyError
    try:
        items: Sequence[Item | Answer] | Item = _ITEMS.decode(body)
    except msgspec.ValidationError:
        items = list(_one_by_one(body))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise NoItemsError(f"{FORM}. {error}") from None
    items = [items] if isinstance(items, Item) else items
    if len(items) > MOST_ITEMS:
        raise TooManyError
    return items


def read_answers(body: bytes, expected: int) -> list[Answer] | None:
    """Return the answers of another pod, or None where they are no such."""
    try:
        answers = _ANSWERS.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return answers if len(answers) == expected else None


def write(items: Sequence[Item] | Sequence[Answer]) -> bytes:
    """Return them as JSON."""
    return msgspec.json.encode(items)


def _one_by_one(body: bytes) -> Iterator[Item | Answer]:
    try:
        raws = _RAW.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise NoItemsError(f"{FORM}. {error}") from None
    for raw in raws:
        try:
            yield _ITEM.decode(raw)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            yield Answer(Result.MALFORMED, str(error))
