"""What runs, what stays, what goes and when to look again, for what was decided."""

import pytest

from serinus.api.modeldeployment import Rollout
from serinus.rollout.plan import Plan, plan
from serinus.rollout.rules import decide
from serinus.rollout.view import Size, View
from tests.rollout.views import ago, ahead, fixed, revision, scaling, view

OLD = ago(86_400)
DELAY = Rollout(steps=(), scale_down_delay_seconds=30)


def planned(seen: View) -> Plan:
    return plan(seen, decide(seen))


def test_stable_runs_at_its_size_and_nothing_else() -> None:
    told = planned(view(revision("a", "3/3", promoted=OLD), serving="a"))
    assert told == Plan(
        serve="a",
        beside=None,
        split=None,
        run=(("a", fixed(3)),),
        keep=frozenset("a"),
        leave=(),
        forget=(),
        wake_at=None,
    )


def test_a_first_revision_runs() -> None:
    told = planned(view("a"))
    assert (told.serve, told.run) == ("a", (("a", fixed(3)),))


def test_a_new_revision_runs_beside_stable() -> None:
    told = planned(view("b", revision("a", "3/3", promoted=OLD), serving="a"))
    assert (told.serve, dict(told.run)) == ("a", {"a": fixed(3), "b": fixed(3)})


def test_a_first_revision_that_answers_runs_until_its_successor_is_promoted() -> None:
    told = planned(view(revision("b", "0/3"), revision("a", "1/3"), serving="a"))
    assert (told.serve, dict(told.run)) == ("a", {"a": fixed(3), "b": fixed(3)})


def test_a_new_revision_is_made_as_large_as_the_autoscaler_made_stable_which_stays_so_meanwhile() -> None:
    told = planned(view("b", revision("a", "7/7", promoted=OLD), size=scaling(2, 10), serving="a"))
    assert dict(told.run) == {"a": scaling(7, 10), "b": scaling(7, 10)}


def test_after_the_promotion_the_autoscaler_may_make_it_smaller_again() -> None:
    seen = view(
        revision("b", "7/7", promoted=ago(1)), revision("a", "7/7", promoted=OLD), size=scaling(2, 10), serving="a"
    )
    assert dict(planned(seen).run) == {"b": scaling(2, 10)}


def test_a_revision_that_was_asked_for_and_never_served_goes_when_another_is_asked_for() -> None:
    told = planned(view("c", revision("a", "3/3", promoted=OLD), revision("b", "0/3"), serving="a"))
    assert "b" not in told.keep


def test_the_asked_revision_goes_when_the_spec_returns_to_stable() -> None:
    told = planned(view(revision("a", "3/3", promoted=OLD), revision("b", "1/3"), serving="a"))
    assert (told.run, told.keep) == ((("a", fixed(3)),), frozenset("a"))


class TestDrain:
    """The old revision keeps its pods for a while after its successor took over."""

    def after(self, seconds: float, *, serving: str = "b", policy: Rollout = DELAY) -> Plan:
        return planned(
            view(
                revision("b", "3/3", promoted=ago(seconds)),
                revision("a", "3/3", promoted=OLD),
                serving=serving,
                policy=policy,
            )
        )

    def test_keeps_the_old_one_and_its_size_is_nobodys_business(self) -> None:
        told = self.after(29)
        assert (dict(told.run), told.keep) == ({"b": fixed(3)}, frozenset("ab"))

    def test_is_waited_for(self) -> None:
        assert self.after(29).wake_at == ahead(1)

    @pytest.mark.parametrize("seconds", [30, 31, 86_000])
    def test_ends(self, seconds: float) -> None:
        told = self.after(seconds)
        assert (told.keep, told.wake_at) == (frozenset("b"), None)

    def test_of_no_seconds_keeps_none(self) -> None:
        assert self.after(0, policy=Rollout(steps=(), scale_down_delay_seconds=0)).keep == frozenset("b")

    def test_of_no_seconds_still_waits_for_the_traffic_to_move(self) -> None:
        told = self.after(0, serving="a", policy=Rollout(steps=(), scale_down_delay_seconds=0))
        assert told.serve == "b"
        assert told.keep == frozenset("ab")

    def test_ends_later_when_the_delay_is_raised_meanwhile(self) -> None:
        assert self.after(31, policy=Rollout(steps=(), scale_down_delay_seconds=60)).wake_at == ahead(29)

    def test_of_what_was_never_promoted_there_is_none(self) -> None:
        told = planned(view(revision("b", "3/3", promoted=ago(1)), revision("a", "2/3"), serving="b", policy=DELAY))
        assert told.keep == frozenset("b")


class TestThreeVersionsInSuccession:
    """Promoted at 20 and 10 seconds ago: each old one drains by its own successor."""

    def seen(self, a: int, b: int, c: int, asked: str = "c") -> View:
        every = {
            name: revision(name, "3/3", promoted=ago(seconds)) for name, seconds in zip("abc", (a, b, c), strict=True)
        }
        newest = every.pop(asked)
        return view(newest, *every.values(), serving=asked, policy=DELAY)

    def test_both_old_ones_drain(self) -> None:
        told = planned(self.seen(900, 20, 10))
        assert (told.keep, told.wake_at) == (frozenset("abc"), ahead(10))

    def test_the_first_goes_first(self) -> None:
        told = planned(self.seen(900, 30, 20))
        assert (told.keep, told.wake_at) == (frozenset("bc"), ahead(10))

    def test_then_the_second(self) -> None:
        told = planned(self.seen(900, 40, 30))
        assert (told.keep, told.wake_at) == (frozenset("c"), None)

    def test_who_was_promoted_again_is_not_drained_by_its_first_successor(self) -> None:
        """`a` took over again 5 s ago: `b` gave way to `c`, `c` to `a`."""
        told = planned(self.seen(5, 25, 15, asked="a"))
        assert (dict(told.run), told.keep) == ({"a": fixed(3)}, frozenset("abc"))
        assert told.wake_at == ahead(15)


class TestZero:
    @pytest.mark.parametrize("size", [fixed(0)])
    def test_replicas_scale_stable_down_and_keep_its_objects(self, size: Size) -> None:
        told = planned(view(revision("a", "3/3", promoted=OLD), size=size, serving="a"))
        assert (told.run, told.keep) == ((("a", size),), frozenset("a"))

    def test_replicas_end_a_new_revision(self) -> None:
        told = planned(view(revision("b", "1/3"), revision("a", "3/3", promoted=OLD), size=0, serving="a"))
        assert (dict(told.run), told.keep) == ({"a": fixed(0)}, frozenset("a"))

    def test_replicas_end_a_first_revision_though_the_address_is_its_own(self) -> None:
        told = planned(view(revision("a", "1/3"), size=0, serving="a"))
        assert (told.run, told.keep) == ((), frozenset())

    def test_replicas_end_a_first_revision_and_its_predecessor(self) -> None:
        told = planned(view(revision("b", "0/3"), revision("a", "1/3"), size=0, serving="a"))
        assert (told.run, told.keep) == ((), frozenset())

    def test_replicas_start_nothing(self) -> None:
        assert planned(view("a", size=0)).run == ()

    def test_replicas_let_an_old_revision_finish_its_drain(self) -> None:
        seen = view(
            revision("b", "3/3", promoted=ago(10)),
            revision("a", "3/3", promoted=OLD),
            size=0,
            serving="b",
            policy=DELAY,
        )
        told = planned(seen)
        assert (told.keep, told.wake_at) == (frozenset("ab"), ahead(20))


class TestKeep:
    def test_holds_whoever_is_still_at_the_address(self) -> None:
        told = planned(view(revision("b", "3/3", promoted=ago(900)), revision("a", "3/3"), serving="a"))
        assert (told.serve, told.keep) == ("b", frozenset("ab"))

    def test_runs_whoever_is_to_stay_at_the_address(self) -> None:
        """Stable lost its pods before the address moved to it."""
        told = planned(view(revision("b", "0/3", promoted=OLD), revision("a", "3/3"), serving="a"))
        assert (told.serve, dict(told.run)) == ("a", {"a": fixed(3), "b": fixed(3)})


class TestWake:
    def test_comes_from_the_deadline_when_nothing_drains(self) -> None:
        asked = revision("b", "0/3", started=ago(100))
        told = planned(view(asked, revision("a", "3/3", promoted=OLD), serving="a"))
        assert told.wake_at == ahead(500)

    def test_comes_from_what_is_first(self) -> None:
        asked = revision("c", "0/3", started=ago(5))
        others = revision("b", "3/3", promoted=ago(10)), revision("a", "3/3", promoted=OLD)
        assert planned(view(asked, *others, serving="b", policy=DELAY)).wake_at == ahead(20)
        slow = Rollout(steps=(), scale_down_delay_seconds=3600)
        assert planned(view(asked, *others, serving="b", policy=slow)).wake_at == ahead(595)


class TestHistory:
    POLICY = Rollout(steps=(), history=2)

    def forgotten(self, asked: str, *names: str, running: str = "") -> tuple[str, ...]:
        """`names`, oldest first, were all promoted; those in `running` still have pods."""
        every = [
            revision(name, "3/3" if name in running else None, promoted=ago(1000 - age))
            for age, name in enumerate(names)
        ]
        chosen = next((each for each in every if each.revision == asked), None)
        others = [each for each in every if each is not chosen]
        seen = view(chosen or asked, *others, policy=self.POLICY)
        ordered = {each.revision: each for each in every}
        return planned(View(seen.now, seen.asked, seen.size, seen.policy, ordered, seen.serving)).forget

    def test_is_kept(self) -> None:
        assert self.forgotten("c", "a", "b", "c", running="c") == ()

    def test_beyond_its_length_goes_oldest_first(self) -> None:
        assert self.forgotten("e", "a", "b", "c", "d", "e", running="e") == ("a", "b")

    def test_does_not_count_what_has_pods(self) -> None:
        assert self.forgotten("d", "a", "b", "c", "d", running="cd") == ()

    def test_never_loses_stable_even_without_pods(self) -> None:
        assert self.forgotten("x", "a", "b", "c", "d") == ("a",)

    def test_never_loses_what_is_asked_for(self) -> None:
        assert self.forgotten("a", "a", "b", "c", "d", "e", running="e") == ("b",)
