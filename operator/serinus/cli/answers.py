"""What a request to the API server ended with, in one sentence. Used by what talks to it."""

import json
from http import HTTPStatus
from typing import Any, Final

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError, MaxRetryError, ReadTimeoutError, SSLError

from serinus.api.names import GROUP
from serinus.cli.failure import one_line

ANSWERS: Final = (ApiException, HTTPError, OSError)
"""What a request may end with, other than an answer."""

_TLS_FAILED: Final = 0
"""The status by which the client reports it."""
_POLICY_SAYS: Final = " denied request: "


def sentence_of(error: Exception) -> str:
    """Return what a request ended with."""
    if isinstance(error, MaxRetryError) and error.reason:
        error = error.reason
    if isinstance(error, ApiException) and error.status != _TLS_FAILED:
        return _answer(error)
    if isinstance(error, ApiException | SSLError):
        return f"no trustworthy connection to the API server: {one_line(error)}"
    if isinstance(error, ReadTimeoutError):
        return f"the API server does not answer in time: {one_line(error)}"
    return f"the API server cannot be reached: {one_line(error)}"


def _answer(error: ApiException) -> str:
    status = _status_in(error.body)
    message = one_line(status.get("message", ""))
    if error.status == HTTPStatus.UNAUTHORIZED:
        return "the API server does not accept your credentials (401 Unauthorized): log in again"
    if error.status == HTTPStatus.NOT_FOUND and not status.get("details", {}).get("name"):
        return f"the API server knows no resources of {GROUP}: is Serinus installed there?"
    _, said_by_policy, sentence = message.partition(_POLICY_SAYS)
    return sentence if said_by_policy else message or f"the API server answers {error.status} {error.reason}"


def _status_in(body: object) -> dict[str, Any]:
    """Return the `Status` in the body of an answer; what a proxy answers holds none."""
    try:
        status = json.loads(body if isinstance(body, str | bytes) else "")
    except ValueError:
        return {}
    return status if isinstance(status, dict) else {}
