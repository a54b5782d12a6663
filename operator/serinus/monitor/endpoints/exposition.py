"""Prometheus' text format, written in slices between which the loop does other work. Used by metrics.py.

See https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import asyncio
import time
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

SLICE_SECONDS: Final = 0.002
MOST_PREFIXES: Final = 50_000
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Labels = tuple[tuple[str, str], ...]


class Sample(NamedTuple):
    """One series and its value now."""

    labels: Labels
    value: float
    suffix: str = ""
    """`_bucket`, `_sum` and `_count` of a histogram."""


class Family(NamedTuple):
    """All series of one name."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    text: str
    samples: Iterable[Sample]


class Slices:
    """Lets the loop do other work as soon as a slice of time is used up."""

    def __init__(self) -> None:
        self._end = time.perf_counter() + SLICE_SECONDS

    @property
    def is_over(self) -> bool:
        """Whether it is."""
        return time.perf_counter() > self._end

    async def rest(self) -> None:
        """Let others work."""
        await asyncio.sleep(0)
        self._end = time.perf_counter() + SLICE_SECONDS


class Exposition:
    """Writes families. What stands before the value of a series is made once."""

    def __init__(self, labels: Labels) -> None:
        """Every series has the labels."""
        self._labels = labels
        self._prefixes: dict[tuple[str, Labels], str] = {}

    async def write(self, families: Iterable[Family], slices: Slices) -> bytes:
        """Return the text."""
        lines: list[str] = []
        for line in self._lines(families):
            lines.append(line)
            if slices.is_over:
                await slices.rest()
        return "".join(lines).encode()

    def _lines(self, families: Iterable[Family]) -> Iterator[str]:
        for name, kind, text, samples in families:
            yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
            for labels, value, suffix in samples:
                prefix = self._prefixes.get((name + suffix, labels)) or self._render(name + suffix, labels)
                yield f"{prefix}{value!r}\n"

    def _render(self, name: str, labels: Labels) -> str:
        if len(self._prefixes) >= MOST_PREFIXES:
            self._prefixes.clear()
        pairs = ",".join(f'{label}="{value.translate(_ESCAPES)}"' for label, value in (*self._labels, *labels))
        prefix = self._prefixes[name, labels] = f"{name}{{{pairs}}} "
        return prefix
