"""What labels are given in tests: a plain ledger, rules and receipts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from serinus.monitor.labels.judge import Judge, Task, Value
from serinus.monitor.labels.labels import MOST_HELD, Labels
from serinus.monitor.labels.outcomes import Outcomes
from serinus.monitor.labels.seen import Seen
from serinus.monitor.receipts.receipts import Receipt

STAMP = "3-00112233aabbccdd"
BOOT = 1_790_000_000_000
NOW = BOOT // 1000 + 1_000
WEEK = 604_800


@dataclass
class Book:
    kept: dict[str, Outcomes] = field(default_factory=dict)
    known: list[str] = field(default_factory=lambda: [STAMP])

    def outcomes_of(self, stamp: str) -> Outcomes:
        return self.kept.setdefault(stamp, Outcomes())

    def stamps(self) -> Iterable[str]:
        return self.known

    def unstamped_at(self, issued: float) -> str:
        del issued
        return ""


class Assumption(NamedTuple):
    label: Value
    after_seconds: int


class Rule(NamedTuple):
    maturity_seconds: int | None = None
    assume: Assumption | None = None
    max_age_seconds: int = WEEK


def labels_of(book: Book, rule: Rule | None = None, task: Task = "Binary", most_held: int = MOST_HELD) -> Labels:
    seen = Seen(began=BOOT / 1000 - 1)
    seen.issued(BOOT, 1)
    return Labels(book, Judge(task), seen, rule or Rule(), most_held)


def receipt(sequence: int, issued: int = NOW, prediction: str = "1", boot: int = BOOT) -> Receipt:
    return Receipt("one", boot, "192.0.2.7", "0011223344", "", issued, sequence, prediction)
