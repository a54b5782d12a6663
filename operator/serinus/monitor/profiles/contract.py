"""The data contract of a profile: which rules a row breaks. Asked by the monitor and the middleware for each row."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from serinus.monitor.profiles.bins import INVALID, LARGEST, MISSING, BooleanBins, code_of
from serinus.monitor.profiles.features import (
    BooleanFeature,
    CategoryContract,
    CategoryFeature,
    Feature,
    NumberContract,
)
from serinus.monitor.profiles.profile import Profile

TYPE: Final = "type"
RANGE: Final = "range"
ALLOWED: Final = "allowed"
UNKNOWN: Final = ":unknown"
"""The row has features that the profile does not know: one rule for all, since their names come from outside."""

Check = Callable[[object], str | None]
"""Returns the rule that a value breaks."""


class Contract:
    """The rules of a profile, by names that hold no value: `amount:range`."""

    __slots__ = ("_checks", "_known", "rules")

    def __init__(self, profile: Profile) -> None:
        self._checks = [(feature.name, _check_of(feature)) for feature in profile.features]
        self._known = frozenset(feature.name for feature in profile.features)
        self.rules = (
            *(f"{feature.name}:{rule}" for feature in profile.features for rule in _rules_of(feature)),
            UNKNOWN,
        )

    def violations(self, row: Mapping[str, object]) -> list[str]:
        """Return the rules that a row breaks; a feature that is not there is missing."""
        broken = [f"{name}:{rule}" for name, check in self._checks if (rule := check(row.get(name)))]
        if not row.keys() <= self._known:
            broken.append(UNKNOWN)
        return broken


def _rules_of(feature: Feature) -> Sequence[str]:
    contract = feature.contract
    missing = () if contract.missing_allowed else (MISSING,)
    if isinstance(contract, NumberContract):
        return (TYPE, RANGE, *missing)
    if isinstance(contract, CategoryContract) and contract.values is not None:
        return (TYPE, ALLOWED, *missing)
    return (TYPE, *missing)


def _check_of(feature: Feature) -> Check:
    rule_if_missing = None if feature.contract.missing_allowed else MISSING
    if isinstance(feature, CategoryFeature):
        return _check_of_category(feature.contract, rule_if_missing)
    if isinstance(feature, BooleanFeature):
        return _check_of_boolean(rule_if_missing)
    return _check_of_number(feature.contract, rule_if_missing)


def _check_of_number(contract: NumberContract, rule_if_missing: str | None) -> Check:
    minimum, maximum, whole = contract.minimum, contract.maximum, contract.type == "Integer"

    def check(value: object) -> str | None:
        if type(value) is float:
            if whole and not value.is_integer():
                return TYPE
        elif type(value) is not int:
            return rule_if_missing if value is None else TYPE
        if minimum <= value <= maximum:
            return None
        return RANGE if -LARGEST <= value <= LARGEST else TYPE

    return check


def _check_of_category(contract: CategoryContract, rule_if_missing: str | None) -> Check:
    allowed = None if contract.values is None else frozenset(contract.values)

    def check(value: object) -> str | None:
        text = code_of(value) if type(value) is int else value
        if type(text) is not str:
            return rule_if_missing if text is None else TYPE
        return None if allowed is None or text in allowed else ALLOWED

    return check


def _check_of_boolean(rule_if_missing: str | None) -> Check:
    bins = BooleanBins()

    def check(value: object) -> str | None:
        if value is None:
            return rule_if_missing
        return TYPE if bins.labels[bins.index(value)] == INVALID else None

    return check
