"""How far a long work is, on one line of a terminal. Called by profile.py."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TextIO, TypeVar

INTERVAL: Final = 0.1
WIDTH: Final = 30
CLEAR: Final = "\r\x1b[K"

Part = TypeVar("Part")


@dataclass
class Progress:
    """A bar, where somebody looks at it."""

    stream: TextIO
    now: Callable[[], float] = time.monotonic
    _shown: float = field(default=float("-inf"), init=False)

    def of(self, title: str, parts: Iterable[tuple[Part, float]]) -> Iterator[Part]:
        """Yield the parts of a work, each of which comes with how much is done, from 0 to 1."""
        visible = self.stream.isatty()
        try:
            for part, done in parts:
                yield part
                if visible and self.now() - self._shown >= INTERVAL:
                    self._shown = self.now()
                    bar = ("#" * round(done * WIDTH)).ljust(WIDTH)
                    self.stream.write(f"{CLEAR}{title} [{bar}] {done:4.0%}")
                    self.stream.flush()
        finally:
            if visible:
                self.stream.write(CLEAR)
                self.stream.flush()
