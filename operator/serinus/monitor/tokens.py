"""Who may give feedback: whoever knows the token in a mounted file. Used by feedback.py."""

import time
from collections.abc import Callable
from hmac import compare_digest
from pathlib import Path
from typing import Final

AGAIN_SECONDS: Final = 5.0
REVOKED_SECONDS: Final = 60.0
LONGEST: Final = 4_096


class BearerToken:
    """The token of a file, which may be exchanged at any time. Without one nobody is admitted."""

    def __init__(self, file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._token = b""
        self._looked = -REVOKED_SECONDS
        self._refresh(0)

    def admits(self, authorization: str) -> bool:
        """Return whether a header of that value carries the token."""
        scheme, _, given = authorization.partition(" ")
        token = given.strip().encode(errors="surrogateescape")
        if scheme.lower() != "bearer" or not token:
            return False
        self._refresh(REVOKED_SECONDS)
        if compare_digest(token, self._token):
            return True
        self._refresh(AGAIN_SECONDS)
        return compare_digest(token, self._token)

    def _refresh(self, older_than: float) -> None:
        now = self._clock()
        if now - self._looked < older_than:
            return
        self._looked = now
        try:
            with self._file.open("rb") as opened:
                self._token = opened.read(LONGEST).strip()
        except OSError:
            self._token = b""
