"""The line that HAProxy writes for each request, and what it says. Read by ring.py, asked for by proxy_record.py."""

from binascii import a2b_base64
from functools import lru_cache
from typing import Final

import msgspec

from serinus.monitor.exchange import Exchange, Outcome

MARK: Final = "serinus1 "
"""Begins a record, whatever header the log's format puts before it. The digit is the format's version."""
STAMP_FLAG: Final = b"split|"
"""Stands before a stamp where proxy_receipt.py keeps it."""
LOG_FORMAT: Final = (
    "serinus1 {boot} %[var(txn.sequence)] %[var(txn.stamp),bytes(0,70),base64] %[date(0,ms)] %TR %Tw %Ta %ts %ST %B "
    "%HM %HPO %[var(txn.request_size)] %[var(txn.response_size)] %[var(txn.request_body)] %[var(txn.response_body)]"
)
"""For `log-format`, in quotes. The boot is put in for each start of HAProxy. What is not there is `-`.

Whatever a client chooses is in base64 or cannot hold a space, so that no client can write a field.
"""
FIELDS: Final = LOG_FORMAT.count(" ")
BODIES: Final = 2
LONGEST_STAMP: Final = 64
LONGEST_PATH: Final = 256

_NOTHING: Final = "-"
_WELL: Final = "--"
_base64: Final = msgspec.json.Decoder(bytes)
"""Three times as fast as binascii."""


def read_record(message: bytes) -> Exchange | None:
    """Return what a message of the ring says, or None where it is no record of ours."""
    try:
        head, request, response = message.rstrip(b"\n\0").rsplit(b" ", 2)
        text = head.decode("latin-1")
        fields = text[text.index(MARK) + len(MARK) :].split(" ")
        return _exchange(request, response, *fields) if len(fields) == FIELDS - BODIES else None
    except (ValueError, OverflowError):
        return None


def _exchange(  # noqa: PLR0917 - the fields of the line, in its order
    request: bytes,
    response: bytes,
    boot: str,
    sequence: str,
    stamp: str,
    ended: str,
    head_time: str,
    wait_time: str,
    active_time: str,
    state: str,
    status: str,
    sent: str,
    method: str,
    path: str,
    request_size: str,
    response_size: str,
) -> Exchange:
    active = int(active_time)
    # Until the server is chosen the client's head and body come in, at its own pace. -1 is a time that never was.
    model_time = active - (int(head_time) if head_time != "-1" else 0) - (int(wait_time) if wait_time != "-1" else 0)
    code = int(status)
    request_body, request_length = _body(request, request_size)
    # Without an advertised length the size is what was sent, head included.
    response_body, response_length = _body(response, sent if response_size == _NOTHING else response_size)
    return Exchange(
        boot,
        0 if sequence == _NOTHING else int(sequence),
        "" if stamp == _NOTHING else _stamp(stamp),
        (int(ended) - active) / 1000,
        model_time / 1000 if model_time > 0 else 0.0,
        method,
        path[:LONGEST_PATH],
        max(0, code),
        outcome_of(state, max(0, code)),
        request_body,
        request_length,
        response_body,
        response_length,
    )


@lru_cache(maxsize=64)
def _stamp(text: str) -> str:
    """Return a stamp, of which there are few."""
    return a2b_base64(text).removeprefix(STAMP_FLAG).decode("ascii")[:LONGEST_STAMP]


def _body(text: bytes, size: str) -> tuple[bytes | None, int]:
    """Return a body, if the whole of it was kept, and its size in full."""
    length = 0 if size == _NOTHING else int(size)
    body = None if text == b"-" else _base64.decode(b'"%b"' % text)
    if body is None or len(body) < length:
        return (None, length) if length else (b"", 0)
    return body, len(body)


def outcome_of(state: str, status: int) -> Outcome:
    """Return how a request ended.

    The state is HAProxy's, of two letters: who ended it, and when. See
    https://docs.haproxy.org/2.6/configuration.html#8.5
    """
    if state == _WELL and 0 < status < 400:  # noqa: PLR2004 - of HTTP
        return Outcome.ANSWERED
    cause, moment = state[:1], state[1:2]
    if cause in ("S", "s") or (cause == "P" and moment != "R"):
        return Outcome.CONNECTION_FAILED
    if status >= 500:  # noqa: PLR2004
        return Outcome.SERVER_ERROR if cause == "-" else Outcome.CONNECTION_FAILED
    if cause == "C" or (cause == "c" and moment != "R"):
        return Outcome.ABORTED
    if status >= 400 or cause in ("c", "P"):  # noqa: PLR2004
        return Outcome.CLIENT_ERROR
    return Outcome.ANSWERED if status else Outcome.CONNECTION_FAILED
