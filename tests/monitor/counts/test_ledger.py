"""The ledger: a collector that stores what it acknowledges has every count exactly once."""

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from serinus.monitor.counts.ledger import MOST_PIECES, MOST_TOLD, MOST_UNKNOWN, UNKNOWN, Increment, Ledger

FIRST, SECOND = "1-aa", "2-bb"


def count(ledger: Ledger, stamp: str = "", times: int = 1) -> None:
    ledger.open(stamp).routed += times


def routed(increment: Increment) -> dict[str, int]:
    return {stamp: counts.routed for stamp, counts in increment.counts.items()}


def test_the_first_who_asks_gets_everything() -> None:
    ledger = Ledger("b")
    count(ledger, times=3)
    increment = ledger.collect("")
    assert (increment.since, increment.watermark, routed(increment)) == ("b.0", "b.1", {"": 3})


def test_who_comes_back_with_the_watermark_gets_what_came_since() -> None:
    ledger = Ledger("b")
    count(ledger, times=3)
    first = ledger.collect("")
    count(ledger)
    assert routed(ledger.collect(first.watermark)) == {"": 1}


def test_an_answer_that_was_lost_is_given_again_with_what_came_since() -> None:
    ledger = Ledger("b")
    count(ledger, times=3)
    ledger.collect("b.0")
    count(ledger)
    again = ledger.collect("b.0")
    assert (again.since, routed(again)) == ("b.0", {"": 4})


def test_without_traffic_the_watermark_stays() -> None:
    ledger = Ledger("b")
    count(ledger)
    watermark = ledger.collect("").watermark
    assert ledger.collect(watermark) == (watermark, watermark, {})
    assert ledger.collect(watermark) == (watermark, watermark, {})


def test_two_who_ask_in_turn_and_of_whom_one_stores_lose_nothing() -> None:
    ledger = Ledger("b")
    count(ledger, times=3)
    first = ledger.collect("b.0")
    count(ledger, times=5)
    ledger.collect("b.0")  # another leader, whose write is refused since the first one's came before
    count(ledger, times=7)
    assert routed(ledger.collect(first.watermark)) == {"": 12}


@pytest.mark.parametrize("watermark", ["", "other.1", "b.7", "b.", "nonsense"])
def test_a_watermark_that_is_none_of_ours_acknowledges_nothing(watermark: str) -> None:
    ledger = Ledger("b")
    count(ledger, times=3)
    ledger.collect("")
    answer = ledger.collect(watermark)
    assert (answer.since, routed(answer)) == ("b.0", {"": 3})


def test_a_stamp_counts_as_evidence_once_it_is_told_from_its_first_request_on() -> None:
    ledger = Ledger("b")
    count(ledger, FIRST, 2)
    before = ledger.collect("b.0")
    assert routed(before) == {}
    assert routed(ledger.collect(before.watermark, [FIRST])) == {FIRST: 2}


def test_stamps_that_nobody_tells_of_have_little_room() -> None:
    ledger = Ledger("b")
    for number in range(100):
        count(ledger, f"{number}-forged")
    ledger.collect("", [f"{number}-forged" for number in range(MOST_UNKNOWN, 30)])
    assert ledger.total(UNKNOWN).routed == 100
    told = ledger.collect("", [f"{number}-forged" for number in range(MOST_UNKNOWN)])
    assert sum(routed(told).values()) == MOST_UNKNOWN


def test_a_told_stamp_has_room_whoever_forges_others() -> None:
    ledger = Ledger("b")
    for number in range(100):
        count(ledger, f"{number}-forged")
    ledger.collect("", [FIRST])
    count(ledger, FIRST)
    assert routed(ledger.collect("")) == {FIRST: 1}


def test_the_stamps_told_first_are_forgotten_and_their_counts_stay_in_the_total() -> None:
    ledger = Ledger("b")
    for number in range(MOST_TOLD + 5):
        ledger.collect("", [f"{number}-aa"])
        count(ledger, f"{number}-aa")
    kept = routed(ledger.collect(""))
    assert len(kept) == MOST_TOLD
    assert "4-aa" not in kept
    assert ledger.total(UNKNOWN).routed == 5
    assert len(ledger.groups()) == MOST_TOLD + 1


def test_a_stamp_that_is_told_again_is_a_new_one() -> None:
    ledger = Ledger("b")
    for number in range(MOST_TOLD + 5):
        ledger.collect("", [FIRST, f"{number}-aa"])
    count(ledger, FIRST)
    assert routed(ledger.collect("")) == {FIRST: 1}


def test_without_a_gateway_requests_count_under_the_split_that_was_named_last() -> None:
    ledger = Ledger("b")
    count(ledger)
    ledger.collect("", unstamped=FIRST)
    count(ledger)
    count(ledger, SECOND)
    assert routed(ledger.collect("", [SECOND])) == {"": 1, FIRST: 1, SECOND: 1}
    count(ledger)
    assert routed(ledger.collect("")) == {"": 2, FIRST: 1, SECOND: 1}


def test_without_a_gateway_a_label_counts_under_the_split_that_was_named_when_its_prediction_was_made() -> None:
    ledger = Ledger("b")
    for now, split in ((100, FIRST), (150, FIRST), (200, SECOND), (300, "")):
        ledger.collect("", unstamped=split, now=now)
    times = (99, 100, 199, 200, 299, 300)
    assert [ledger.unstamped_at(at) for at in times] == ["", FIRST, FIRST, SECOND, SECOND, ""]
    ledger.collect("", unstamped=FIRST, now=400)
    ledger.outcomes_of(ledger.unstamped_at(250)).late += 1
    ledger.outcomes_of(ledger.unstamped_at(0)).late += 1
    late = {stamp: counts.outcomes.late for stamp, counts in ledger.collect("", now=500).counts.items()}
    assert late == {SECOND: 1, "": 1}


STAMPS = ("", FIRST, SECOND, "3-cc")


class Collecting(RuleBasedStateMachine):
    """A monitor, and an operator that dies, asks twice, changes its leader and loses answers."""

    answers = Bundle("answers")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger("b")
        self.counted: Counter[str] = Counter()
        self.told: set[str] = {""}
        self.stored: Counter[str] = Counter()
        self.watermark = "b.0"
        self.outstanding = 0

    @rule(stamp=st.sampled_from(STAMPS), times=st.integers(1, 3))
    def count(self, stamp: str, times: int) -> None:
        count(self.ledger, stamp, times)
        self.counted[stamp] += times

    @rule(target=answers, told=st.sets(st.sampled_from(STAMPS[1:])))
    def ask(self, told: Iterable[str]) -> tuple[str, Increment]:
        """Ask with what is stored; whether the answer arrives, and when, is another matter."""
        self.told |= set(told)
        self.outstanding += 1
        return self.watermark, self.ledger.collect(self.watermark, told)

    @rule(answer=answers)
    def store(self, answer: tuple[str, Increment]) -> None:
        """Store an answer in one write with its watermark: refused where another one was stored since it was asked."""
        asked, increment = answer
        if asked == self.watermark == increment.since and self.outstanding <= MOST_PIECES:
            self.stored.update(routed(increment))
            self.watermark = increment.watermark
            self.outstanding = 0

    @rule(watermark=st.sampled_from(["", "a.1", "b.99", "b.-1"]))
    def ask_nonsense(self, watermark: str) -> None:
        self.ledger.collect(watermark)
        self.outstanding += 1

    @rule()
    def come_to_rest(self) -> None:
        """Ask and store at once, as all do most of the time."""
        increment = self.ledger.collect(self.watermark)
        assert increment.since == self.watermark
        self.stored.update(routed(increment))
        self.watermark, self.outstanding = increment.watermark, 0
        assert self.stored == Counter({stamp: n for stamp, n in self.counted.items() if stamp in self.told})

    @invariant()
    def nothing_is_lost_in_the_metrics(self) -> None:
        assert sum(self.ledger.total(stamp).routed for stamp in self.ledger.groups()) == self.counted.total()


TestCollecting = Collecting.TestCase
