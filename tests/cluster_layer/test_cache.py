"""The cache: whatever comes in whatever order, it holds the newest, and knows whose it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.cluster.cache import TOMBSTONES, Cache
from serinus.cluster.objects import Identity, Key, SeenChild, seen, seen_release
from tests.cluster_layer.documents import LABELS, child, model_deployment, pod, release_row

FRAUD = Key("risk", "fraud")
SERVICE = Identity("Service", "risk", "fraud-r1")


def service(version: int, *, uid: str = "u1", deployment: str = "fraud") -> SeenChild:
    document = child(uid=uid, version=version, labels={**LABELS, "serinus.dev/deployment": deployment})
    found = seen("Service", document)
    assert isinstance(found, SeenChild)
    return found


@pytest.fixture
def cache() -> Cache:
    return Cache()


class TestPut:
    def test_of_something_new_is_news(self, cache: Cache) -> None:
        assert cache.put(service(1))
        assert cache.find(SERVICE) == service(1)

    def test_of_something_newer_is_news(self, cache: Cache) -> None:
        cache.put(service(1))
        assert cache.put(service(2))
        assert cache.find(SERVICE) == service(2)

    @pytest.mark.parametrize("version", [1, 2], ids=["older", "the same"])
    def test_of_what_is_known_is_no_news_and_changes_nothing(self, cache: Cache, version: int) -> None:
        """A watch is behind the reply to our own write."""
        cache.put(service(2))
        assert not cache.put(service(version))
        assert cache.find(SERVICE) == service(2)

    def test_of_a_namesake_made_later_replaces_the_first(self, cache: Cache) -> None:
        """Its deletion was never seen."""
        cache.put(service(1))
        assert cache.put(service(5, uid="u2"))
        assert cache.find(SERVICE) == service(5, uid="u2")


class TestRemove:
    def test_forgets(self, cache: Cache) -> None:
        cache.put(service(1))
        assert cache.remove(service(2))
        assert cache.find(SERVICE) is None
        assert not cache.children(FRAUD)
        assert len(cache) == 0

    def test_of_what_is_unknown_is_no_news(self, cache: Cache) -> None:
        assert not cache.remove(service(1))

    def test_is_not_undone_by_an_older_sight(self, cache: Cache) -> None:
        """The reply to a write that was under way when the object went."""
        cache.put(service(1))
        cache.remove(service(9))
        assert not cache.put(service(8))
        assert cache.find(SERVICE) is None

    def test_comes_before_the_first_sight(self, cache: Cache) -> None:
        cache.remove(service(9))
        assert not cache.put(service(8))

    def test_spares_a_namesake_that_came_later(self, cache: Cache) -> None:
        cache.put(service(5, uid="u2"))
        assert not cache.remove(service(4))
        assert cache.find(SERVICE) == service(5, uid="u2")

    def test_lets_the_same_object_come_back(self, cache: Cache) -> None:
        """It had merely lost its label: to a watch by label it was gone."""
        cache.put(service(1))
        cache.remove(service(2))
        assert cache.put(service(3))

    def test_that_is_older_than_what_is_known_is_ignored(self, cache: Cache) -> None:
        """It lost its label and we gave it back, before the watch told us of the loss."""
        cache.put(service(3))
        assert not cache.remove(service(2))
        assert cache.find(SERVICE) == service(3)

    def test_is_remembered_of_so_many(self, cache: Cache) -> None:
        for number in range(TOMBSTONES + 1):
            cache.remove(service(2, uid=f"u{number}"))
        assert not cache.put(service(1, uid="u1"))
        assert cache.put(service(1, uid="u0"))


class TestMembers:
    def test_are_found_by_their_model_deployment_and_kind_in_a_fixed_order(self, cache: Cache) -> None:
        names = [("Service", "fraud-r2"), ("Deployment", "fraud-r1"), ("Service", "fraud"), ("Deployment", "fraud-r0")]
        for number, (kind, name) in enumerate(names):
            document = child(name, uid=f"u{number}")
            cache.put(seen(kind, document | {"spec": {"replicas": 1}} if kind == "Deployment" else document))
        cache.put(seen("Pod", pod()))
        cache.put(seen("ModelDeployment", model_deployment()))
        assert [item.identity[::2] for item in cache.children(FRAUD)] == sorted(names)
        assert [item.identity.name for item in cache.pods(FRAUD)] == ["fraud-r1-x"]

    def test_of_nobody_are_none(self, cache: Cache) -> None:
        assert not [*cache.children(FRAUD), *cache.pods(FRAUD), *cache.releases(FRAUD)]
        assert cache.model(FRAUD) is None

    def test_move_with_their_label(self, cache: Cache) -> None:
        cache.put(service(1))
        cache.put(service(2, deployment="other"))
        assert not cache.children(FRAUD)
        assert cache.children(Key("risk", "other")) == [service(2, deployment="other")]

    def test_are_the_models_own_and_not_a_namesakes_elsewhere(self, cache: Cache) -> None:
        cache.put(service(1))
        assert not cache.children(Key("elsewhere", "fraud"))

    def test_that_are_releases_come_oldest_first(self, cache: Cache) -> None:
        for revision, minute in (("b", 2), ("a", 2), ("c", 1)):
            row = release_row(revision=revision)
            row["object"]["metadata"]["creationTimestamp"] = f"2026-11-21T12:0{minute}:00Z"
            cache.put(seen_release(row))
        assert [release.revision for release in cache.releases(FRAUD)] == ["c", "a", "b"]


def test_a_model_deployment_is_found_by_its_key(cache: Cache) -> None:
    cache.put(seen("ModelDeployment", model_deployment()))
    found = cache.model(FRAUD)
    assert found is not None
    assert found.uid == "owner"


def test_what_we_deleted_is_deleting_until_the_watch_says_more(cache: Cache) -> None:
    cache.put(service(1))
    (known,) = cache.children(FRAUD)
    cache.mark_deleting(known)
    assert [found.deleting for found in cache.children(FRAUD)] == [True]


def test_a_late_mark_does_not_touch_what_changed_meanwhile(cache: Cache) -> None:
    cache.put(service(1))
    (known,) = cache.children(FRAUD)
    cache.put(service(2))
    cache.mark_deleting(known)
    assert [found.deleting for found in cache.children(FRAUD)] == [False]


def test_a_kind_is_listed_as_a_whole(cache: Cache) -> None:
    cache.put(service(1))
    cache.put(seen("Pod", pod()))
    assert list(cache.of_kind("Service")) == [service(1)]


lives = st.lists(st.tuples(st.sampled_from(["seen", "gone"]), st.sampled_from(["fraud", "other"])), max_size=4)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(lives, lives, st.data())
def test_the_order_of_arrival_does_not_matter(
    first: list[tuple[str, str]], second: list[tuple[str, str]], data: st.DataObject
) -> None:
    """One address, two objects one after the other; a label comes, goes and changes; events come twice and shuffled."""
    history = [("u1", *event) for event in (*first, ("gone", "fraud"))] + [("u2", *event) for event in second]
    told = [
        (what, service(version, uid=uid, deployment=deployment))
        for version, (uid, what, deployment) in enumerate(history, start=1)
    ]
    cache = Cache()
    for what, item in data.draw(st.permutations(told + told[:2])):
        cache.put(item) if what == "seen" else cache.remove(item)
    what, last = told[-1]
    expected = [last] if what == "seen" else []
    assert cache.find(SERVICE) == (last if expected else None)
    assert [*cache.children(FRAUD), *cache.children(Key("risk", "other"))] == expected
    assert len(cache) == len(expected)
