"""What becomes of an exchange in the counts, whatever it holds."""

import json
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from serinus.monitor.counts.counting import MOST_ROWS, Counting
from serinus.monitor.counts.counts import Counts
from serinus.monitor.counts.ledger import UNKNOWN, Ledger
from serinus.monitor.exchange import Outcome
from serinus.monitor.labels.outcomes import PARTS
from serinus.monitor.profiles.anybins import AnyBins
from serinus.monitor.profiles.bins import MISSING, OTHER, signed_log_bins
from serinus.monitor.profiles.contract import Contract
from serinus.monitor.profiles.profile import MOST_CLASSES, MOST_FEATURES, Profile, read_profile
from serinus.monitor.protocols.bodies import Answer
from serinus.monitor.protocols.choice import decoder_for
from serinus.monitor.serving import Protocol, Serving
from tests.monitor.profiles.samples import AGE, AMOUNT, CITY, COUNTRY, MEMBER, PROFILE, encoded
from tests.monitor.servings import serving
from tests.monitor.watching import SPLIT, exchange

JSON = serving(features="features", prediction="label", score="score", task="Binary", warm_up_seconds=0)
GOOD_ROW = {"amount": 2.0, "country": "DE", "member": True}


@dataclass
class Monitor:
    """A model's counts, a clock that is turned by hand and requests to order."""

    serving: Serving = JSON
    profile: Profile | None = None
    now: float = 0.0
    ledger: Ledger = field(default_factory=lambda: Ledger("b"))

    def __post_init__(self) -> None:
        names = tuple(feature.name for feature in self.profile.features) if self.profile else ()
        decoder = decoder_for(self.serving, names)
        self.heard: list[tuple[int, list[Answer]]] = []
        self.counting = Counting(self.serving, self.profile, decoder, self.ledger, lambda: self.now)
        self.counting.issued = lambda exchange, answers: self.heard.append((exchange.sequence, answers))
        self.ledger.collect("", [SPLIT])

    def ask(self, request: object = None, answer: object = None, /, **changes: Any) -> "Monitor":  # noqa: ANN401
        bodies = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in (request, answer)]
        sizes = {"request_size": len(bodies[0]), "response_size": len(bodies[1])}
        self.counting.count(exchange(**{"request": bodies[0], "response": bodies[1], **sizes, **changes}))
        return self

    @property
    def counts(self) -> Counts:
        return self.ledger.total(SPLIT)

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(msgspec.json.encode(self.counts.document()))
        return document


def described(serving: Serving = JSON, **changes: object) -> Monitor:
    return Monitor(serving, read_profile(*encoded(PROFILE | changes)))


def test_a_request_with_a_profile_is_binned_by_it() -> None:
    document = described().ask({"features": GOOD_ROW}, {"label": 1, "score": 0.9}).document
    assert document == {
        "routed": 1,
        "requests": {"ANSWERED": 1},
        "latency": {"42": 1},
        "checked": 1,
        "features": {
            "amount": {"bins": [0, 0, 0, PARTS, 0, 0, 0], "sum": 2.0, "squares": 4.0},
            "country": {"bins": [PARTS, 0, 0, 0, 0], "sum": 0.0, "squares": 0.0},
            "member": {"bins": [0, PARTS, 0, 0], "sum": 0.0, "squares": 0.0},
        },
        "predictions": {"1": PARTS},
        "scores": {"1": {"bins": [0, PARTS, 0, 0], "sum": 0.0, "squares": 0.0}},
    }


def test_the_rows_of_a_batch_are_parts_of_one_request() -> None:
    rows = [GOOD_ROW | {"amount": amount} for amount in (0.0, 2.0, 2.5, None)]
    answer = {"label": [1, 0, 0, 0], "score": [0.9, 0.1, 0.1, 0.1]}
    document = described().ask({"features": rows}, answer).document
    assert document["features"]["amount"]["bins"] == [0, PARTS // 4, 0, PARTS // 2, 0, PARTS // 4, 0]
    assert document["features"]["amount"]["sum"] == pytest.approx(4.5 / 4)
    assert document["predictions"] == {"1": PARTS // 4, "0": PARTS * 3 // 4}
    assert (document["checked"], document["violating"]) == (1, 1)


@pytest.mark.parametrize(
    ("outcome", "latency", "predictions"),
    [
        (Outcome.ANSWERED, 1, 1),
        (Outcome.ABORTED, 1, 0),
        (Outcome.SERVER_ERROR, 0, 0),
        (Outcome.CONNECTION_FAILED, 0, 0),
        (Outcome.CLIENT_ERROR, 0, 0),
    ],
)
def test_every_outcome_counts_its_features_and_only_answers_predict(
    outcome: Outcome, latency: int, predictions: int
) -> None:
    document = Monitor().ask({"features": {"a": 1}}, {"label": 1}, outcome=outcome).document
    assert document["requests"] == {outcome.name: 1}
    assert sum(document.get("latency", {}).values()) == latency
    assert sum(document.get("predictions", {}).values()) == predictions * PARTS
    assert "a" in document["features"]


def test_a_request_that_asks_for_no_prediction_is_routed_and_no_more() -> None:
    assert Monitor().ask(method="GET").document == {"routed": 1, "others": 1}


def test_the_first_seconds_of_a_pod_count_as_routed_and_no_more() -> None:
    monitor = Monitor(serving(warm_up_seconds=60))
    monitor.now = 1000.0
    monitor.ask({}, {}, outcome=Outcome.SERVER_ERROR)
    monitor.now = 1059.9
    assert monitor.ask({}, {}).document == {"routed": 2}
    monitor.now = 1060.0
    assert monitor.ask({}, {}).document["requests"] == {"ANSWERED": 1}


def test_a_model_that_never_answers_does_not_warm_up_for_ever() -> None:
    monitor = Monitor(serving(warm_up_seconds=60))
    for monitor.now in (0.0, 30.0, 61.0):
        monitor.ask({}, {}, outcome=Outcome.SERVER_ERROR)
    assert monitor.document["requests"] == {"SERVER_ERROR": 1}


def test_whoever_waits_for_labels_hears_of_every_answer_that_counts() -> None:
    monitor = Monitor(serving(prediction="label", warm_up_seconds=60))
    monitor.ask({}, {"label": 1}, sequence=1)
    monitor.now = 61.0
    monitor.ask({}, {"label": 1}, sequence=2).ask({}, {"label": 0}, sequence=3, outcome=Outcome.ABORTED)
    monitor.ask({}, b"nonsense", sequence=4).ask(method="GET", sequence=5)
    assert monitor.heard == [(2, [Answer(1)]), (4, [])]


def test_traffic_that_no_rule_stamped_is_counted_apart() -> None:
    monitor = Monitor().ask({}, {}, stamp="").ask({}, {}, stamp="9-forged").ask({}, {})
    assert [monitor.ledger.total(stamp).routed for stamp in ("", SPLIT, UNKNOWN)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"request": b"{"}, "RequestNoJson"),
        ({"request": b"[" * 100_000}, "RequestTooDeep"),
        ({"request": bytes(range(256))}, "RequestNoJson"),
        ({"request": None, "request_size": 70_000}, "RequestNotCaptured"),
        ({"request": b" " * 2_000_000}, "RequestTooLarge"),
        ({"request": b'{"features": [[1], [1, 2]]}'}, "RequestWrongShape"),
        ({"response": b"Internal"}, "AnswerNoJson"),
        ({"response": None, "response_size": 70_000}, "AnswerNotCaptured"),
        ({"response": b'{"label": ["a", "b"]}'}, "AnswerWrongShape"),
        ({"response": b"{}"}, "AnswerNothingFound"),
    ],
)
def test_what_cannot_be_read_is_counted_with_its_reason_and_the_rest_is_counted_too(
    changes: dict[str, Any], reason: str
) -> None:
    document = Monitor().ask({"features": {"a": 1}}, {"label": 1}, **changes).document
    assert document["undecoded"] == {reason: 1}
    assert document["requests"] == {"ANSWERED": 1}
    assert ("predictions" in document) == reason.startswith("Request")
    assert ("features" in document) == reason.startswith("Answer")


def test_a_body_that_an_aborted_request_never_sent_is_no_flaw() -> None:
    document = Monitor().ask(outcome=Outcome.ABORTED, request=None, request_size=90).document
    assert "undecoded" not in document


def test_nan_is_an_invalid_value_and_stays_out_of_the_sums() -> None:
    monitor = described().ask(b'{"features": {"amount": NaN, "country": "DE", "member": true}}', {"label": 1})
    assert monitor.counts.features["amount"].bins[-1] == PARTS
    assert monitor.counts.features["amount"].total == 0.0
    assert monitor.document["violations"] == {"amount:type": 1}


def test_a_huge_number_does_not_spoil_the_sums() -> None:
    amount = described().ask({"features": GOOD_ROW | {"amount": 1e300}}).counts.features["amount"]
    assert (amount.total, amount.squares) == (0.0, 0.0)


def test_violations_count_requests_by_rule() -> None:
    monitor = described()
    monitor.ask({"features": [GOOD_ROW | {"amount": 99.0}, GOOD_ROW | {"amount": 98.0}, {"amount": 1.0, "x": 2}]})
    document = monitor.ask({"features": GOOD_ROW}).document
    assert (document["checked"], document["violating"]) == (2, 1)
    assert document["violations"] == {"amount:range": 1, "member:missing": 1, ":unknown": 1}


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 130),
    st.floats(-1, 130, allow_nan=False),
    st.sampled_from(["DE", "FR", "AT", "XX", "", 0.0, 1.5, 3.0, 9.5, float("nan"), float("inf"), 10**400, [1], {}]),
)
WHOLE_ROW = {"amount": 2.0, "age": 41, "country": "DE", "city": "FR", "member": True}
AGE_OF_SAFE_BINS = AGE | {"edges": [20.0, 60.0], "atoms": [], "counts": [1, 7, 2, 0, 0]}
CHANGES = st.dictionaries(st.sampled_from([*WHOLE_ROW, "other"]), VALUES, max_size=3)
LESS = st.sets(st.sampled_from(sorted(WHOLE_ROW)), max_size=1)


@st.composite
def rows_like_it(draw: st.DrawFn) -> dict[str, Any]:
    """Return a row that is nearly as agreed."""
    gone = draw(LESS)
    return {name: value for name, value in (WHOLE_ROW | draw(CHANGES)).items() if name not in gone}


@given(rows=st.lists(rows_like_it(), min_size=1, max_size=3))
@example([WHOLE_ROW | {"other": 1}])
@example([WHOLE_ROW | {"age": 41.5}])
def test_no_violation_is_overlooked_where_rows_are_not_held_against_the_contract(rows: list[dict[str, Any]]) -> None:
    profile = read_profile(*encoded(PROFILE | {"features": [AMOUNT, AGE_OF_SAFE_BINS, COUNTRY, CITY, MEMBER]}))
    monitor = Monitor(JSON, profile)
    monitor.counting._count_rows(rows, monitor.ledger.open(SPLIT))  # noqa: SLF001 - JSON has no such values
    expected = {rule for row in rows for rule in Contract(profile).violations(row)}
    assert set(monitor.counts.violations) == expected
    bins = {feature.name: feature.bins() for feature in profile.features}
    for name, tally in monitor.counts.features.items():
        places = {bins[name].index(row.get(name)) for row in rows}
        assert {place for place, parts in enumerate(tally.bins) if parts} == places
        assert sum(tally.bins) == PARTS


def test_features_that_nobody_knows_have_bins_and_little_room() -> None:
    monitor = Monitor()
    for number in range(50):
        monitor.ask({"features": {f"f{number}.{each}": each for each in range(20)}})
    monitor.ask({"features": {"f0.1": 1, "a" * 300: 1}})
    assert len(monitor.counts.features) == MOST_FEATURES
    assert monitor.counting.drops == {"features": 1000 - MOST_FEATURES + 1}
    assert sum(monitor.counts.features["f0.1"].bins) == 2 * PARTS


def test_the_room_for_features_is_that_of_the_process_and_not_of_each_split() -> None:
    monitor = Monitor()
    for stamp in ("", SPLIT, "9-x"):
        monitor.ask({"features": {f"{stamp}{number}": 1 for number in range(150)}}, stamp=stamp)
    assert sum(len(monitor.ledger.total(stamp).features) for stamp in ("", SPLIT, UNKNOWN)) == MOST_FEATURES


def test_a_thousand_classes_have_the_room_of_a_hundred() -> None:
    monitor = Monitor(serving(prediction="label", score="score", task="Multiclass", warm_up_seconds=0))
    for number in range(1000):
        monitor.ask({"a": 1}, {"label": f"class {number}", "score": 0.5})
    predictions = monitor.counts.predictions
    assert len(predictions) == MOST_CLASSES + 1 == len(monitor.counts.scores)
    assert predictions[OTHER] == 900 * PARTS


def test_the_classes_of_the_profile_have_their_room_whoever_comes_before() -> None:
    monitor = described()
    for number in range(2, 200):
        monitor.ask({"features": GOOD_ROW}, {"label": number})
    monitor.ask({"features": GOOD_ROW}, {"label": 1})
    assert monitor.counts.predictions["1"] == PARTS


@pytest.mark.parametrize(
    ("label", "name"),
    [
        (1, "1"),
        (1.0, "1"),
        (True, "1"),
        ("1", "1"),
        (None, None),
        ([1, [2]], None),
        ("other", '"other"'),
        ("x" * 101, OTHER),
    ],
)
def test_a_class_has_one_name(label: object, name: str | None) -> None:
    predictions = Monitor().ask({"features": {}}, {"label": label}).counts.predictions
    assert predictions == ({} if name is None else {name: PARTS})


@pytest.mark.parametrize(
    ("task", "label", "name", "total"),
    [
        ("Regression", 3.5, "from 2 to 5", 3.5),
        ("Regression", "x", "invalid", 0.0),
        (None, 3.5, "from 2 to 5", 0.0),
        (None, "x", "x", 0.0),
    ],
)
def test_predicted_numbers_are_binned(task: Any, label: object, name: str, total: float) -> None:  # noqa: ANN401
    monitor = Monitor(serving(prediction="label", task=task, warm_up_seconds=0)).ask({"a": 1}, {"label": label})
    assert monitor.counts.predictions == {name: PARTS}
    assert monitor.counts.predicted == total


def test_a_huge_batch_is_counted_by_some_of_its_rows() -> None:
    monitor = Monitor(serving("KServeV1", warm_up_seconds=0))
    instances, predictions = [{"a": number} for number in range(1000)], list(range(1000))
    monitor.ask({"instances": instances}, {"predictions": predictions}, path="/v1/models/m:predict")
    assert sum(monitor.counts.features["a"].bins) == PARTS == sum(monitor.counts.predictions.values())
    assert monitor.counting.drops == {"rows": 1000 - MOST_ROWS}
    assert monitor.counts.features["a"].total == pytest.approx(499.5, rel=0.01)


@given(value=st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_any_value_has_a_bin_without_a_profile(value: object) -> None:
    bins = AnyBins()
    label = bins.labels[bins.index(value)]
    assert (label == MISSING) == (value is None)
    assert label.startswith("text ") == isinstance(value, str)


def test_the_bins_without_a_profile_never_change() -> None:
    assert AnyBins.labels[: len(signed_log_bins().labels)] == signed_log_bins().labels
    assert len(set(AnyBins.labels)) == len(AnyBins.labels) == 86


PROTOCOLS: tuple[Protocol, ...] = ("JSON", "OpenInferenceV2", "KServeV1", "OpenAI")
PATHS = ("/predict", "/v2/models/m/infer", "/v1/models/m:predict", "/v1/completions")


@given(
    protocol=st.sampled_from(PROTOCOLS),
    bodies=st.tuples(st.binary(max_size=60) | st.none(), st.binary(max_size=60) | st.none()),
    path=st.sampled_from(PATHS) | st.text(max_size=9),
    outcome=st.sampled_from(Outcome),
    has_profile=st.booleans(),
)
def test_nothing_breaks_the_counting(
    protocol: Protocol, bodies: tuple[bytes | None, bytes | None], path: str, outcome: Outcome, *, has_profile: bool
) -> None:
    profile = read_profile(*encoded(PROFILE)) if has_profile else None
    monitor = Monitor(serving(protocol, prediction="a", warm_up_seconds=0), profile)
    monitor.ask(path=path, outcome=outcome, request=bodies[0], response=bodies[1])
    assert monitor.counts.routed == 1
