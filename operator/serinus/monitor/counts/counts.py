"""What was counted of the requests of one stamp. Filled by counting.py, kept by ledger.py, sent by server.py."""

from collections import Counter
from typing import Any, Final

from serinus.monitor.counts import latency
from serinus.monitor.counts.tally import Tally
from serinus.monitor.exchange import Outcome
from serinus.monitor.labels.outcomes import Outcomes

OUTCOMES: Final = len(Outcome)


class Counts:
    """Numbers that add up."""

    __slots__ = (
        "checked",
        "features",
        "latency",
        "others",
        "outcomes",
        "predicted",
        "predicted_squares",
        "predictions",
        "requests",
        "routed",
        "scores",
        "undecoded",
        "violating",
        "violations",
    )

    def __init__(self) -> None:
        self.routed = 0
        """All requests, those of the warm-up and those that ask for no prediction included."""
        self.others = 0
        """Requests that ask for no prediction."""
        self.requests = [0] * OUTCOMES
        """For a prediction, after the warm-up, by Outcome. All below is of these."""
        self.latency = [0] * latency.BINS
        """Of those that were answered, and of those that the client gave up: these took at least so long."""
        self.undecoded: Counter[str] = Counter()
        """Requests whose body or answer could not be read, by reason."""
        self.checked = 0
        """Requests that were held against the contract."""
        self.violating = 0
        """Those of them that violate it."""
        self.violations: Counter[str] = Counter()
        """The same by rule; a request counts once for each rule."""
        self.features: dict[str, Tally] = {}
        self.predictions: Counter[str] = Counter()
        """Parts of requests by predicted class, or by the bin of a predicted number."""
        self.predicted = 0.0
        """The sum of predicted numbers; each counts for the share that its row has of a request."""
        self.predicted_squares = 0.0
        self.scores: dict[str, Tally] = {}
        """By predicted class."""
        self.outcomes = Outcomes()
        """What labels say, later."""

    def add(self, other: "Counts") -> None:
        """Count what another has counted."""
        self.routed += other.routed
        self.others += other.others
        self.checked += other.checked
        self.violating += other.violating
        for mine, theirs in ((self.requests, other.requests), (self.latency, other.latency)):
            mine[:] = map(int.__add__, mine, theirs)
        self.undecoded.update(other.undecoded)
        self.violations.update(other.violations)
        self.predictions.update(other.predictions)
        self.predicted += other.predicted
        self.predicted_squares += other.predicted_squares
        _add_tallies(self.features, other.features)
        _add_tallies(self.scores, other.scores)
        self.outcomes.add(other.outcomes)

    def document(self) -> dict[str, Any]:
        """Return it for machines, without what is nought."""
        everything = {
            "routed": self.routed,
            "others": self.others,
            "requests": {outcome.name: self.requests[outcome] for outcome in Outcome if self.requests[outcome]},
            "latency": {str(index): number for index, number in enumerate(self.latency) if number},
            "undecoded": dict(self.undecoded),
            "checked": self.checked,
            "violating": self.violating,
            "violations": dict(self.violations),
            "features": _documents(self.features),
            "predictions": dict(self.predictions),
            "predicted": self.predicted,
            "predictedSquares": self.predicted_squares,
            "scores": _documents(self.scores),
            "outcomes": self.outcomes.document(),
        }
        return {name: value for name, value in everything.items() if value}


def _add_tallies(tallies: dict[str, Tally], more: dict[str, Tally]) -> None:
    for name, theirs in more.items():
        if mine := tallies.get(name):
            mine.add(theirs)
        else:
            tallies[name] = theirs.copy()


def _documents(tallies: dict[str, Tally]) -> dict[str, Any]:
    return {name: tally.document() for name, tally in tallies.items()}
