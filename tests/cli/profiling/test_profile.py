"""What `kubectl serinus profile` makes of training data: the same from every format, and what a plain count gives."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serinus.cli.profiling import trainingfile
from serinus.cli.profiling.configmap import content_of, manifest, name_of
from serinus.cli.profiling.profile import profile_of
from serinus.cli.profiling.progress import Progress
from serinus.cli.profiling.trainingfile import training_file
from serinus.monitor.profiles.features import CategoryContract, CategoryFeature, Feature, NumberFeature
from serinus.monitor.profiles.profile import Profile, read_profile
from tests.cli.profiling.samples import ASKED, TRAINING, Rows, Terminal, arguments, table, write

GOLDEN = Path(__file__).parent / "golden" / "training.yaml"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


def counted(feature: Feature, values: list[Any]) -> tuple[int, ...]:
    """Count values one by one, as a monitor does."""
    bins = feature.bins()
    counts = Counter(bins.index(value) for value in values)
    return tuple(counts[place] for place in range(len(bins.labels)))


def made_of(file: Path, **more: object) -> Profile:
    """Make a profile of blocks of a few rows, and of a small sample."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainingfile, "BLOCK", 7)
        patch.setattr("serinus.cli.profiling.reference.SIZE", 16)
        return profile_of(training_file(file), arguments(file, **more), Progress(sys.stderr))


def test_the_profile_of_known_data_never_changes(tmp_path: Path, terminal: Terminal) -> None:
    """Its hash is part of every revision: with another one, all models would be rolled out anew."""
    file = write(tmp_path / "training.parquet", table(TRAINING))
    assert terminal.run("profile", file, *ASKED)[1] == GOLDEN.read_text()


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.arrow", "a.ipc", "stream.arrow", "a.feather", "A.PARQUET"])
@pytest.mark.parametrize("batch", [1, 5, 100])
def test_every_format_gives_the_same(tmp_path: Path, terminal: Terminal, name: str, batch: int) -> None:
    file = write(tmp_path / name, table(TRAINING), batch)
    assert terminal.run("profile", file, *ASKED, "--name", "training")[1] == GOLDEN.read_text()


def test_it_is_an_immutable_configmap_whose_name_is_the_hash_of_what_it_holds(
    tmp_path: Path, terminal: Terminal
) -> None:
    output = tmp_path / "fraud.yaml"
    code, shown, _ = terminal.run("profile", write(tmp_path / "a.csv", table(TRAINING)), "-o", output)
    configmap = yaml.safe_load(output.read_text())
    name = configmap["metadata"]["name"]
    assert code == 0
    assert (configmap["kind"], configmap["immutable"], [*configmap["data"]]) == ("ConfigMap", True, ["profile.json"])
    assert name.startswith("fraud-")
    assert read_profile(configmap["data"]["profile.json"].encode(), name).rows == 12
    assert f"profileRef: {{name: {name}}}" in shown


def test_what_was_made_is_told(tmp_path: Path, terminal: Terminal) -> None:
    file = write(tmp_path / "training.parquet", table(TRAINING | {"city": [f"city {n}" for n in range(12)]}))
    _, _, shown = terminal.run("profile", file, *ASKED)
    name = yaml.safe_load(terminal.run("profile", file, *ASKED)[1])["metadata"]["name"]
    assert (
        shown
        == f"""\
ConfigMap {name}: 12 rows

FEATURE  KIND      MAY BE MISSING  VALUES
amount   Number    yes             -1 to 9
age      Integer   no              18 to 90
country  Category  yes             AT, CH, DE
member   Boolean   yes             false, true
city     Category  no              city 0, city 1, city 10, city 11, city 2 and 7 more

Target y: 0 54.5%, 1 45.5%; positive is 1
Scores of 10 rows tell how often each is right
To use it: kubectl apply --server-side -n NAMESPACE -f FILE, and in the ModelDeployment

  monitoring:
    profileRef: {{name: {name}}}
"""
    )


NUMBER = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, -1.0])
ROW = st.tuples(
    NUMBER | st.none(),
    st.integers(-5, 5),
    st.sampled_from(["a", "b", "c", "other", ""]) | st.none(),
    st.booleans() | st.none(),
    st.sampled_from(["yes", "no"]) | st.none(),
    st.floats(0, 1) | st.none(),
    st.sampled_from(["yes", "no"]) | st.none(),
)
SCHEMA = pa.schema(
    [
        *(("number", pa.float64()), ("whole", pa.int32()), ("text", pa.string()), ("truth", pa.bool_())),
        *(("target", pa.string()), ("score", pa.float32()), ("predicted", pa.string())),
    ]
)
FULL = (1.0, 1, "a", True, "yes", 0.5, "no"), (2.0, 2, "b", False, "no", 0.25, "yes")
ROLES = {"target": "target", "positive": "yes", "score": "score", "prediction": "predicted"}


def as_table(rows: list[tuple[Any, ...]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in (*FULL, *rows)], SCHEMA)


ANY_ROWS = given(st.lists(ROW, max_size=60))
SOME_EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ANY_ROWS
@SOME_EXAMPLES
def test_counts_are_what_a_monitor_would_count(tmp_path: Path, rows: list[tuple[Any, ...]]) -> None:
    data = as_table(rows)
    profile = made_of(write(tmp_path / "a.parquet", data), **ROLES)
    for feature in profile.features:
        values = data[feature.name].to_pylist()
        assert feature.counts == counted(feature, values)
        assert feature.contract.missing_allowed == (None in values)
        there = [value for value in values if value is not None]
        if isinstance(feature, NumberFeature):
            assert (feature.contract.minimum, feature.contract.maximum) == (min(there), max(there))
            assert feature.sum == pytest.approx(sum(there), rel=1e-9, abs=1e-6)
            assert feature.sum_of_squares == pytest.approx(sum(value**2 for value in there), rel=1e-9)
        if isinstance(feature, CategoryFeature):
            assert feature.contract.values == tuple(sorted(set(there)))


@ANY_ROWS
@SOME_EXAMPLES
def test_scores_are_what_a_monitor_would_count(tmp_path: Path, rows: list[tuple[Any, ...]]) -> None:
    data = as_table(rows)
    profile = made_of(write(tmp_path / "a.parquet", data), **ROLES)
    known = [row for row in data.to_pylist() if None not in (row["target"], row["score"], row["predicted"])]
    assert sum(sum(scores.counts) for scores in profile.scores) == len(known)
    for scores in profile.scores:
        bins = scores.bins()
        of_class = [row for row in known if row["predicted"] == scores.predicted]
        counts = Counter(bins.index(row["score"]) for row in of_class)
        positives = Counter(bins.index(row["score"]) for row in of_class if row["target"] == "yes")
        assert scores.counts == tuple(counts[place] for place in range(len(bins.labels)))
        assert scores.positives == tuple(positives[place] for place in range(len(bins.labels)))


@given(rows=st.lists(ROW, max_size=60), batches=st.tuples(*[st.integers(1, 70)] * 2))
@SOME_EXAMPLES
def test_the_size_of_batches_does_not_matter(
    tmp_path: Path, rows: list[tuple[Any, ...]], batches: tuple[int, int]
) -> None:
    one, other = (
        content_of(made_of(write(tmp_path / f"{number}.arrow", as_table(rows), batch), **ROLES))
        for number, batch in enumerate(batches)
    )
    assert one == other


@pytest.mark.parametrize("batch", [1, 6, 7, 8, 20, 100])
def test_blocks_have_the_same_size_however_a_file_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(trainingfile, "BLOCK", 7)
    file = training_file(write(tmp_path / "a.arrow", table({"x": list(range(20))}), batch))
    blocks = [block["x"].to_pylist() for block, _ in file.blocks(["x"])]
    assert blocks == [[*range(7)], [*range(7, 14)], [*range(14, 20)]]


@pytest.mark.parametrize("name", ["ä", "\u2028", "\x7f\x85\ufeff", '"\\', "\U0001f426", "\U000e0001", "a: b #", " "])
def test_the_yaml_holds_the_content_byte_by_byte(tmp_path: Path, name: str) -> None:
    rows = {name: [f"{name}{number}" for number in range(3)]}
    content = content_of(made_of(write(tmp_path / "a.parquet", table(rows))))
    text = manifest(name_of("a", content), content)
    assert yaml.safe_load(text)["data"]["profile.json"].encode() == content
    assert read_profile(content, name_of("a", content)).features[0].name == name


def test_classes_without_a_positive_one_are_scored_by_what_was_predicted(tmp_path: Path, terminal: Terminal) -> None:
    rows: Rows = {"x": [1, 2, 3, 4], "y": ["a", "b", "c", "a"], "c": ["a", "b", "b", "c"], "p": [0.9, 0.8, 0.5, 0.4]}
    file = write(tmp_path / "a.parquet", table(rows))
    profile = terminal.profile(file, *ASKED, "--prediction", "c")
    assert [(scores.predicted, sum(scores.counts), sum(scores.positives)) for scores in profile.scores] == [
        ("a", 1, 1),
        ("b", 2, 1),
        ("c", 1, 0),
    ]
    assert isinstance(profile.prediction, CategoryFeature)
    assert profile.prediction.top == ("b", "a", "c")
    assert [feature.name for feature in profile.features] == ["x"]


def test_a_number_can_be_target_and_prediction(tmp_path: Path, terminal: Terminal) -> None:
    rows: Rows = {"x": [1, 2], "y": [0.5, 1.5], "f": [0.25, 1.75]}
    file = write(tmp_path / "a.csv", table(rows))
    profile = terminal.profile(file, "--target", "y", "--prediction", "f")
    assert profile.target is not None
    assert profile.target.counts is None
    assert isinstance(profile.prediction, NumberFeature)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ((), ["amount", "age", "country", "member", "y", "p"]),
        (ASKED, ["amount", "age", "country", "member"]),
        (("--exclude", "y", "p", "age"), ["amount", "country", "member"]),
        (("--features", "member", "age", "age"), ["member", "age"]),
        (("--features", "age", *ASKED), ["age"]),
    ],
)
def test_the_features_are_all_other_columns_or_those_that_are_named(
    tmp_path: Path, terminal: Terminal, words: tuple[str, ...], names: list[str]
) -> None:
    file = write(tmp_path / "a.parquet", table(TRAINING))
    assert [feature.name for feature in terminal.profile(file, *words).features] == names


def test_the_rows_of_a_frame_are_no_feature(tmp_path: Path, terminal: Terminal) -> None:
    file = write(tmp_path / "a.parquet", table({"x": [1], "__index_level_0__": [0]}))
    assert [feature.name for feature in terminal.profile(file).features] == ["x"]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_numbers_that_are_codes_are_texts(tmp_path: Path, terminal: Terminal, ending: str) -> None:
    file = write(tmp_path / f"a{ending}", table({"code": [3, 1, 3]}))
    (feature,) = terminal.profile(file, "--category", "code").features
    assert isinstance(feature, CategoryFeature)
    assert (feature.contract.values, feature.bins().labels[feature.bins().index(3)]) == (("1", "3"), "3")


@pytest.mark.parametrize(
    ("texts", "kind", "missing"),
    [
        ("1 2 3", "Integer", 0),
        ("1 2.5 1e3", "Number", 0),
        ("1 NA NaN", "Integer", 2),
        ("true FALSE null", "Boolean", 1),
        ("a b NA", "Category", 0),
        ("2026-01-01 2026-01-02 2026-01-03", "Category", 0),
        ("99999999999999999999 1 2", "Number", 0),
    ],
)
def test_the_types_of_csv_are_those_of_all_texts(
    tmp_path: Path, terminal: Terminal, texts: str, kind: str, missing: int
) -> None:
    file = tmp_path / "a.csv"
    file.write_text("\n".join(("x,other", *(f"{text},1" for text in texts.split()))))
    feature = terminal.profile(file).features[0]
    found = feature.contract.type if isinstance(feature, NumberFeature) else type(feature).__name__[: -len("Feature")]
    assert (found, counted_missing(feature)) == (kind, missing)


def counted_missing(feature: Feature) -> int:
    return feature.counts[feature.bins().labels.index("missing")]


def test_texts_of_many_values_are_not_listed_and_rare_ones_are_not_shown(tmp_path: Path, terminal: Terminal) -> None:
    mails = [f"{number}@example.com" for number in range(300)]
    file = write(tmp_path / "a.parquet", table({"mail": [*mails, *["none"] * 100]}))
    (feature,) = terminal.profile(file).features
    assert isinstance(feature, CategoryFeature)
    assert (feature.contract.values, feature.top, feature.counts) == (None, ("none",), (100, 300, 0, 0))


def test_values_beyond_what_is_remembered_are_counted_all_the_same(
    tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serinus.cli.profiling.columns.MOST_REMEMBERED", 10)
    monkeypatch.setattr(trainingfile, "BLOCK", 50)
    values = [text for number in range(400) for text in ("often", f"v{number}")]
    (feature,) = terminal.profile(write(tmp_path / "a.parquet", table({"x": values}))).features
    assert isinstance(feature, CategoryFeature)
    assert (feature.contract.values, feature.top, feature.counts) == (None, ("often",), (400, 400, 0, 0))


@pytest.mark.parametrize("type_", [pa.int8(), pa.uint64(), pa.float16(), pa.float32(), pa.decimal128(21, 2)])
def test_every_type_of_number(tmp_path: Path, terminal: Terminal, type_: pa.DataType) -> None:
    file = write(tmp_path / "a.arrow", pa.table({"x": pa.array([1, 2, 3]).cast(type_)}))
    (feature,) = terminal.profile(file).features
    assert isinstance(feature, NumberFeature)
    assert feature.sum == 6


@pytest.mark.parametrize("type_", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())])
@pytest.mark.parametrize("name", ["a.parquet", "stream.arrow"])
def test_every_type_of_text(tmp_path: Path, terminal: Terminal, type_: pa.DataType, name: str) -> None:
    parts = [pa.array(values).cast(type_) for values in (["a", "b"], ["a", "c"])]
    file = write(tmp_path / name, pa.table({"x": pa.chunked_array(parts)}), batch=2)
    (feature,) = terminal.profile(file).features
    assert isinstance(feature, CategoryFeature)
    assert (feature.top, feature.counts) == (("a", "b", "c"), (2, 1, 1, 0, 0, 0))


def test_whole_numbers_that_are_declared_categories_are_codes(tmp_path: Path, terminal: Terminal) -> None:
    file = write(tmp_path / "a.arrow", pa.table({"x": pa.array([7, 8, 7]).dictionary_encode()}), batch=100)
    (feature,) = terminal.profile(file).features
    assert isinstance(feature, CategoryFeature)
    assert feature.top == ("7", "8")


def test_a_text_of_csv_may_have_several_lines(tmp_path: Path, terminal: Terminal) -> None:
    file = tmp_path / "a.csv"
    file.write_text('x,y\n"a\nb",1\n"a\nb",2\n')
    assert terminal.profile(file).features[0].contract == CategoryContract(values=("a\nb",), missing_allowed=False)


def test_it_needs_no_package_to_talk_to_a_cluster() -> None:
    program = "import sys; import serinus.cli.profiling.profile; sys.exit('kubernetes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("package", "extra", "words"),
    [("pyarrow", "profile", ["profile", "a.csv"]), ("kubernetes", "cli", ["status", "fraud"])],
)
def test_what_is_not_installed_is_named(package: str, extra: str, words: list[str]) -> None:
    program = (
        f"import sys; sys.modules[{package!r}] = None; sys.argv[1:] = {words!r}\n"
        "from serinus.cli.main import main; sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"kubectl serinus: {package} is not installed: pip install 'serinus[{extra}]'\n"
