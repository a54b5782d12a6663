"""The revision of a spec: what changes it, what does not, and that it never changes by itself."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus import __version__
from serinus.render.revision import REVISION_FIELDS, digest, revision_of
from tests.render.samples import MINIMAL, RICH, Json

GOLDEN = sorted(Path(__file__).with_name("revisions").glob("*.json"))

ROWS = [
    (file.stem, row["what"], row["spec"], row["revision"]) for file in GOLDEN for row in json.loads(file.read_text())
]


def reversed_keys(node: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, dict):
        return {key: reversed_keys(node[key]) for key in reversed(node)}
    return [reversed_keys(item) for item in node] if isinstance(node, list) else node


def with_container(**fields: Any) -> Json:  # noqa: ANN401 - any field of a container
    (container,) = MINIMAL["template"]["spec"]["containers"]
    return {"template": {"spec": {"containers": [{**container, **fields}]}}}


class TestGoldenFile:
    """A changed hash would roll every model of every user out anew at the next upgrade of Serinus."""

    @pytest.mark.parametrize(
        ("spec", "revision"), [row[2:] for row in ROWS], ids=[f"{version}-{what}" for version, what, *_ in ROWS]
    )
    def test_gives_what_it_always_gave(self, spec: Json, revision: str) -> None:
        assert revision_of(spec) == revision

    def test_exists_for_this_version(self) -> None:
        assert __version__ in [file.stem for file in GOLDEN]

    def test_knows_only_different_revisions(self) -> None:
        revisions = [row[3] for row in ROWS]
        assert len(set(revisions)) == len(revisions) >= 10


def test_is_ten_hexadecimal_digits() -> None:
    assert revision_of(MINIMAL) == revision_of(MINIMAL).lower()
    assert len(revision_of(MINIMAL)) == 10
    assert int(revision_of(MINIMAL), 16) >= 0


def test_does_not_depend_on_the_order_of_keys() -> None:
    assert revision_of(reversed_keys(RICH)) == revision_of(RICH)


def test_depends_on_the_order_of_lists() -> None:
    assert revision_of(with_container(args=["a", "b"])) != revision_of(with_container(args=["b", "a"]))


@pytest.mark.parametrize(
    "change",
    [
        {"replicas": 5},
        {"autoscaling": {"maxReplicas": 9}},
        {"rollout": {"scaleDownDelaySeconds": 0}},
        {"paused": True},
        {"someFieldOfTheFuture": {"template": {}}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_ignores_what_does_not_make_the_pods(change: Json) -> None:
    assert revision_of({**MINIMAL, **change}) == revision_of(MINIMAL)


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"version": "7"}},
        {"endpoint": {"port": "http"}},
        with_container(image="fraud:8"),
        with_container(fieldOfAFutureKubernetes=1),
    ],
    ids=["model", "endpoint", "template", "template, a field unknown to us"],
)
def test_changes_with_what_makes_the_pods(change: Json) -> None:
    assert revision_of({**MINIMAL, **change}) != revision_of(MINIMAL)


@pytest.mark.parametrize(
    ("given_value", "other"),
    [
        ({"ports": [{"containerPort": 8080, "protocol": "TCP"}]}, {"ports": [{"containerPort": 8080}]}),
        ({"imagePullPolicy": "IfNotPresent"}, {}),
        ({"args": []}, {}),
        ({"args": ["1"]}, {"args": [1]}),
        ({"resources": {"requests": {"cpu": "1"}}}, {"resources": {"requests": {"cpu": "1000m"}}}),
    ],
    ids=["protocol", "pull policy", "empty list", "text and number", "quantities"],
)
def test_tells_a_given_value_from_the_default_that_means_the_same(given_value: Json, other: Json) -> None:
    """Defaults are applied when rendering, so that a new default rolls nothing out."""
    assert revision_of(with_container(**given_value)) != revision_of(with_container(**other))


def test_tells_a_field_of_the_template_from_the_same_field_elsewhere() -> None:
    assert revision_of({"template": {}, "model": {"a": 1}}) != revision_of({"template": {"a": 1}, "model": {}})


def test_is_made_of_a_fixed_list_of_fields() -> None:
    """To add one here is fine: an absent field changes no hash. To take one away or to give it a default is not."""
    assert REVISION_FIELDS == ("template", "model", "endpoint", "monitoring")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(json_values)
def test_digest_survives_the_way_through_json(document: object) -> None:
    """The cache keeps a spec as text and reads it again."""
    again = json.loads(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode())
    assert digest(again) == digest(document)
    assert digest(reversed_keys(document)) == digest(document)
