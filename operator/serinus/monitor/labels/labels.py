"""When a label counts: at once, at its maturity, or not. Called by feedback.py for receipts of this pod."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from math import ceil, inf
from typing import Final, Protocol

from serinus.monitor.labels.awaited import Awaited
from serinus.monitor.labels.judge import Judge, Label, UnfitError, Value, rows_of
from serinus.monitor.labels.outcomes import Outcomes, share
from serinus.monitor.labels.seen import Seen, Taken
from serinus.monitor.receipts.batches import proves
from serinus.monitor.receipts.receipts import Receipt

FUTURE_SECONDS: Final = 60
"""How far ahead another machine's clock may be."""
STEPS: Final = 4_096
"""Maturity is divided by it: labels enter at most that much later."""
MOST_HELD: Final = 100_000


class Result(StrEnum):
    """The answer to one label."""

    COUNTED = "counted"
    HELD = "held"
    """Counts when it is mature."""
    LATE = "late"
    """Shown and not used: its maturity was over."""
    DUPLICATE = "duplicate"
    TOO_OLD = "tooOld"
    FUTURE = "future"
    FORGED = "forged"
    UNKNOWN = "unknown"
    """Signed by a key or in a way that is not known here."""
    REISSUED = "reissued"
    """Of a pod that is gone or has forgotten: shown and not used."""
    MALFORMED = "malformed"
    UNFIT = "unfit"
    """Of another kind than the task's labels."""
    DROPPED = "dropped"
    """No room to hold it: it may be sent again."""


class Book(Protocol):
    """Where outcomes are kept."""

    def outcomes_of(self, stamp: str) -> Outcomes:
        """Return those to which labels of a stamp's predictions are added now."""
        ...

    def stamps(self) -> Iterable[str]:
        """Return all stamps that predictions were counted for, those that nobody has named yet included."""
        ...

    def unstamped_at(self, issued: float) -> str:
        """Return as whose a prediction without a stamp counted that was made at this time."""
        ...


class Assumption(Protocol):
    """The label of what is still unlabelled at an age."""

    @property
    def label(self) -> Value:
        """The class."""

    @property
    def after_seconds(self) -> int:
        """The age."""


class Rule(Protocol):
    """`spec.monitoring.feedback`."""

    @property
    def max_age_seconds(self) -> int:
        """Older predictions are labelled no more."""

    @property
    def maturity_seconds(self) -> int | None:
        """The age at which a label enters, nought or none for at once."""

    @property
    def assume(self) -> Assumption | None:
        """What no answer means."""


class Labels:
    """The labels of one pod's predictions."""

    def __init__(self, book: Book, judge: Judge, seen: Seen, rule: Rule, most_held: int = MOST_HELD) -> None:
        self._book = book
        self._judge = judge
        self._seen = seen
        self._rule = rule
        self._maturity = rule.maturity_seconds or 0
        self._step = max(1, self._maturity // STEPS)
        self._most_held = most_held
        self._held: dict[int, dict[str, Outcomes]] = {}
        self._size = 0
        self._latest = float(self._maturity or inf)
        """The age up to which a label is used."""
        self._awaited: Awaited | None = None
        if rule.assume and judge.classifies:
            self._assumed = judge.know(rule.assume.label)
            self._awaited = Awaited(rule.assume.after_seconds)
            self._latest = min(self._latest, rule.assume.after_seconds)

    def give(self, receipt: Receipt, stamp: str, label: Label, prediction: Label | None, now: float) -> Result:
        """Take the label of a verified receipt of this pod; UnfitError where it cannot be compared."""
        age = now - receipt.issued
        if age < -FUTURE_SECONDS or age > self._rule.max_age_seconds:
            return Result.FUTURE if age < 0 else Result.TOO_OLD
        predicted = receipt.prediction or _repeated(receipt.digest, prediction)
        trial = self._judge.judge(predicted, label)
        shares = self._shares([row for row in rows_of(predicted) if row is not None])
        late = age > self._latest
        if self._maturity and not late and self._size + len(trial.cells) + 1 > self._most_held:
            return Result.DROPPED
        taken = self._seen.take(receipt.boot, receipt.sequence, receipt.issued)
        if taken is not Taken.FIRST:
            return Result.DUPLICATE if taken is Taken.AGAIN else Result.REISSUED
        if self._awaited:
            self._awaited.labelled(stamp, receipt.issued, now, shares)
        return self._enter(stamp, receipt.issued, trial, late=late)

    def issued(self, stamp: str, at: float, predictions: Sequence[Value]) -> None:
        """Count a prediction that may be labelled. `at` is the time in its receipt."""
        if self._awaited:
            with suppress(UnfitError):  # a label could not be compared with it either
                self._awaited.issued(stamp, at, self._shares(predictions))

    @property
    def unassumed(self) -> int:
        """How many predictions had no room to be awaited: if no label comes, nothing is assumed of them."""
        return self._awaited.dropped if self._awaited else 0

    def mature(self, now: float) -> None:
        """Count what has come of age. To be called about once a second."""
        for due in [due for due in self._held if due <= now]:
            for stamp, outcomes in self._held.pop(due).items():
                self._size -= len(outcomes.cells) + 1
                self._book.outcomes_of(stamp).add(outcomes)
        for stamp, predicted, parts in self._awaited.due(now) if self._awaited else ():
            errors = parts if predicted != self._assumed else 0
            self._book.outcomes_of(stamp).add(Outcomes(parts, errors, {(predicted, self._assumed): parts}))

    def _enter(self, stamp: str, issued: int, trial: Outcomes, *, late: bool) -> Result:
        if late:
            self._book.outcomes_of(stamp).late += 1
            return Result.LATE
        if self._maturity:
            self._hold(stamp, issued, trial)
            return Result.HELD
        self._book.outcomes_of(stamp).add(trial)
        return Result.COUNTED

    def _hold(self, stamp: str, issued: int, trial: Outcomes) -> None:
        due = ceil((issued + self._maturity) / self._step) * self._step
        held = self._held.setdefault(due, {})
        if stamp not in held:
            held[stamp] = Outcomes()
            self._size += 1
        before = len(held[stamp].cells)
        held[stamp].add(trial)
        self._size += len(held[stamp].cells) - before

    def _shares(self, predictions: Sequence[Value]) -> list[tuple[str, int]]:
        if self._awaited is None:
            return []
        rows = len(predictions)
        return [(self._judge.class_of(value), share(row, rows)) for row, value in enumerate(predictions)]


def _repeated(digest: str, prediction: Label | None) -> Label | None:
    """Return what the sender says was predicted, if it is what the receipt proves."""
    if digest and not proves(digest, rows_of(prediction)):
        raise UnfitError("send the predictions of a large batch beside its labels, as they stood in the answer")
    return prediction
