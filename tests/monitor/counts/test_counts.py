"""Counts add up: of two halves of the traffic, and of the rows of a batch."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from serinus.monitor.counts.counts import Counts
from serinus.monitor.counts.latency import bin_of
from serinus.monitor.counts.tally import Tally
from serinus.monitor.exchange import Outcome
from serinus.monitor.labels.outcomes import PARTS

REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(Outcome), st.integers(0, 70), st.sampled_from(["a", "b"]), st.integers(0, 4), st.booleans()
    )
)


def counts_of(requests: list[tuple[Outcome, int, str, int, bool]]) -> Counts:
    counts = Counts()
    for outcome, seconds, name, place, is_bad in requests:
        counts.routed += 1
        counts.requests[outcome] += 1
        counts.latency[bin_of(seconds)] += 1
        counts.checked += 1
        counts.violating += is_bad
        counts.violations.update([name] * is_bad)
        counts.undecoded.update([name] * is_bad)
        counts.predictions[name] += PARTS
        counts.predicted += place
        counts.predicted_squares += place * place
        for tallies in (counts.features, counts.scores):
            tally = tallies.setdefault(name, Tally(5))
            tally.bins[place] += PARTS
            tally.total += place
            tally.squares += place * place
    return counts


@given(first=REQUESTS, second=REQUESTS)
def test_the_counts_of_two_halves_are_those_of_the_whole(
    first: list[tuple[Outcome, int, str, int, bool]], second: list[tuple[Outcome, int, str, int, bool]]
) -> None:
    total = Counts()
    total.add(counts_of(first))
    total.add(counts_of(second))
    assert total.document() == counts_of(first + second).document()


def test_adding_changes_nothing_in_what_is_added() -> None:
    part = counts_of([(Outcome.ANSWERED, 1, "a", 2, True)])
    before = msgspec.json.encode(part.document())
    total = Counts()
    total.add(part)
    total.add(part)
    assert msgspec.json.encode(part.document()) == before


def test_the_document_names_what_is_there_and_nothing_else() -> None:
    assert Counts().document() == {}
    counts = counts_of([(Outcome.SERVER_ERROR, 0, "a", 1, False)])
    assert json.loads(msgspec.json.encode(counts.document())) == {
        "routed": 1,
        "requests": {"SERVER_ERROR": 1},
        "latency": {"0": 1},
        "checked": 1,
        "features": {"a": {"bins": [0, PARTS, 0, 0, 0], "sum": 1.0, "squares": 1.0}},
        "predictions": {"a": PARTS},
        "predicted": 1.0,
        "predictedSquares": 1.0,
        "scores": {"a": {"bins": [0, PARTS, 0, 0, 0], "sum": 1.0, "squares": 1.0}},
    }


def test_what_labels_say_is_added_and_sent_with_the_rest() -> None:
    total, other = counts_of([]), counts_of([])
    total.outcomes.trials, other.outcomes.trials = 2, 3
    total.add(other)
    assert total.document() == {"outcomes": {"trials": 5}}
