"""Files of mounted Secrets: exchanged at any time, not to be read for every request. Used by keys.py and tokens.py."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

AGAIN_SECONDS: Final = 5.0
"""What is not known is looked for again after this time at the earliest: a flood must not read files."""
REVOKED_SECONDS: Final = 60.0
"""What was taken away is used for no longer than this."""
LONGEST_FILE: Final = 4_096

Clock = Callable[[], float]


class Looks:
    """When the files were looked at last, and whether it is time to look again."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    def due(self, *, known: bool) -> bool:
        """Return whether to look now for something that is known, or not known, from the last look."""
        now = self._clock()
        if now - self._last < (REVOKED_SECONDS if known else AGAIN_SECONDS):
            return False
        self._last = now
        return True


def read(file: Path) -> bytes:
    """Return what a file holds, without space around it; nothing where there is no such file."""
    try:
        with file.open("rb") as opened:
            return opened.read(LONGEST_FILE).strip()
    except OSError:
        return b""
