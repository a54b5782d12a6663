"""A profile is what it was made as, or is refused with a sentence that says what to do."""

import json
import subprocess
import sys
from copy import deepcopy
from typing import Any

import pytest

from serinus.monitor.profiles.bins import MISSING
from serinus.monitor.profiles.profile import ProfileError, class_of, hash_of, read_profile
from tests.monitor.profiles.samples import AMOUNT, MEMBER, PROFILE, SCORES, Json, encoded


def refusal(content: bytes, name: str) -> str:
    with pytest.raises(ProfileError) as caught:
        read_profile(content, name)
    return str(caught.value)


def changed(path: str, value: object) -> Json:
    """Return a profile in which one thing is different."""
    document = deepcopy(PROFILE)
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = document
    for step in way:
        place = place[step]
    place[last] = value
    return document


def test_a_profile_says_what_was_counted_in_which_bin() -> None:
    profile = read_profile(*encoded(PROFILE))
    assert [feature.name for feature in profile.features] == ["amount", "country", "member"]
    for feature in profile.features:
        assert len(feature.bins().labels) == len(feature.counts)
    country = dict(zip(profile.features[1].bins().labels, profile.features[1].counts, strict=True))
    assert country == {"DE": 5, "FR": 2, "other": 1, "unseen": 0, MISSING: 2}
    assert [scores.bins().index(0.5) for scores in profile.scores] == [1, 0]


def test_the_name_is_the_hash_of_the_content() -> None:
    assert hash_of(b"{}\n") == "ca3d163bab"
    content, name = encoded(PROFILE)
    read_profile(content, name)
    for other in (content + b"\n", content.replace(b"9.5", b"9.6")):
        assert refusal(other, name) == (
            f"profile {name} is not what was made under this name, which would end with -{hash_of(other)}: "
            "make it again by kubectl serinus profile, and set monitoring.profileRef to its new name"
        )


@pytest.mark.parametrize("name", ["", "fraud", "ca3d163bab", "fraud-ca3d163ba", "fraud-CA3D163BAB", "ca3d163bab-fraud"])
def test_a_name_without_the_hash_is_refused(name: str) -> None:
    assert "is not what was made under this name" in refusal(b"{}\n", name)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        json.dumps(changed("version", 2)).encode(),
        json.dumps(PROFILE | {"more": 1}).encode(),
        json.dumps(changed("features.0.kind", "Image")).encode(),
        json.dumps(changed("rows", -10)).encode(),
        json.dumps(changed("target.counts.1", -1)).encode(),
        json.dumps(changed("features.0.counts.0", 0.5)).encode(),
        json.dumps(changed("features.0.counts.0", -1)).encode(),
        json.dumps(changed("features.0.contract.maximum", float("nan"))).encode(),
        json.dumps(changed("features.1.contract.missingAllowed", "yes")).encode(),
        json.dumps(changed("features.0.counts.0", 10**400)).encode(),
    ],
)
def test_what_is_no_profile_is_refused(content: bytes) -> None:
    sentence = refusal(content, f"fraud-{hash_of(content)}")
    assert " cannot be read: " in sentence
    assert sentence.endswith("make it again by kubectl serinus profile, of the version that runs here")


def test_a_profile_that_no_configmap_holds_is_refused() -> None:
    content = b" " * (1024 * 1024 + 1)
    assert "a ConfigMap holds 1048576" in refusal(content, f"fraud-{hash_of(content)}")


@pytest.mark.parametrize(
    ("path", "value", "flaw"),
    [
        ("rows", 0, "it counts 0 rows"),
        ("features", [], "it has 0 features, and may have 1 to 200"),
        ("features", [AMOUNT | {"name": f"f{number}"} for number in range(201)], "it has 201 features"),
        ("features", [AMOUNT, AMOUNT], "two features are called amount"),
        ("features.0.name", "", "the name of a feature has no character, or more than 200"),
        ("features.0.name", "x" * 201, "the name of a feature has no character, or more than 200"),
        ("features.0.counts", [10], "feature amount: it has 1 counts for 7 bins"),
        ("features.0.counts", [1, 4, 2, 1, 3, 0, 0], "feature amount: its counts add up to 11, not to 10 rows"),
        ("features.0.edges", [3.0, 1.5], "feature amount: its edges do not ascend"),
        ("features.0.edges", [3.0, 3.0], "feature amount: its edges do not ascend"),
        ("features.0.atoms", [3.0], "feature amount: an edge is an atom, too"),
        ("features.0.contract.minimum", 10.0, "feature amount: its minimum is above its maximum"),
        ("features.0.sumOfSquares", -1.0, "feature amount: its sum of squares is negative"),
        ("features.1.top", ["DE", "DE"], "feature country: a value stands there twice"),
        ("features.1.contract.values", ["DE", "FR", "FR"], "feature country: a value stands there twice"),
        ("features.1.top", ["DE", "XX"], "feature country: a top value is not among the allowed ones"),
        ("features.2.counts", [10], "feature member: it has 1 counts for 4 bins"),
        ("prediction", MEMBER | {"counts": [1, 1, 0, 0]}, "feature member: its counts add up to 2, not to 10 rows"),
        ("scores.0.edges", [1.2], "scores of class 0: an edge is not from 0 to 1"),
        ("scores.0.edges", [0.5, 0.5], "scores of class 0: its edges do not ascend"),
        ("scores.0.counts", [3], "scores of class 0: it has 1 counts for 4 bins"),
        ("scores.0.positives", [0, 4, 0, 0], "scores of class 0: a bin has more positives than rows"),
        ("scores.1.predicted", "0", "two scores are of class 0"),
        ("scores.1.counts", [3, 2, 0, 0], "it has more scores than its 10 rows"),
        ("scores", SCORES * 51, "it has scores of 102 classes, and may have 100"),
        ("target.counts", {"0": 11}, "the classes of its target have more than 10 rows"),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(path: str, value: object, flaw: str) -> None:
    content, name = encoded(changed(path, value))
    sentence = refusal(content, name)
    assert sentence.startswith(f"profile {name} contradicts itself: {flaw}")
    assert sentence.endswith(": make it again by kubectl serinus profile")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("fraud", "fraud"),
        ("1", "1"),
        (1, "1"),
        (1.0, "1"),
        (-0.0, "0"),
        (True, "1"),
        (False, "0"),
        (0.5, None),
        (float("nan"), None),
        (float("inf"), None),
        (1e300, None),
        (10**400, None),
        (None, None),
        ([1], None),
    ],
)
def test_a_class_has_one_name(value: object, name: str | None) -> None:
    assert class_of(value) == name


def test_the_monitor_reads_profiles_without_pydantic() -> None:
    program = "import sys, serinus.monitor.profiles.profile; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
