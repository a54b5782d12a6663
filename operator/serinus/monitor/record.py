"""The line that HAProxy writes for each request, and what it says. Read by ring.py, asked for by proxy_record.py."""

from binascii import Error as NoBase64Error
from binascii import a2b_base64
from typing import Final

from serinus.monitor.exchange import Exchange, Outcome

MARK: Final = b"serinus1 "
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
LONGEST_STAMP: Final = 64
LONGEST_PATH: Final = 256

_NOTHING: Final = b"-"


def read_record(message: bytes) -> Exchange | None:
    """Return what a message of the ring says, or None where it is no record of ours."""
    start = message.find(MARK)
    fields = message[start + len(MARK) :].rstrip(b"\n\0").split(b" ")
    if start < 0 or len(fields) != FIELDS:
        return None
    try:
        return _exchange(*fields)
    except (ValueError, OverflowError, NoBase64Error):
        return None


def _exchange(  # noqa: PLR0917 - the fields of the line, in its order
    boot: bytes,
    sequence: bytes,
    stamp: bytes,
    ended: bytes,
    head_time: bytes,
    wait_time: bytes,
    active_time: bytes,
    state: bytes,
    status: bytes,
    sent: bytes,
    method: bytes,
    path: bytes,
    request_size: bytes,
    response_size: bytes,
    request: bytes,
    response: bytes,
) -> Exchange:
    active = max(0, int(active_time))
    # Until the server is chosen the client's head and body come in, at its own pace.
    client = max(0, int(head_time)) + max(0, int(wait_time))
    code = max(0, int(status))
    return Exchange(
        boot.decode("ascii"),
        0 if sequence == _NOTHING else int(sequence),
        "" if stamp == _NOTHING else a2b_base64(stamp).removeprefix(STAMP_FLAG).decode("ascii")[:LONGEST_STAMP],
        (int(ended) - active) / 1000,
        max(0, active - client) / 1000,
        method.decode("ascii"),
        path[:LONGEST_PATH].decode("ascii", "replace"),
        code,
        outcome_of(state, code),
        *_body(request, request_size),
        # Without an advertised length the size is what was sent, head included.
        *_body(response, sent if response_size == _NOTHING else response_size),
    )


def _body(text: bytes, size: bytes) -> tuple[bytes | None, int]:
    """Return a body, if the whole of it was kept, and its size in full."""
    length = 0 if size == _NOTHING else int(size)
    body = None if text == _NOTHING else a2b_base64(text)
    if body is None or len(body) < length:
        return (None, length) if length else (b"", 0)
    return body, len(body)


def outcome_of(state: bytes, status: int) -> Outcome:
    """Return how a request ended.

    The state is HAProxy's, of two letters: who ended it, and when. See
    https://docs.haproxy.org/2.6/configuration.html#8.5
    """
    cause, moment = state[:1], state[1:2]
    if cause in b"Ss" or (cause == b"P" and moment != b"R"):
        return Outcome.CONNECTION_FAILED
    if status >= 500:  # noqa: PLR2004 - of HTTP
        return Outcome.SERVER_ERROR if cause == b"-" else Outcome.CONNECTION_FAILED
    if cause == b"C" or (cause == b"c" and moment != b"R"):
        return Outcome.ABORTED
    if status >= 400 or cause in b"cP":  # noqa: PLR2004
        return Outcome.CLIENT_ERROR
    return Outcome.ANSWERED if status else Outcome.CONNECTION_FAILED
