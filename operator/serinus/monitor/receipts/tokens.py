"""Who may give feedback: whoever knows the token in a mounted file. Used by feedback.py."""

import time
from hmac import compare_digest
from pathlib import Path

from serinus.monitor.receipts.mounted import Clock, Looks, read


class BearerToken:
    """The token of a file, which may be exchanged at any time. Without one nobody is admitted."""

    def __init__(self, file: Path, clock: Clock = time.monotonic) -> None:
        self._file = file
        self._looks = Looks(clock)
        self._token = read(file)

    def admits(self, authorization: str) -> bool:
        """Return whether a header of that value carries the token."""
        scheme, _, given = authorization.partition(" ")
        token = given.strip().encode(errors="surrogateescape")
        if scheme.lower() != "bearer" or not token:
            return False
        if self._looks.due(known=compare_digest(token, self._token)):
            self._token = read(self._file)
        return compare_digest(token, self._token)
