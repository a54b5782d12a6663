"""Data that no profile can be made of: one sentence says which column it is, and what to do."""

import os
from pathlib import Path

import pyarrow as pa
import pytest

from serinus.cli.failure import Failure
from serinus.cli.profiling.trainingfile import TrainingFile, training_file
from tests.cli.profiling.samples import TRAINING, Rows, Terminal, table, write

GOOD: Rows = {"x": [1.0, 2.0], "y": [0, 1], "p": [0.25, 0.75]}
SCORED = ("--target", "y", "--score", "p")
NO_NUMBER = "column {} holds NaN or infinity: write a missing value as null, or leave it out by --exclude "
MIXED = (
    'column x mixes 2 numbers with 1 texts such as "oops": correct it, name it by --category if it is codes, '
    "or leave it out by --exclude x"
)
ONLY_MISSING = "column {} holds nothing but missing values: leave it out by --exclude {}"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


def of_type(type_: pa.DataType) -> pa.Table:
    return pa.table({"x": pa.nulls(2, type_), "ok": pa.array([1, 2])})


@pytest.mark.parametrize(
    ("rows", "words", "sentence"),
    [
        ({}, ("--target", "truth"), "no column is called truth: there are x, y, p"),
        ({}, ("--features", "x", "z"), "no column is called z: there are x, y, p"),
        ({}, ("--exclude", "z"), "no column is called z: there are x, y, p"),
        ({}, ("--exclude", "x", "y", "p"), "no column is left to be a feature"),
        ({}, ("--score", "p"), "--score tells how right it is only beside the truth: name its column by --target"),
        ({"x": [None, None]}, (), ONLY_MISSING.format("x", "x")),
        ({"y": [None, None]}, SCORED, ONLY_MISSING.format("y", "y")),
        ({"x": [1.0, float("nan")]}, (), NO_NUMBER.format("x")),
        ({"x": [1.0, float("-inf")]}, (), NO_NUMBER.format("x")),
        ({"x": [1e200, 1.0]}, (), "column x holds numbers too large to be squared: scale it, or leave it out"),
        ({"p": [0.5, 1.5]}, SCORED, "column p is no probability: it holds 0.5 to 1.5"),
        ({"p": [-0.5, 0.5]}, SCORED, "column p is no probability: it holds -0.5 to 0.5"),
        ({"p": [0.5, float("nan")]}, SCORED, NO_NUMBER.format("p")),
        ({"p": ["low", "high"]}, SCORED, "--score p holds texts, and no probabilities"),
        ({"y": [1, 1]}, SCORED, "--score is for a target of classes: y has one class, 1"),
        ({"y": [0.5, 1.5]}, SCORED, "--score is for a target of classes: y has numbers"),
        (
            {"y": ["fraud", "ok"]},
            SCORED,
            "say by --positive of which class --score is the probability: y has 2 classes: fraud, ok",
        ),
        (
            {"y": ["fraud", "ok"]},
            (*SCORED, "--positive", "1"),
            "--positive 1 is not one of two classes: y has 2 classes: fraud, ok",
        ),
        (
            {"x": [1, 2, 3], "y": ["a", "b", "c"], "p": [0.5] * 3},
            SCORED,
            "name the column of predicted classes by --prediction: y has 3 classes: a, b, c",
        ),
        (
            {},
            (*SCORED, "--prediction", "x", "--name", "A"),
            '"A" cannot begin the name of a ConfigMap: name it by --name',
        ),
        ({}, ("--category", "x"), "--category x holds numbers: codes are texts or whole numbers"),
        ({"": [1, 2]}, (), 'a column has no name: leave it out by --exclude ""'),
        ({"n" * 201: [1, 2]}, (), "the name of a column has more than 200 characters: nnn"),
        ({f"f{number}": [1, 2] for number in range(198)}, (), "there are 201 features, and a profile has 200"),
    ],
)
def test_data_that_is_refused(
    tmp_path: Path, terminal: Terminal, rows: Rows, words: tuple[str, ...], sentence: str
) -> None:
    file = write(tmp_path / "a.parquet", table(GOOD | rows))
    assert sentence in terminal.complaint(file, *words)


@pytest.mark.parametrize(
    "type_",
    [
        *(pa.timestamp("us"), pa.date32(), pa.time64("us"), pa.duration("s"), pa.binary()),
        *(pa.list_(pa.int64()), pa.struct([("a", pa.int64())]), pa.map_(pa.string(), pa.int64())),
    ],
)
def test_a_type_that_is_no_feature_is_named_and_can_be_left_out(
    tmp_path: Path, terminal: Terminal, type_: pa.DataType
) -> None:
    file = write(tmp_path / "a.arrow", of_type(type_))
    assert terminal.complaint(file) == (
        f"column x is of type {type_}, and a profile is of numbers, texts and truth values: leave it out by --exclude x"
    )
    assert [feature.name for feature in terminal.profile(file, "--exclude", "x").features] == ["ok"]


def test_a_file_without_rows(tmp_path: Path, terminal: Terminal) -> None:
    for name in ("a.parquet", "a.arrow", "stream.arrow"):
        assert terminal.complaint(write(tmp_path / name, table(GOOD).slice(2))).endswith(f"{name} has no rows")


def test_two_columns_of_one_name(tmp_path: Path, terminal: Terminal) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])
    for name in ("a.csv", "a.parquet", "a.arrow"):
        assert terminal.complaint(write(tmp_path / name, twice)) == 'two columns are called "x": give one another name'


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.txt", "x\n1\n", "a.txt has none of the endings that say a format: .csv, .parquet, .arrow, .feather, .ipc"),
        ("a.csv", "", "a.csv is empty"),
        ("a.csv", "\n", "a.csv cannot be read as CSV: "),
        ("a.csv", "x,y\n", "a.csv has no rows"),
        ("a.csv", "x,y\n1\n", "a.csv cannot be read as CSV: CSV parse error: Expected 2 columns, got 1"),
        (
            "a.csv",
            "x,y\n1,2\n" + "3,4\n" * 9 + "5\n",
            "a.csv cannot be read as CSV: CSV parse error: Expected 2 columns",
        ),
        ("a.parquet", "x,y\n1,2\n", "a.parquet cannot be read as Parquet: "),
        ("a.arrow", "x,y\n1,2\n", "a.arrow cannot be read as Arrow: "),
        ("a.feather", "ARROW1\0\0rest", "a.feather cannot be read as Arrow: "),
        (
            "a.csv",
            "x,y\n1,a\n2,b\noops,c\n",
            MIXED,
        ),
        ("a.csv", "x,y\n1,\n2,\n", ONLY_MISSING.format("y", "y")),
        ("a.csv", "x\ninf\n1\n", "column x holds NaN or infinity"),
    ],
)
def test_a_file_that_is_refused(tmp_path: Path, terminal: Terminal, name: str, content: str, sentence: str) -> None:
    file = tmp_path / name
    file.write_text(content)
    assert sentence in terminal.complaint(file)


def test_bytes_that_are_no_text(tmp_path: Path, terminal: Terminal) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"x\n\xff\xfe\n")
    assert "a.csv cannot be read as CSV: " in terminal.complaint(file)


def test_files_that_are_not_there_or_cannot_be_read_twice(tmp_path: Path, terminal: Terminal) -> None:
    assert terminal.complaint(tmp_path / "a.csv").endswith("a.csv cannot be read: No such file or directory")
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    assert terminal.complaint(pipe).endswith("pipe.csv is no regular file: it is read several times")


def test_an_output_that_cannot_be_written(tmp_path: Path, terminal: Terminal) -> None:
    file = write(tmp_path / "a.parquet", table(TRAINING))
    sentence = terminal.complaint(file, "-o", tmp_path / "none" / "a.yaml")
    assert sentence.endswith("a.yaml cannot be written: No such file or directory")


@pytest.mark.parametrize("change", ["x,y\n1,2\n3,4\n5,6\n", "x,y\n5,6\n7,8\n", "x\n1\n", None])
def test_a_file_that_changes_between_the_passes(tmp_path: Path, change: str | None) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y\n1,2\n3,4\n")
    file = training_file(path)
    assert rows_of(file) == 2
    if change is None:
        path.unlink()
    else:
        path.write_text(change)
        os.utime(path, ns=(1, 1))
    with pytest.raises(Failure, match=r"a\.csv changed while it was read: try again when nobody writes to it"):
        rows_of(file)


def rows_of(file: TrainingFile) -> int:
    return sum(block.num_rows for block, _ in file.blocks(["x", "y"]))


def test_a_profile_that_no_configmap_holds(tmp_path: Path, terminal: Terminal) -> None:
    values = {f"f{number}": [f"{text:050}" for text in range(200)] for number in range(150)}
    sentence = terminal.complaint(write(tmp_path / "a.parquet", table(values)))
    assert sentence.endswith(" bytes, and a ConfigMap holds 1048576: name fewer --features")
