"""Progress of long work for people: one line a step on stderr, with the seconds since the first step."""

import sys
import time
from functools import cache


def step(sentence: str) -> None:
    """Say what begins now."""
    first = _first_step()
    sys.stderr.write(f"[{time.monotonic() - first:3.0f} s] {sentence}\n")


@cache
def _first_step() -> float:
    return time.monotonic()
