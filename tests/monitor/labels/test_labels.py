import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.monitor.labels.judge import UnfitError
from serinus.monitor.labels.labels import Labels, Result
from serinus.monitor.labels.outcomes import PARTS, Outcomes
from tests.monitor.books import BOOT, NOW, STAMP, WEEK, Assumption, Book, Rule, labels_of, receipt

RIGHT = Outcomes(PARTS, 0, {("1", "1"): PARTS})
WRONG = Outcomes(PARTS, PARTS, {("1", "0"): PARTS})


@pytest.fixture
def book() -> Book:
    return Book()


def test_without_maturity_a_label_counts_at_once(book: Book) -> None:
    assert labels_of(book).give(receipt(1), STAMP, 0, None, NOW + 5) is Result.COUNTED
    assert book.kept == {STAMP: WRONG}


def test_the_first_label_counts_and_no_other(book: Book) -> None:
    labels = labels_of(book)
    results = [labels.give(receipt(1), STAMP, label, None, NOW) for label in (1, 0, 1)]
    assert results == [Result.COUNTED, Result.DUPLICATE, Result.DUPLICATE]
    assert book.kept == {STAMP: RIGHT}


@pytest.mark.parametrize(
    ("age", "result"),
    [
        (-61, Result.FUTURE),
        (-60, Result.COUNTED),
        (0, Result.COUNTED),
        (WEEK, Result.COUNTED),
        (WEEK + 1, Result.TOO_OLD),
    ],
)
def test_age_is_limited_both_ways(book: Book, age: int, result: Result) -> None:
    labels = labels_of(book)
    assert labels.give(receipt(1), STAMP, 1, None, NOW + age) is result
    assert bool(book.kept) is (result is Result.COUNTED)


def test_what_was_refused_may_come_again(book: Book) -> None:
    labels = labels_of(book)
    with pytest.raises(UnfitError):
        labels.give(receipt(1), STAMP, "", None, NOW)
    assert labels.give(receipt(1), STAMP, 1, None, NOW - 100) is Result.FUTURE
    assert labels.give(receipt(1), STAMP, 1, None, NOW) is Result.COUNTED


def test_a_boot_of_another_life_is_reissued(book: Book) -> None:
    assert labels_of(book).give(receipt(1, boot=BOOT - 1), STAMP, 1, None, NOW) is Result.REISSUED
    assert book.kept == {}


def test_the_receipts_prediction_counts_not_the_senders(book: Book) -> None:
    labels_of(book).give(receipt(1, prediction="1"), STAMP, "0", "0", NOW)
    assert book.kept == {STAMP: WRONG}


def test_a_batch_is_one_trial(book: Book) -> None:
    labels_of(book).give(receipt(1, prediction=""), STAMP, [1, 0], [1, 1], NOW)
    assert book.kept[STAMP] == Outcomes(PARTS, PARTS // 2, {("1", "1"): PARTS // 2, ("1", "0"): PARTS // 2})


class TestMaturity:
    rule = Rule(maturity_seconds=100)

    def test_a_label_enters_at_that_age(self, book: Book) -> None:
        labels = labels_of(book, self.rule)
        assert labels.give(receipt(1), STAMP, 0, None, NOW + 3) is Result.HELD
        labels.mature(NOW + 99)
        assert book.kept == {}
        labels.mature(NOW + 100)
        labels.mature(NOW + 200)
        assert book.kept == {STAMP: WRONG}

    @pytest.mark.parametrize(("age", "result"), [(100, Result.HELD), (101, Result.LATE)])
    def test_a_later_one_is_shown_and_not_used(self, book: Book, age: int, result: Result) -> None:
        labels = labels_of(book, self.rule)
        assert labels.give(receipt(1), STAMP, 0, None, NOW + age) is result
        labels.mature(NOW + 1000)
        assert book.kept == {STAMP: WRONG if result is Result.HELD else Outcomes(late=1)}

    def test_held_labels_are_bounded_and_what_was_dropped_may_come_again(self, book: Book) -> None:
        labels = labels_of(book, self.rule, most_held=2)
        results = [labels.give(receipt(n + 1, NOW + n), STAMP, 1, None, NOW + n) for n in range(3)]
        assert results == [Result.HELD, Result.DROPPED, Result.DROPPED]
        labels.mature(NOW + 100)
        assert labels.give(receipt(2, NOW + 1), STAMP, 1, None, NOW + 100) is Result.HELD

    @given(
        given=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 200), st.booleans()), max_size=40),
        seed=st.integers(0, 2**32),
        maturity=st.sampled_from([1, 7, 100, 9000]),
    )
    def test_what_counts_does_not_depend_on_the_order_of_arrival(
        self, given: list[tuple[int, int, bool]], seed: int, maturity: int
    ) -> None:
        arrivals = [(NOW + at + delay, n + 1, NOW + at, right) for n, (at, delay, right) in enumerate(given)]
        expected = Outcomes()
        for arrived, _, issued, right in arrivals:
            on_time = arrived - issued <= maturity
            expected.add((RIGHT if right else WRONG) if on_time else Outcomes(late=1))
        rng = random.Random(seed)  # noqa: S311 - nothing secret
        rng.shuffle(arrivals)
        book = Book()
        labels = labels_of(book, Rule(maturity_seconds=maturity))
        for arrived, sequence, issued, right in sorted(arrivals, key=lambda arrival: arrival[0]):
            if rng.random() < 0.3:
                labels.mature(arrived)
            labels.give(receipt(sequence, issued), STAMP, int(right), None, arrived)
        labels.mature(NOW + 20_000)
        assert book.outcomes_of(STAMP) == expected


class TestAssumption:
    """No chargeback in 7 days means legitimate."""

    rule = Rule(assume=Assumption("0", WEEK), max_age_seconds=2 * WEEK)

    @staticmethod
    def issue(labels: Labels, *predictions: int) -> None:
        for prediction in predictions:
            labels.issued(STAMP, NOW, [prediction])

    def test_what_is_unlabelled_at_that_age_counts_as_the_label(self, book: Book) -> None:
        labels = labels_of(book, self.rule)
        self.issue(labels, 0, 0, 1, 1)
        labels.give(receipt(1), STAMP, 1, None, NOW + 10)
        labels.mature(NOW + WEEK - 1)
        assert book.kept == {STAMP: RIGHT}
        labels.mature(NOW + WEEK + WEEK // 1024 + 1)
        cells = {("1", "1"): PARTS, ("0", "0"): 2 * PARTS, ("1", "0"): PARTS}
        assert book.kept == {STAMP: Outcomes(4 * PARTS, PARTS, cells)}

    def test_a_label_after_it_is_late(self, book: Book) -> None:
        labels = labels_of(book, self.rule)
        self.issue(labels, 1)
        labels.mature(NOW + WEEK + 1000)
        assert labels.give(receipt(1), STAMP, 1, None, NOW + WEEK + 1000) is Result.LATE
        assert book.kept == {STAMP: Outcomes(PARTS, PARTS, {("1", "0"): PARTS}, late=1)}

    def test_a_label_after_it_is_no_answer_to_another_prediction(self, book: Book) -> None:
        labels = labels_of(book, self.rule)
        self.issue(labels, 1)
        labels.mature(NOW + WEEK + 1000)
        labels.give(receipt(1), STAMP, 1, None, NOW + WEEK + 1000)
        labels.issued(STAMP, NOW + WEEK, [1])
        labels.mature(NOW + 3 * WEEK)
        assert book.kept[STAMP].trials == 2 * PARTS

    def test_a_late_label_is_an_answer_all_the_same(self, book: Book) -> None:
        labels = labels_of(book, self.rule._replace(maturity_seconds=100))
        self.issue(labels, 1)
        assert labels.give(receipt(1), STAMP, 1, None, NOW + 200) is Result.LATE
        labels.mature(NOW + 2 * WEEK)
        assert book.kept == {STAMP: Outcomes(late=1)}

    def test_the_rows_of_a_batch_are_assumed_in_parts(self, book: Book) -> None:
        labels = labels_of(book, self.rule)
        labels.issued(STAMP, NOW, [0, 1, 1])
        labels.mature(NOW + 2 * WEEK)
        third = PARTS // 3
        assert book.kept == {STAMP: Outcomes(PARTS, 2 * third, {("0", "0"): third, ("1", "0"): 2 * third})}

    def test_a_clock_that_differs_a_little_assumes_nothing_twice(self, book: Book) -> None:
        labels = labels_of(book, self.rule)
        for n in range(100):
            labels.give(receipt(n + 1, NOW), STAMP, 1, None, NOW + 5)
            labels.issued(STAMP, NOW + 700, [1])
        labels.mature(NOW + 2 * WEEK)
        assert book.kept[STAMP].trials == 100 * PARTS

    def test_what_has_no_room_is_not_assumed(self, book: Book) -> None:
        labels = labels_of(book, self.rule)
        for n in range(200_000):
            labels.issued(f"stamp {n}", NOW, [1])
        labels.mature(NOW + 2 * WEEK)
        assert (len(book.kept), labels.unassumed) == (100_000, 100_000)

    @given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([None, 0, 1]), st.integers(0, 2000)), max_size=30))
    def test_every_prediction_counts_once(self, predictions: list[tuple[int, int | None, int]]) -> None:
        book, expected = Book(), Outcomes()
        labels = labels_of(book, Rule(assume=Assumption(0, 1000)))
        for n, (predicted, label, delay) in enumerate(predictions):
            labels.issued(STAMP, NOW, [predicted])
            on_time = label is not None and delay <= 1000
            truth = label if label is not None and on_time else 0
            expected.add(
                Outcomes(
                    PARTS,
                    0 if truth == predicted else PARTS,
                    {(str(predicted), str(truth)): PARTS},
                    late=int(label is not None and not on_time),
                )
            )
            if label is not None and on_time:
                labels.give(receipt(n + 1, prediction=str(predicted)), STAMP, label, None, NOW + delay)
        labels.mature(NOW + 1002)
        for n, (predicted, label, delay) in enumerate(predictions):
            if label is not None and delay > 1000:
                labels.give(receipt(n + 1, prediction=str(predicted)), STAMP, label, None, NOW + 1002 + delay)
        assert book.outcomes_of(STAMP) == expected
