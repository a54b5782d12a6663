"""/metrics: what was counted, for people and dashboards. Called by server.py; the operator reads /evidence instead."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Final, Protocol

from serinus.monitor.core import Core, ProfileState
from serinus.monitor.counts.counts import Counts
from serinus.monitor.counts.latency import EDGES
from serinus.monitor.counts.ledger import UNKNOWN
from serinus.monitor.counts.predictions import UNPROFILED_SCORES
from serinus.monitor.counts.tally import Tally
from serinus.monitor.endpoints.exposition import Exposition, Family, Sample, Slices
from serinus.monitor.exchange import Outcome
from serinus.monitor.labels.labelling import Labelling
from serinus.monitor.labels.outcomes import PARTS
from serinus.monitor.profiles.anybins import AnyBins

EVERY: Final = 8
"""People need fewer buckets than the evidence: each is 2.1 times the one before."""
BUCKETS: Final = tuple((index, repr(EDGES[index])) for index in range(0, len(EDGES), EVERY))

Splits = Mapping[str, Counts]


class Source(Protocol):
    """Where exchanges come from: the ring, or the middleware."""

    def numbers(self) -> dict[str, int]:
        """Return how many came, and how many did not."""
        ...


class Metrics:
    """The series of one process."""

    def __init__(self, core: Core, source: Source, labelling: Labelling | None = None, *, restarts: int = 0) -> None:
        """`restarts` is how often the process was started before."""
        serving = core.serving
        self._core = core
        self._source = source
        self._labelling = labelling
        self._restarts = restarts
        self._exposition = Exposition(
            (("namespace", serving.namespace), ("deployment", serving.deployment), ("revision", serving.revision))
        )
        profile = core.profile
        self._feature_bins = {each.name: each.bins().labels for each in profile.features} if profile else {}
        self._score_bins = {each.predicted: each.bins().labels for each in profile.scores} if profile else {}

    async def text(self) -> bytes:
        """Return all series. No slice of the work is long."""
        slices = Slices()
        splits: dict[str, Counts] = {}
        whole = Counts()
        for stamp in self._core.ledger.groups():
            total = self._core.ledger.total(stamp)
            await slices.rest()
            splits.setdefault(_split_of(stamp), Counts()).add(total)
            await slices.rest()
            whole.add(total)
            await slices.rest()
        return await self._exposition.write(self._families(splits, whole), slices)

    def _families(self, splits: Splits, whole: Counts) -> Iterator[Family]:
        yield from _traffic(splits)
        yield from _contract(splits, whole)
        yield Family(
            "serinus_model_undecoded_total",
            "counter",
            "Requests and answers that could not be read.",
            _by("reason", whole.undecoded),
        )
        yield Family(
            "serinus_model_feature_total",
            "counter",
            "Requests by bin of a feature; a row of a batch is a part of one.",
            _bins("feature", whole.features, self._feature_bins, AnyBins.labels),
        )
        yield Family(
            "serinus_model_score_total",
            "counter",
            "Requests by predicted class and bin of the score.",
            _bins("prediction", whole.scores, self._score_bins, UNPROFILED_SCORES.labels),
        )
        yield from _labels(splits)
        yield from self._process()

    def _process(self) -> Iterator[Family]:
        core = self._core
        loaded = core.profile_state in (ProfileState.LOADED, ProfileState.NONE)
        yield Family("serinus_monitor_dropped_total", "counter", "What had no room.", _by("what", core.counting.drops))
        yield Family(
            "serinus_monitor_records_total",
            "counter",
            "Records of requests: read, unreadable, lost on the way, or cut off.",
            _by("what", self._source.numbers()),
        )
        if self._labelling:
            yield Family(
                "serinus_monitor_labels_total",
                "counter",
                "Labels by what became of them.",
                _by("result", self._labelling.document()["results"]),
            )
        yield Family(
            "serinus_monitor_restarts_total",
            "counter",
            "How often the monitor had to be started again in its pod.",
            [Sample((), self._restarts)],
        )
        yield Family(
            "serinus_monitor_faults_total",
            "counter",
            "Requests that a bug of Serinus kept from being counted.",
            [Sample((), core.faults)],
        )
        yield Family(
            "serinus_monitor_profile_ok",
            "gauge",
            "1 unless a profile was asked for and is missing or refused.",
            [Sample((("state", core.profile_state),), int(loaded))],
        )


def _traffic(splits: Splits) -> Iterator[Family]:
    yield Family(
        "serinus_model_routed_total",
        "counter",
        "All requests by split, the warm-up and others than predictions included.",
        [Sample((("split", split),), counts.routed) for split, counts in splits.items()],
    )
    yield Family(
        "serinus_model_requests_total",
        "counter",
        "Requests for predictions after the warm-up.",
        [
            Sample((("split", split), ("outcome", outcome.name.lower())), counts.requests[outcome])
            for split, counts in splits.items()
            for outcome in Outcome
        ],
    )
    yield Family(
        "serinus_model_request_seconds",
        "histogram",
        "How long the model took.",
        (sample for split, counts in splits.items() for sample in _histogram(split, counts)),
    )
    yield Family(
        "serinus_model_predictions_total",
        "counter",
        "Requests by predicted class, or by bin of the predicted number.",
        [
            Sample((("split", split), ("prediction", name)), parts / PARTS)
            for split, counts in splits.items()
            for name, parts in counts.predictions.items()
        ],
    )


def _contract(splits: Splits, whole: Counts) -> Iterator[Family]:
    yield Family(
        "serinus_model_contract_checked_total",
        "counter",
        "Requests that were held against the data contract.",
        [Sample((("split", split),), counts.checked) for split, counts in splits.items()],
    )
    yield Family(
        "serinus_model_contract_violating_total",
        "counter",
        "Those of them that violate it.",
        [Sample((("split", split),), counts.violating) for split, counts in splits.items()],
    )
    yield Family(
        "serinus_model_contract_violations_total",
        "counter",
        "The same by rule.",
        _by("rule", whole.violations),
    )


def _labels(splits: Splits) -> Iterator[Family]:
    yield Family(
        "serinus_model_labelled_total",
        "counter",
        "Requests whose label has come and counts.",
        [Sample((("split", split),), counts.outcomes.trials / PARTS) for split, counts in splits.items()],
    )
    yield Family(
        "serinus_model_label_errors_total",
        "counter",
        "Those of them where the label says that the prediction was wrong.",
        [Sample((("split", split),), counts.outcomes.errors / PARTS) for split, counts in splits.items()],
    )


def _histogram(split: str, counts: Counts) -> Iterator[Sample]:
    """Yield the buckets; the sum is that of the edges, since the times themselves are not kept."""
    label = ("split", split)
    upto = list(accumulate(counts.latency))
    for index, edge in BUCKETS:
        yield Sample((label, ("le", edge)), upto[index], "_bucket")
    yield Sample((label, ("le", "+Inf")), upto[-1], "_bucket")
    edges = (*EDGES, EDGES[-1])
    yield Sample((label,), sum(map(float.__mul__, edges, map(float, counts.latency))), "_sum")
    yield Sample((label,), upto[-1], "_count")


def _by(label: str, numbers: Mapping[str, int] | Counter[str]) -> list[Sample]:
    return [Sample(((label, name),), number) for name, number in numbers.items()]


def _bins(
    label: str, tallies: Mapping[str, Tally], labels: Mapping[str, tuple[str, ...]], otherwise: tuple[str, ...]
) -> Iterable[Sample]:
    return (
        Sample(((label, name), ("bin", bin_)), parts / PARTS)
        for name, tally in tallies.items()
        for bin_, parts in zip(labels.get(name, otherwise), tally.bins, strict=True)
        if parts
    )


def _split_of(stamp: str) -> str:
    """Return the number of a split: the rest of its stamp is a secret."""
    return stamp if stamp == UNKNOWN else stamp.partition("-")[0]
