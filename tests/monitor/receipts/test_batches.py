"""What a receipt says of a batch, and whose word counts when its labels come."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.monitor.labels.judge import MOST_ROWS, UnfitError, Value
from serinus.monitor.labels.labels import Result
from serinus.monitor.labels.outcomes import PARTS, Outcomes
from serinus.monitor.receipts.batches import proves, sealed
from serinus.monitor.receipts.receipts import LONGEST, LONGEST_ROWS, Receipt, Signer, verify
from tests.monitor.books import NOW, STAMP, Book, labels_of, receipt
from tests.monitor.keyring import keys_in
from tests.monitor.values import VALUES

HALF = PARTS // 2
ONE_WRONG = Outcomes(PARTS, HALF, {("1", "1"): HALF, ("0", "1"): HALF})


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([1, 0, 1], "[1,0,1]"),
        ([True, None, "cat"], '[1,null,"cat"]'),
        ([0.123456789, 1e6], "[0.123457,1e+06]"),
        ([[1], {}, float("nan"), ""], "[null,null,null,null]"),
        (['a"b', "é"], '["a\\"b","é"]'),
    ],
)
def test_what_fits_stands_in_the_receipt(rows: list[object], text: str) -> None:
    assert sealed(rows) == text


@given(st.lists(VALUES, max_size=40))
def test_whatever_a_model_says_is_bounded_json(rows: list[object]) -> None:
    text = sealed(rows)
    assert len(text.encode()) <= LONGEST_ROWS
    assert isinstance(json.loads(text), list | str)


def test_nothing_is_said_of_more_rows_than_can_be_labelled() -> None:
    assert sealed([1] * (MOST_ROWS + 1)) == ""
    assert sealed([1] * MOST_ROWS) != ""


def test_the_longest_receipt_is_read(tmp_path: Path) -> None:
    keys = keys_in(tmp_path)
    signer = Signer(keys, "2001:db8::1", "0011223344", 10**15)
    rows = sealed(["x" * 100] * 4 + ["y" * 95])
    _, text = signer.sign(STAMP, 10**11, "", rows=rows)
    read = verify(text, keys)
    assert isinstance(read, Receipt)
    assert read.prediction == ["x" * 100] * 4 + ["y" * 95]
    assert len(rows) > LONGEST_ROWS - 10
    assert len(text) < LONGEST


@pytest.mark.parametrize("rows", ["[1", "{}", "1", "[[1]]", "[" * 400])
def test_what_is_no_batch_is_refused(tmp_path: Path, rows: str) -> None:
    keys = keys_in(tmp_path)
    _, text = Signer(keys, "192.0.2.7", "0011223344", 10**12).sign("", 1, "", rows=rows)
    assert verify(text, keys) == "malformed"


def of_batch(rows: list[Value | None], digest: str = "") -> Receipt:
    return receipt(1)._replace(prediction=rows or "", digest=digest)


def test_a_label_is_compared_with_the_rows_of_the_receipt_whatever_its_sender_says() -> None:
    book = Book()
    given_ = labels_of(book).give(of_batch([1, 0]), STAMP, [1, 1], [1, 1], NOW)
    assert (given_, book.kept) == (Result.COUNTED, {STAMP: ONE_WRONG})


class TestLargeBatch:
    """Its predictions do not fit, so that the sender of labels repeats them."""

    predicted: list[Value | None] = [1, 0] * 200
    digest = json.loads(sealed(predicted))

    def test_what_was_predicted_counts(self) -> None:
        book = Book()
        labels_of(book).give(of_batch([], self.digest), STAMP, [1] * 400, self.predicted, NOW)
        assert book.kept[STAMP].errors == HALF

    @pytest.mark.parametrize("said", [None, [1] * 400, 1, [1, 0]])
    def test_anything_else_does_not(self, said: list[Value | None] | None) -> None:
        book = Book()
        labels = labels_of(book)
        with pytest.raises(UnfitError, match="as they stood in the answer"):
            labels.give(of_batch([], self.digest), STAMP, [1] * 400, said, NOW)
        assert book.kept == {}
        assert labels.give(of_batch([], self.digest), STAMP, [1] * 400, self.predicted, NOW) is Result.COUNTED

    def test_numbers_prove_themselves_however_they_are_written(self) -> None:
        exact: list[Value | None] = [row / 7 for row in range(100)]
        digest = json.loads(sealed(exact))
        assert proves(digest, [float(f"{row / 7:.9f}") for row in range(100)])
        assert not proves(digest, [row / 6.99 for row in range(100)])
