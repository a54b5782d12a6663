"""What a person wants to know of a profile that was made. Pure; called by profile.py."""

from collections.abc import Iterator
from typing import Final

from serinus.cli.table import table
from serinus.monitor.profiles.features import BooleanFeature, Feature, NumberFeature
from serinus.monitor.profiles.profile import Profile, Target

HEADINGS: Final = ("FEATURE", "KIND", "MAY BE MISSING", "VALUES")
SHOWN: Final = 5


def page(profile: Profile, name: str, file: str) -> str:
    """Return the page."""
    rows = [_row(feature) for feature in profile.features]
    return "\n".join(
        (f"ConfigMap {name}: {profile.rows:,} rows", "", *table(HEADINGS, *rows), "", *_end(profile, name, file))
    )


def _end(profile: Profile, name: str, file: str) -> Iterator[str]:
    if profile.target:
        yield f"Target {profile.target.name}: {_classes(profile.target)}"
    if profile.scores:
        known = sum(sum(scores.counts) for scores in profile.scores)
        yield f"Scores of {known:,} rows tell how often each is right"
    yield f"To use it: kubectl apply --server-side -n NAMESPACE -f {file}, and in the ModelDeployment"
    yield ""
    yield "  monitoring:"
    yield f"    profileRef: {{name: {name}}}"


def _row(feature: Feature) -> tuple[str, ...]:
    kind = (
        feature.contract.type if isinstance(feature, NumberFeature) else type(feature).__name__.removesuffix("Feature")
    )
    return feature.name, kind, "yes" if feature.contract.missing_allowed else "no", _values(feature)


def _values(feature: Feature) -> str:
    if isinstance(feature, NumberFeature):
        return f"{feature.contract.minimum:.6g} to {feature.contract.maximum:.6g}"
    if isinstance(feature, BooleanFeature):
        return "false, true"
    values = feature.contract.values
    if values is None:
        return "any text"
    return ", ".join(values[:SHOWN]) + (f" and {len(values) - SHOWN} more" if len(values) > SHOWN else "")


def _classes(target: Target) -> str:
    if target.counts is None:
        return "a number"
    shares = [
        f"{name} {count / sum(target.counts.values()):.1%}" for name, count in list(target.counts.items())[:SHOWN]
    ]
    more = f" and {len(target.counts) - SHOWN} more" if len(target.counts) > SHOWN else ""
    return f"{', '.join(shares)}{more}" + (f"; positive is {target.positive}" if target.positive else "")
