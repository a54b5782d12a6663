"""What can go wrong between us and the API server, in the terms a caller can act on."""

from serinus.api.reasons import Reason


class Retry(Exception):  # noqa: N818 - it asks for something rather than name a fault
    """Try the whole reconcile again: after the given seconds, or with back-off."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class ServerError(Retry):
    """The API server failed (500) and says why: for example a webhook of somebody that does not answer."""

    def __init__(self, why: str, message: str, after: float | None = None) -> None:
        super().__init__(why, after)
        self.message = message


class Refused(Exception):  # noqa: N818 - the same
    """The user or an administrator must act before this can work; the message tells them what to do."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class ApiError(Exception):
    """The API server answered with an error that only the caller can judge."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class NotFoundError(ApiError):
    """The object, or its kind, is not there (404)."""


class ConflictError(ApiError):
    """The object is not the one that the decision was made on, or somebody else owns its fields (409)."""


class InvalidError(ApiError):
    """The object breaks the rules of its kind (400, 422)."""


class ForbiddenError(ApiError):
    """A right is missing, or a quota or an admission policy refuses (403)."""


class ExpiredError(ApiError):
    """The resource version is too old to watch or to list from (410)."""
