"""The predictions of a batch in its one receipt: as they are, or where they do not fit what proves them.

Made by signing.py for answers, and by labels.py for what the sender of labels says was predicted.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

from serinus.monitor.labels.judge import MOST_ROWS, UnfitError, Value, is_value, number_of, text_of
from serinus.monitor.receipts.receipts import LONGEST_ROWS

DIGEST_DIGITS: Final = 32


def sealed(rows: Sequence[object]) -> str:
    """Return what a receipt says of so many predictions: JSON, a list of them or their digest as a text."""
    if len(rows) > MOST_ROWS:
        return ""  # nobody can label them
    text = _json_of(rows)
    return text if len(text.encode()) <= LONGEST_ROWS else f'"{_digest(text)}"'


def proves(digest: str, rows: Sequence[Value | None]) -> bool:
    """Return whether these are the predictions of the digest."""
    return _digest(_json_of(rows)) == digest


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]


def _json_of(rows: Sequence[object]) -> str:
    """Return the rows as a label is compared with them: six digits of a number, null for what is no prediction."""
    return f"[{','.join(map(_one, rows))}]"


def _one(value: object) -> str:
    if not is_value(value):
        return "null"
    try:
        return msgspec.json.encode(text_of(value)).decode() if isinstance(value, str) else f"{number_of(value):g}"
    except UnfitError:
        return "null"
