"""The bins of a feature that no profile describes: the same for every feature, every pod and every revision.

So they add up without anybody having learned anything, and no text that a client sent leaves the pod: texts are
counted by a digest of a few bits, which shows that their mixture changes, and not what they are.
"""

from typing import Final
from zlib import crc32

from serinus.monitor.profiles.bins import MISSING, OTHER, signed_log_bins

TEXTS: Final = 16
LONGEST: Final = 256
"""Characters of a text that take part."""

_NUMBERS: Final = signed_log_bins()
_FALSE: Final = len(_NUMBERS.labels)
_FIRST_TEXT: Final = _FALSE + 2
_OTHER: Final = _FIRST_TEXT + TEXTS
_MISSING: Final = _NUMBERS.labels.index(MISSING)


class AnyBins:
    """Bins for any JSON value; `cuts` as NumberBins has them."""

    __slots__ = ()
    cuts: Final = _NUMBERS.cuts
    labels: Final = (*_NUMBERS.labels, "false", "true", *(f"text {number}" for number in range(TEXTS)), OTHER)

    def index(self, value: object) -> int:
        """Return the bin of a value; lists and objects share one."""
        kind = type(value)
        if kind is float or kind is int:
            return _NUMBERS.index(value)
        if kind is str:
            return _FIRST_TEXT + crc32(value[:LONGEST].encode("utf-8", "replace")) % TEXTS  # type: ignore[index]
        if kind is bool:
            return _FALSE + bool(value)
        return _MISSING if value is None else _OTHER
