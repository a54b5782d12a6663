"""Which rules a row breaks: by names that are known beforehand and hold no value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.monitor.profiles.bins import INVALID, MISSING
from serinus.monitor.profiles.contract import Contract
from serinus.monitor.profiles.profile import Profile, read_profile
from tests.monitor.profiles.samples import AGE, AMOUNT, CITY, COUNTRY, MEMBER, PROFILE, encoded
from tests.monitor.values import VALUES

FEATURES = [AMOUNT, AGE, COUNTRY, CITY, MEMBER]
GOOD: dict[str, object] = {"amount": 2.5, "age": 30, "country": "DE", "city": "Ulm", "member": True}


def profile() -> Profile:
    return read_profile(*encoded(PROFILE | {"features": FEATURES}))


def violations(**row: object) -> list[str]:
    return Contract(profile()).violations(GOOD | row)


def test_the_rules_are_known_beforehand() -> None:
    assert Contract(profile()).rules == (
        *("amount:type", "amount:range", "amount:missing"),
        *("age:type", "age:range"),
        *("country:type", "country:allowed"),
        *("city:type", "city:missing"),
        *("member:type", "member:missing"),
        ":unknown",
    )


@pytest.mark.parametrize(
    ("name", "value", "rules"),
    [
        ("amount", 0, []),
        ("amount", 9.5, []),
        ("amount", 9.6, ["amount:range"]),
        ("amount", -1, ["amount:range"]),
        ("amount", "2.5", ["amount:type"]),
        ("amount", True, ["amount:type"]),
        ("amount", float("nan"), ["amount:type"]),
        ("amount", float("inf"), ["amount:type"]),
        ("amount", 10**400, ["amount:type"]),
        ("amount", None, ["amount:missing"]),
        ("age", 30.0, []),
        ("age", 30.5, ["age:type"]),
        ("age", 121, ["age:range"]),
        ("age", float("inf"), ["age:type"]),
        ("age", None, []),
        ("country", "AT", []),
        ("country", "XX", ["country:allowed"]),
        ("country", "", ["country:allowed"]),
        ("country", 49, ["country:allowed"]),
        ("country", 10**400, ["country:type"]),
        ("country", 4.9, ["country:type"]),
        ("country", ["DE"], ["country:type"]),
        ("country", None, []),
        ("city", "anything", []),
        ("city", 89073, []),
        ("city", False, ["city:type"]),
        ("city", None, ["city:missing"]),
        ("member", 0, []),
        ("member", 2, ["member:type"]),
        ("member", "yes", ["member:type"]),
        ("member", {}, ["member:type"]),
        ("member", None, ["member:missing"]),
    ],
)
def test_a_value_keeps_the_contract_or_breaks_one_rule(name: str, value: object, rules: list[str]) -> None:
    assert violations(**{name: value}) == rules


def test_whole_numbers_are_codes_where_texts_are_allowed() -> None:
    digits = COUNTRY | {"contract": {"values": ["1", "2"], "missingAllowed": False}, "top": ["1", "2"]}
    contract = Contract(read_profile(*encoded(PROFILE | {"features": [digits]})))
    assert contract.violations({"country": 2}) == []


def test_what_is_not_there_is_missing() -> None:
    assert Contract(profile()).violations({}) == ["amount:missing", "city:missing", "member:missing"]


def test_features_that_the_profile_does_not_know_break_one_rule_without_their_names() -> None:
    assert violations(iban="DE02", mail="a@b.example") == [":unknown"]


@given(st.fixed_dictionaries({}, optional=dict.fromkeys([*GOOD, "more"], VALUES)))
def test_a_row_of_anything_breaks_rules_that_were_known(row: dict[str, object]) -> None:
    contract = Contract(profile())
    broken = contract.violations(row)
    assert set(broken) <= set(contract.rules)
    assert len(set(broken)) == len(broken)
    assert (":unknown" in broken) == ("more" in row)


@given(st.fixed_dictionaries(dict.fromkeys(GOOD, VALUES)))
def test_the_contract_and_the_bins_agree_on_what_is_no_value(row: dict[str, object]) -> None:
    broken = Contract(profile()).violations(row)
    for feature in profile().features:
        label = feature.bins().labels[feature.bins().index(row[feature.name])]
        assert (label != INVALID) or f"{feature.name}:type" in broken
        assert (label == MISSING) == (row[feature.name] is None)
