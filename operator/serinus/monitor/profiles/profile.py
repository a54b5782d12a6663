"""A profile: what a model's inputs and scores looked like when it was trained. Read by the monitor, made by the CLI."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Final, Literal

import msgspec

from serinus.monitor.profiles.bins import Bins, score_bins
from serinus.monitor.profiles.features import Count, Document, Feature, ascend, first_repeated, flaws_of_counts

MOST_FEATURES: Final = 200
MOST_CLASSES: Final = 100
MOST_BYTES: Final = 1024 * 1024
"""A ConfigMap holds no more: https://kubernetes.io/docs/concepts/configuration/configmap/"""
LONGEST_NAME: Final = 200
HASH_LENGTH: Final = 10
AGAIN: Final = "make it again by kubectl serinus profile"


class ProfileError(Exception):
    """The profile cannot be used; the text says why, and what to do."""


class Scores(Document, frozen=True):
    """The scores of one predicted class: `counts` by bin, and how many of them are `positives`.

    With a positive class a score is its probability, and positives are rows of that class. Else it is the probability
    of the predicted class, and positives are the rows that are of it.
    """

    predicted: str
    edges: tuple[float, ...]
    counts: tuple[Count, ...]
    positives: tuple[Count, ...]

    def bins(self) -> Bins:
        """Return the bins that `counts` and `positives` are of."""
        return score_bins(self.edges)

    def flaws(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        if not all(0 <= edge <= 1 for edge in self.edges):
            yield "an edge is not from 0 to 1"
        if not ascend(self.edges):
            yield "its edges do not ascend"
        yield from flaws_of_counts(self.counts, self.bins())
        yield from flaws_of_counts(self.positives, self.bins())
        if any(positives > count for count, positives in zip(self.counts, self.positives, strict=False)):
            yield "a bin has more positives than rows"


class Target(Document, frozen=True):
    """What the model is to predict; `counts` is by class, null where it is a number."""

    name: str
    positive: str | None
    counts: dict[str, Count] | None


class Profile(Document, frozen=True):
    """Counts of `rows` rows of reference."""

    version: Literal[1]
    rows: Count
    features: tuple[Feature, ...]
    target: Target | None
    prediction: Feature | None
    scores: tuple[Scores, ...]


def read_profile(content: bytes, name: str) -> Profile:
    """Return the profile in a ConfigMap of that name, which ends with the hash of its content."""
    if len(content) > MOST_BYTES:
        raise ProfileError(f"profile {name} has {len(content)} bytes, and a ConfigMap holds {MOST_BYTES}: {AGAIN}")
    if not name.endswith(f"-{hash_of(content)}"):
        raise ProfileError(
            f"profile {name} is not what was made under this name, which would end with -{hash_of(content)}: "
            f"{AGAIN}, and set monitoring.profileRef to its new name"
        )
    try:
        profile = msgspec.json.decode(content, type=Profile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProfileError(f"profile {name} cannot be read: {error}: {AGAIN}, of the version that runs here") from error
    if flaw := next(flaws(profile), None):
        raise ProfileError(f"profile {name} contradicts itself: {flaw}: {AGAIN}")
    return profile


def hash_of(content: bytes) -> str:
    """Return what the name of a profile with that content ends with."""
    return sha256(content).hexdigest()[:HASH_LENGTH]


def class_of(value: object) -> str | None:
    """Return the name of a class, the same for 1, 1.0, "1" and true, or None for what is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return str(int(value))
    return None


def flaws(profile: Profile) -> Iterator[str]:
    """Yield what contradicts itself."""
    names, rows = [feature.name for feature in profile.features], profile.rows
    if rows < 1:
        yield f"it counts {rows} rows"
    if not 1 <= len(names) <= MOST_FEATURES:
        yield f"it has {len(names)} features, and may have 1 to {MOST_FEATURES}"
    if (name := first_repeated(names)) is not None:
        yield f"two features are called {name}"
    if not all(1 <= len(name) <= LONGEST_NAME for name in names):
        yield f"the name of a feature has no character, or more than {LONGEST_NAME}"
    features = [*profile.features, profile.prediction] if profile.prediction else profile.features
    for feature in features:
        yield from (f"feature {feature.name}: {flaw}" for flaw in feature.flaws())
        if sum(feature.counts) != rows:
            yield f"feature {feature.name}: its counts add up to {sum(feature.counts)}, not to {rows} rows"
    yield from _flaws_of_scores(profile)
    classes = (profile.target and profile.target.counts) or {}
    if sum(classes.values()) > rows:
        yield f"the classes of its target have more than {rows} rows"


def _flaws_of_scores(profile: Profile) -> Iterator[str]:
    if len(profile.scores) > MOST_CLASSES:
        yield f"it has scores of {len(profile.scores)} classes, and may have {MOST_CLASSES}"
    if (predicted := first_repeated(scores.predicted for scores in profile.scores)) is not None:
        yield f"two scores are of class {predicted}"
    for scores in profile.scores:
        yield from (f"scores of class {scores.predicted}: {flaw}" for flaw in scores.flaws())
    if sum(sum(scores.counts) for scores in profile.scores) > profile.rows:
        yield f"it has more scores than its {profile.rows} rows"
