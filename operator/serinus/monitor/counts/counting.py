"""From an exchange to counts: reads it, holds it against the contract, bins it. Called by ring.py and the middleware.

Everything that grows with what arrives has a bound: features, classes, rows, stamps (ledger.py). What is beyond it is
counted in `drops`.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from serinus.monitor.counts.columns import AnyColumns, DescribedColumns
from serinus.monitor.counts.counts import Counts
from serinus.monitor.counts.latency import EDGES
from serinus.monitor.counts.ledger import Ledger
from serinus.monitor.counts.predictions import Predictions
from serinus.monitor.exchange import Exchange, Outcome
from serinus.monitor.labels.outcomes import PARTS, share
from serinus.monitor.profiles.contract import Contract
from serinus.monitor.profiles.profile import Profile
from serinus.monitor.protocols.bodies import Answer, Decoder, Reason, Row, UndecodedError
from serinus.monitor.serving import Serving

MOST_ROWS: Final = 256
"""Of a larger batch so many rows are counted, evenly spread: the others say little more, and take the loop's time."""

Item = TypeVar("Item")

_ANSWERED: Final = Outcome.ANSWERED
_ABORTED: Final = Outcome.ABORTED


class Counting:
    """Counts the exchanges of one model in a ledger."""

    def __init__(
        self,
        serving: Serving,
        profile: Profile | None,
        decoder: Decoder,
        ledger: Ledger,
        clock: Callable[[], float],
    ) -> None:
        self.drops: Counter[str] = Counter()
        """What had no room, by kind."""
        self.issued: Callable[[Exchange, list[Answer]], None] | None = None
        """Who is to know which predictions were made: labels.py."""
        self._decoder = decoder
        self._ledger = ledger
        self._clock = clock
        self._warm_up = float(serving.warm_up_seconds)
        self._warm_at: float | None = None
        self._is_cold = serving.warm_up_seconds > 0
        self._contract = Contract(profile) if profile else None
        self._predictions = Predictions(serving.task, profile)
        self._columns = DescribedColumns(profile) if profile else AnyColumns(self.drops)

    def count(self, exchange: Exchange) -> None:
        """Count one."""
        counts = self._ledger.open(exchange.stamp)
        counts.routed += 1
        if not self._decoder.predicts(exchange.method, exchange.path):
            counts.others += 1
            return
        if self._is_cold and self._warms_up():
            return
        outcome = exchange.outcome
        counts.requests[outcome] += 1
        if outcome is _ANSWERED or outcome is _ABORTED:
            counts.latency[bisect_left(EDGES, exchange.seconds)] += 1
        rows = self._rows(exchange, counts)
        if rows:
            self._count_rows(rows, counts)
        if outcome is _ANSWERED:
            answers = self._answers(exchange, len(rows), counts)
            self._count_answers(answers, counts)
            if self.issued:
                self.issued(exchange, answers)

    def _warms_up(self) -> bool:
        """Return whether the pod is in its first seconds with traffic, when caches and compilers warm up."""
        now = self._clock()
        if self._warm_at is None:
            self._warm_at = now + self._warm_up
        self._is_cold = now < self._warm_at
        return self._is_cold

    def _rows(self, exchange: Exchange, counts: Counts) -> list[Row]:
        body = exchange.request
        if body is None:
            if exchange.outcome is not _ABORTED:
                counts.undecoded[f"Request{Reason.NOT_CAPTURED}"] += 1
            return []
        try:
            return self._decoder.rows(body)
        except UndecodedError as error:
            counts.undecoded[f"Request{error.reason}"] += 1
            return []

    def _answers(self, exchange: Exchange, rows: int, counts: Counts) -> list[Answer]:
        body = exchange.response
        try:
            if body is None:
                raise UndecodedError(Reason.NOT_CAPTURED)  # noqa: TRY301 - counted with the other reasons
            return self._decoder.answers(body, rows)
        except UndecodedError as error:
            counts.undecoded[f"Answer{error.reason}"] += 1
            return []

    def _count_rows(self, rows: list[Row], counts: Counts) -> None:
        columns, features = self._columns, counts.features
        if len(rows) == 1:  # nearly always
            suspects = [] if columns.count(rows[0], PARTS, features) else rows
        else:
            if len(rows) > MOST_ROWS:
                self.drops["rows"] += len(rows) - MOST_ROWS
            suspects = [row for row, part in _weighed(rows) if not columns.count(row, part, features)]
        if self._contract:
            counts.checked += 1
            if suspects:
                self._check(self._contract, suspects, counts)

    @staticmethod
    def _check(contract: Contract, rows: list[Row], counts: Counts) -> None:
        broken = {rule for row in rows for rule in contract.violations(row)}
        if broken:
            counts.violating += 1
            counts.violations.update(broken)

    def _count_answers(self, answers: list[Answer], counts: Counts) -> None:
        if len(answers) == 1:
            self._predictions.count(answers[0], PARTS, counts)
        elif answers:
            for answer, part in _weighed(answers):
                self._predictions.count(answer, part, counts)


def _weighed(items: list[Item]) -> Iterator[tuple[Item, int]]:
    """Return at most MOST_ROWS of the items, evenly spread over all, and the parts of the request that each is."""
    count = len(items)
    if count > MOST_ROWS:
        items = [items[place * count // MOST_ROWS] for place in range(MOST_ROWS)]
    rows = len(items)
    return ((item, share(row, rows)) for row, item in enumerate(items))
