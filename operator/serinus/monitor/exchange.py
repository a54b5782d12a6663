"""One request and its answer, as the proxy's ring or the middleware tells the monitor of it. Counted by counting.py."""

from enum import IntEnum

import msgspec


class Outcome(IntEnum):
    """How a request ended. Counts are lists in this order."""

    ANSWERED = 0
    SERVER_ERROR = 1
    """Status 5xx, by the model itself."""
    CONNECTION_FAILED = 2
    """The model could not be reached, took too long or broke off."""
    CLIENT_ERROR = 3
    """Status 4xx."""
    ABORTED = 4
    """By the client."""


class Exchange(msgspec.Struct, frozen=True, gc=False):
    """One of them."""

    boot: str
    """Of the proxy or the process that saw it; with the sequence it names the exchange."""
    sequence: int
    stamp: str
    """`<split>-<nonce>`, or "" where no rule has stamped the request."""
    at: float
    """When the request was received, in seconds since 1970."""
    seconds: float
    """How long the model took."""
    method: str
    path: str
    status: int
    """0: there was none."""
    outcome: Outcome
    request: bytes | None
    request_size: int
    """In full; more than 0 with no bytes: not captured."""
    response: bytes | None
    response_size: int
