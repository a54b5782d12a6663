"""Whether an object on the server is still what we asked for."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.render.intent import covers, seal_of, sealed
from tests.render.managed_fields import HANDS, Hand, kept, manifests
from tests.render.samples import OWNER, Json

METADATA = {"name": "fraud", "namespace": OWNER.namespace, "labels": {"a": "b"}, "ownerReferences": []}
MANIFEST: Json = {"apiVersion": "v1", "kind": "Service", "metadata": METADATA, "spec": {"replicas": 1}}


class TestSeal:
    def test_is_the_same_for_the_same_intent(self) -> None:
        reordered = dict(reversed(copy.deepcopy(MANIFEST).items()))
        assert seal_of(sealed(MANIFEST)) == seal_of(sealed(reordered))

    @pytest.mark.parametrize(
        "change",
        [
            {"spec": {"replicas": 2}},
            {"spec": {}},
            {"metadata": {**METADATA, "labels": {"a": "c"}}},
            {"metadata": {**METADATA, "annotations": {"a": "b"}}},
        ],
        ids=["value", "field gone", "label", "annotation"],
    )
    def test_is_another_for_another_intent(self, change: Json) -> None:
        assert seal_of(sealed(MANIFEST)) != seal_of(sealed(MANIFEST | change))

    def test_stands_beside_other_annotations(self) -> None:
        manifest = MANIFEST | {"metadata": {**METADATA, "annotations": {"a": "b"}}}
        assert sealed(manifest)["metadata"]["annotations"].keys() == {"a", "serinus.dev/intent"}

    def test_leaves_the_manifest_as_it_was(self) -> None:
        before = copy.deepcopy(MANIFEST)
        sealed(MANIFEST)
        assert before == MANIFEST

    def test_fits_into_what_a_person_reads(self) -> None:
        assert len(seal_of(sealed(MANIFEST))) == 16


class TestCovers:
    """Against what a real API server says is ours."""

    @pytest.mark.parametrize(
        ("hand", "owned"),
        [(hand, answer["owned"]) for hand, answer in zip(HANDS, kept(), strict=True)],
        ids=[f"{hand.to}-{hand.what}" for hand in HANDS],
    )
    def test_tells_whether_somebody_changed_what_we_ask_for(self, hand: Hand, owned: Json) -> None:
        assert covers(owned, manifests()[hand.to]) is hand.covered

    def test_is_false_where_nothing_is_ours(self) -> None:
        assert not covers({}, sealed(MANIFEST))

    def test_is_false_where_the_intent_has_more_than_was_applied(self) -> None:
        (owned,) = (answer["owned"] for answer in kept() if (answer["to"], answer["what"]) == UNTOUCHED)
        more = copy.deepcopy(manifests()["deployment"])
        more["spec"]["template"]["spec"]["priorityClassName"] = "high"
        assert not covers(owned, more)

    def test_does_not_ask_for_what_the_intent_no_longer_has(self) -> None:
        """The seal differs then; that is enough to write."""
        (owned,) = (answer["owned"] for answer in kept() if (answer["to"], answer["what"]) == UNTOUCHED)
        less = copy.deepcopy(manifests()["deployment"])
        del less["spec"]["replicas"]
        assert covers(owned, less)


UNTOUCHED = ("deployment", "nobody touched it")

# A generated object: maps, lists with a key, sets and leaves, as the server's schemas have them.
words = st.sampled_from("abcdef")
leaves = st.integers(0, 9) | st.text(max_size=2) | st.booleans() | st.lists(st.integers(0, 3), max_size=2).map(tuple)
nodes = st.recursive(
    leaves,
    lambda inner: (
        st.dictionaries(words, inner, max_size=3)
        | st.dictionaries(words, st.dictionaries(words, inner, max_size=2), min_size=1, max_size=3).map(
            lambda items: [{"name": name, **item} for name, item in items.items()]
        )
        | st.sets(words, min_size=1).map(sorted)
    ),
    max_leaves=12,
)


def owned_fields(node: Any) -> Json:  # noqa: ANN401 - JSON
    """What the server says of one who applied all of this. A tuple stands for a list without keys: it is one field."""
    if isinstance(node, dict):
        return {f"f:{key}": owned_fields(value) for key, value in node.items()}
    if isinstance(node, list) and isinstance(node[0], dict):
        return {f'k:{{"name":"{item["name"]}"}}': {".": {}, **owned_fields(item)} for item in node}
    if isinstance(node, list):
        return {f'v:"{item}"': {} for item in node}
    return {}


def paths(owned: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, inner in owned.items():
        if key != ".":
            yield (*path, key)
            yield from paths(inner, (*path, key))


def without(owned: Json, path: tuple[str, ...]) -> Json:
    taken = copy.deepcopy(owned)
    inner = taken
    for key in path[:-1]:
        inner = inner[key]
    inner[f"f:of-others {path[-1]}"] = inner.pop(path[-1])
    return taken


def intent(spec: Json) -> Json:
    return sealed({**MANIFEST, "spec": spec})


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.dictionaries(words, nodes, min_size=1, max_size=3), st.data())
def test_all_that_was_applied_is_covered_and_no_part_may_be_missing(spec: Json, data: st.DataObject) -> None:
    manifest = intent(spec)
    seen = ("labels", "annotations", "ownerReferences")
    metadata = {key: manifest["metadata"][key] for key in seen if manifest["metadata"][key]}
    owned = owned_fields({"metadata": metadata, "spec": spec})
    owned["f:metadata"]["f:ownerReferences"] = {}
    assert covers(owned, manifest)
    taken = data.draw(st.sampled_from(sorted(paths(owned))))
    assert not covers(without(owned, taken), manifest)
