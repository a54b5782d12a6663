"""A histogram of the operator's own metrics, and its quantiles as Prometheus works them out."""

import math
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Histogram:
    """How many observations there were up to each bound, the last of which is infinite."""

    counts: dict[float, float]

    @classmethod
    def read(cls, name: str, exposition: str) -> "Histogram":
        """Return one of all that a process exposes."""
        found = re.findall(rf'^{name}_bucket{{.*le="([^"]+)".*}} (\S+)$', exposition, re.MULTILINE)
        return cls({float(bound): float(count) for bound, count in found})

    def __sub__(self, before: "Histogram") -> "Histogram":
        return Histogram({bound: count - before.counts[bound] for bound, count in self.counts.items()})

    @property
    def total(self) -> int:
        """How many observations there were."""
        return int(self.counts[math.inf])

    def percentile(self, percent: float) -> float:
        """Return the value that so many percent do not exceed, if those in a bucket are spread evenly over it."""
        rank = self.total * percent / 100
        low, below = 0.0, 0.0
        for bound, count in sorted(self.counts.items()):
            if count >= rank and count > below:
                return low if math.isinf(bound) else low + (bound - low) * (rank - below) / (count - below)
            low, below = bound, count
        return math.nan
