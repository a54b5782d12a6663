"""Which counts a collector has and which it lacks. Written by counting.py, read for /evidence and /metrics.

Counts go from `current` into a piece when somebody asks, and from there to what is acknowledged when he comes back with
the watermark of the answer. Nothing is ever subtracted.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from serinus.monitor.counts.counts import Counts
from serinus.monitor.labels.outcomes import Outcomes

MOST_UNKNOWN: Final = 8
"""Stamps that nobody has told us of yet and that are counted apart."""
MOST_TOLD: Final = 32
MOST_PIECES: Final = 4
"""Answers that may be outstanding at once: one is normal, two when the operator changes its leader."""
UNKNOWN: Final = "unknown"
"""Where requests with all other stamps are counted. It is no stamp."""


class Piece(NamedTuple):
    """What was counted between two watermarks, by stamp."""

    number: int
    counts: dict[str, Counts]
    """They do not change any more, but those of a stamp may go."""


class Increment(NamedTuple):
    """An answer: the counts since one watermark and up to another."""

    since: str
    """The watermark it starts at: not the one that was asked for where that is not known any more."""
    watermark: str
    counts: Mapping[str, Counts]


class Ledger:
    """The counts of one process, by stamp."""

    def __init__(self, boot: str) -> None:
        self._boot = boot
        self._current: dict[str, Counts] = {}
        self._pieces: list[Piece] = []
        self._acknowledged: dict[str, Counts] = {}
        self._number = 0
        """Of the watermark up to which all is acknowledged."""
        self._told: dict[str, None] = {"": None}
        self._unstamped = ""
        self._unstamped_since: list[tuple[float, str]] = []
        """When it became what, the last first."""
        self._retired = Counts()

    def open(self, stamp: str) -> Counts:
        """Return the counts to which a request with that stamp is to be added now."""
        counts = self._current.get(stamp or self._unstamped)
        return self._enter(stamp or self._unstamped) if counts is None else counts

    def collect(self, since: str, told: Iterable[str] = (), unstamped: str = "", *, now: float = 0) -> Increment:
        """Acknowledge what stands before `since`, if that was an answer, and return what came after it.

        `told` are the stamps that are true. From now on, requests without one count as if they had `unstamped`; `now`
        is in seconds since 1970, as in receipts.
        """
        for stamp in (*told, unstamped):
            self._told.pop(stamp, None)
            self._told[stamp] = None  # the last one told stands last
        if unstamped != self._unstamped:
            self._unstamped = unstamped
            self._unstamped_since = [(now, unstamped), *self._unstamped_since][:MOST_TOLD]
        self._retire()
        self._acknowledge(since)
        self._close()
        last = self._pieces[-1].number if self._pieces else self._number
        return Increment(self._watermark(self._number), self._watermark(last), _sum(self._pieces))

    def outcomes_of(self, stamp: str) -> Outcomes:
        """Return those to which labels of a stamp's predictions are added now."""
        return (self._current.get(stamp) or self._enter(stamp)).outcomes

    def unstamped_at(self, issued: float) -> str:
        """Return as whose a request without a stamp counted then: where no Gateway stamps, a split is a time."""
        return next((stamp for since, stamp in self._unstamped_since if since <= issued), "")

    def stamps(self) -> list[str]:
        """Return all stamps that something was counted for, those that nobody has told us of included."""
        counted = {stamp: None for counts in self._everything() for stamp in counts}
        return [stamp for stamp in counted if stamp and stamp != UNKNOWN]

    def groups(self) -> list[str]:
        """Return what there is a total of: the stamps that we were told of, "" for none, and UNKNOWN."""
        counted = {stamp for counts in self._everything() for stamp in counts}
        return [*(stamp for stamp in self._told if stamp in counted), UNKNOWN]

    def total(self, stamp: str) -> Counts:
        """Return all that was ever counted for a stamp; for UNKNOWN what is unknown or retired."""
        total = Counts()
        if stamp == UNKNOWN:
            total.add(self._retired)
        for counts in self._everything():
            for each, more in counts.items():
                if each == stamp or (stamp == UNKNOWN and each not in self._told):
                    total.add(more)
        return total

    def _everything(self) -> list[dict[str, Counts]]:
        return [self._acknowledged, *(piece.counts for piece in self._pieces), self._current]

    def _enter(self, stamp: str) -> Counts:
        if stamp not in self._told:
            unknown = sum(each not in self._told and each != UNKNOWN for each in self._current)
            if unknown >= MOST_UNKNOWN:
                stamp = UNKNOWN
        return self._current.setdefault(stamp, Counts())

    def _acknowledge(self, since: str) -> None:
        numbers = [self._watermark(piece.number) for piece in self._pieces]
        if since not in numbers:
            return
        for piece in self._pieces[: numbers.index(since) + 1]:
            _add(self._acknowledged, piece.counts)
            self._number = piece.number
        del self._pieces[: numbers.index(since) + 1]

    def _close(self) -> None:
        """Put aside what was counted since the last answer."""
        counts = {stamp: each for stamp, each in self._current.items() if stamp in self._told}
        if not counts:
            return
        for stamp in counts:
            del self._current[stamp]
        last = self._pieces[-1].number if self._pieces else self._number
        self._pieces.append(Piece(last + 1, counts))
        if len(self._pieces) > MOST_PIECES:
            self._pieces[:2] = [Piece(self._pieces[1].number, _sum(self._pieces[:2]))]

    def _retire(self) -> None:
        """Forget the stamps that were told first, when there are too many."""
        for stamp in [stamp for stamp in self._told if stamp][: max(0, len(self._told) - 1 - MOST_TOLD)]:
            del self._told[stamp]
            for counts in self._everything():
                if retired := counts.pop(stamp, None):
                    self._retired.add(retired)

    def _watermark(self, number: int) -> str:
        return f"{self._boot}.{number}"


def _sum(pieces: list[Piece]) -> dict[str, Counts]:
    """Return what pieces hold together. Pieces stay as they are: an answer that is being sent may show them."""
    if len(pieces) == 1:  # nearly always
        return pieces[0].counts
    total: dict[str, Counts] = {}
    for piece in pieces:
        _add(total, piece.counts)
    return total


def _add(total: dict[str, Counts], more: Mapping[str, Counts]) -> None:
    for stamp, counts in more.items():
        if stamp not in total:
            total[stamp] = Counts()
        total[stamp].add(counts)
