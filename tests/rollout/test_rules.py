"""The policy of a rollout, sentence by sentence: a View in, an Intent out."""

from dataclasses import replace

import pytest

from serinus.api.modeldeployment import Rollout
from serinus.api.reasons import Reason
from serinus.rollout.canary import capacity_to_take_over
from serinus.rollout.intent import Stage
from serinus.rollout.rules import RULES, decide
from serinus.rollout.view import Size, View
from tests.rollout.views import NOW, ago, ahead, fixed, revision, scaling, view

OLD = ago(86_400)


def stable(pods: str = "3/3", failure: str | None = None) -> View:
    return view(revision("a", pods, promoted=OLD, failure=failure), serving="a")


def test_what_was_asked_for_and_serves_at_full_size_is_settled() -> None:
    intent = decide(stable())
    assert (intent.serve, intent.stage, intent.reason) == ("a", Stage.SETTLED, Reason.SERVING)
    assert intent.message == "revision a serves with 3 of 3 pods ready"
    assert not intent.promote
    assert intent.wake_at is None


@pytest.mark.parametrize(
    ("pods", "failure", "reason", "message"),
    [
        ("2/3", None, Reason.PODS_NOT_READY, "revision a: 2 of 3 pods ready"),
        ("0/3", None, Reason.PODS_NOT_READY, "revision a: 0 of 3 pods ready"),
        ("3/2", None, Reason.PODS_NOT_READY, "revision a: 3 of 2 pods ready"),
        ("2/3", "pod a-1: OOM", Reason.PODS_FAILING, "revision a: 2 of 3 pods ready; pod a-1: OOM"),
    ],
    ids=["one is missing", "all are missing", "the Deployment is still to grow", "one fails"],
)
def test_stable_below_its_size_is_on_its_way_and_says_why(
    pods: str, failure: str | None, reason: Reason, message: str
) -> None:
    intent = decide(stable(pods, failure))
    assert (intent.serve, intent.stage, intent.reason, intent.message) == ("a", Stage.MOVING, reason, message)


def test_stable_never_stalls_however_long_its_pods_are_missing() -> None:
    assert decide(stable("0/3")).stage is Stage.MOVING


def test_stable_with_more_pods_than_asked_for_is_settled_while_they_go() -> None:
    assert decide(stable("5/5")).stage is Stage.SETTLED


def test_a_failing_pod_beyond_the_size_keeps_stable_from_being_settled() -> None:
    assert decide(stable("4/5", "pod a-1: OOM")).reason is Reason.PODS_FAILING


class TestLostRecord:
    def test_what_serves_is_recorded_again_before_an_older_one_counts_as_stable(self) -> None:
        lost = replace(revision("b", "3/3"), recorded=False)
        intent = decide(view(revision("c", "1/3"), lost, revision("a", promoted=OLD), serving="b"))
        assert (intent.serve, intent.promote) == ("b", True)

    @pytest.mark.parametrize("serving", ["a", None])
    def test_what_does_not_serve_is_not(self, serving: str | None) -> None:
        lost = replace(revision("b", "3/3"), recorded=False)
        intent = decide(view(lost, revision("a", "3/3", promoted=OLD), size=4, serving=serving))
        assert not intent.promote

    def test_nor_a_first_revision_that_is_not_all_there(self) -> None:
        lost = replace(revision("a", "1/3"), recorded=False)
        assert not decide(view(lost, serving="a")).promote


class TestFirstRevision:
    def test_is_served_from_the_start_so_that_the_address_exists(self) -> None:
        intent = decide(view("a"))
        assert (intent.serve, intent.stage, intent.reason) == ("a", Stage.MOVING, Reason.PODS_NOT_READY)
        assert intent.message == "revision a: no pods yet; no revision serves until they are ready"
        assert intent.wake_at is None

    def test_is_told_as_failing_when_its_pods_fail(self) -> None:
        intent = decide(view(revision("a", "0/3", failure="pod a-1: OOM"), serving="a"))
        assert (intent.stage, intent.reason) == (Stage.MOVING, Reason.PODS_FAILING)
        assert intent.message == (
            "revision a: 0 of 3 pods ready; pod a-1: OOM; no revision serves until they are ready"
        )

    def test_serves_with_the_pods_that_are_ready(self) -> None:
        intent = decide(view(revision("a", "1/3"), serving="a"))
        assert intent.message == "revision a: 1 of 3 pods ready; it serves with those that are"
        assert not intent.promote

    def test_is_promoted_when_all_are_ready(self) -> None:
        intent = decide(view(revision("a", "3/3"), serving="a"))
        assert (intent.serve, intent.promote) == ("a", True)

    def test_gives_way_to_the_next_one_at_once_while_it_never_answered(self) -> None:
        intent = decide(view("b", revision("a", "0/3"), serving="a"))
        assert intent.serve == "b"

    def test_keeps_the_address_while_its_successor_is_not_ready(self) -> None:
        intent = decide(view(revision("b", "0/3"), revision("a", "1/3"), serving="a"))
        assert (intent.serve, intent.promote) == ("a", False)
        assert intent.message == "revision b: 0 of 3 pods ready; revision a goes on serving"

    def test_never_promoted_loses_the_address_when_its_successor_is_promoted(self) -> None:
        intent = decide(view(revision("b", "3/3"), revision("a", "1/3"), serving="a"))
        assert (intent.serve, intent.promote) == ("b", True)


class TestNewRevision:
    def test_waits_while_stable_serves(self) -> None:
        intent = decide(view("b", revision("a", "3/3", promoted=OLD), serving="a"))
        assert (intent.serve, intent.stage, intent.reason) == ("a", Stage.MOVING, Reason.ROLLOUT_IN_PROGRESS)
        assert intent.message == "revision b: no pods yet; revision a goes on serving"

    def test_is_not_promoted_before_its_last_pod_is_ready(self) -> None:
        intent = decide(view(revision("b", "2/3"), revision("a", "3/3", promoted=OLD), serving="a"))
        assert (intent.serve, intent.promote) == ("a", False)

    def test_is_promoted_when_all_its_pods_are_ready(self) -> None:
        intent = decide(view(revision("b", "3/3"), revision("a", "3/3", promoted=OLD), serving="a"))
        assert (intent.serve, intent.promote) == ("b", True)

    def test_is_not_settled_before_its_promotion_is_on_record(self) -> None:
        intent = decide(view(revision("b", "3/3"), revision("a", "3/3", promoted=OLD), serving="a"))
        assert (intent.stage, intent.reason) == (Stage.MOVING, Reason.ROLLOUT_IN_PROGRESS)
        assert intent.message == "revision b: 3 of 3 pods ready; it takes over now"

    def test_is_not_promoted_at_a_smaller_size_than_asked_for(self) -> None:
        """Replicas were raised together with the template; the new Deployment has not grown yet."""
        intent = decide(view(revision("b", "3/3"), revision("a", "3/3", promoted=OLD), size=5, serving="a"))
        assert not intent.promote

    def test_is_shown_with_its_version(self) -> None:
        intent = decide(
            view(revision("b", "1/3", version="8"), revision("a", "3/3", promoted=OLD, version="7"), serving="a")
        )
        assert intent.message == "revision b (version 8): 1 of 3 pods ready; revision a (version 7) goes on serving"

    def test_that_fails_before_its_deadline_is_no_rollback_but_said(self) -> None:
        asked = revision("b", "0/3", failure="pod b-1: ImagePullBackOff")
        intent = decide(view(asked, revision("a", "3/3", promoted=OLD), serving="a"))
        assert (intent.serve, intent.stage, intent.reason) == ("a", Stage.MOVING, Reason.PODS_FAILING)

    def test_says_so_when_stable_does_not_answer_either(self) -> None:
        intent = decide(view(revision("b", "0/3"), revision("a", "0/3", promoted=OLD), serving="a"))
        assert intent.serve == "a"
        assert intent.message == "revision b: 0 of 3 pods ready; revision a has no ready pod either"

    def test_that_was_promoted_before_takes_over_again_at_once_if_its_pods_are_still_there(self) -> None:
        intent = decide(
            view(revision("a", "3/3", promoted=ago(900)), revision("b", "3/3", promoted=ago(10)), serving="b")
        )
        assert (intent.serve, intent.promote) == ("a", True)


class TestAddress:
    """Nobody is moved to a revision without a ready pod while another one answers."""

    def test_does_not_go_back_to_a_stable_revision_without_ready_pods(self) -> None:
        """The record of what serves was lost, and an older promotion counts again."""
        intent = decide(view("c", revision("a", promoted=OLD), revision("b", "3/3"), serving="b"))
        assert intent.serve == "b"
        assert intent.message == "revision c: no pods yet; revision b goes on serving"

    def test_stays_when_the_promoted_revision_lost_its_pods_before_the_move(self) -> None:
        intent = decide(view(revision("b", "0/3", promoted=ago(1)), revision("a", "3/3", promoted=OLD), serving="a"))
        assert (intent.serve, intent.stage) == ("a", Stage.MOVING)
        assert intent.message == "revision b: 0 of 3 pods ready; revision a goes on serving"

    def test_goes_to_stable_as_soon_as_it_has_a_ready_pod(self) -> None:
        intent = decide(view(revision("b", "1/3", promoted=ago(1)), revision("a", "3/3", promoted=OLD), serving="a"))
        assert intent.serve == "b"

    def test_goes_to_stable_when_nobody_answers(self) -> None:
        intent = decide(view(revision("b", "0/3", promoted=ago(1)), revision("a", "0/3", promoted=OLD), serving="a"))
        assert intent.serve == "b"

    def test_goes_to_stable_when_the_service_selects_what_is_not_ours(self) -> None:
        intent = decide(view("b", revision("a", "0/3", promoted=OLD), serving="by-hand"))
        assert intent.serve == "a"


class TestDeadline:
    POLICY = Rollout(steps=(), progress_deadline_seconds=600)

    def waiting(self, started: float, failure: str | None = None) -> View:
        asked = revision("b", "1/3", started=ago(started), failure=failure)
        return view(asked, revision("a", "3/3", promoted=OLD), serving="a", policy=self.POLICY)

    def test_is_waited_for(self) -> None:
        intent = decide(self.waiting(599))
        assert (intent.stage, intent.wake_at) == (Stage.MOVING, ahead(1))

    def test_passed_rolls_back_and_stable_goes_on(self) -> None:
        intent = decide(self.waiting(600))
        assert (intent.serve, intent.stage) == ("a", Stage.STUCK)
        assert intent.reason is Reason.PROGRESS_DEADLINE_EXCEEDED
        assert intent.message == (
            "revision b: 1 of 3 pods ready after 600 s: rolled back; revision a goes on serving; "
            "it is not tried again until another revision was asked for: correct the template"
        )
        assert intent.wake_at is None

    def test_passed_names_what_failed(self) -> None:
        assert "after 600 s; pod b-1: OOM: rolled back; revision a" in decide(self.waiting(601, "pod b-1: OOM")).message

    def test_passed_does_not_keep_a_revision_that_becomes_ready_from_taking_over(self) -> None:
        late = revision("b", "3/3", started=ago(10_000))
        assert decide(view(late, revision("a", "3/3", promoted=OLD), serving="a", policy=self.POLICY)).promote

    def test_does_not_run_before_there_are_pods(self) -> None:
        """Who was to ask for them may have been away."""
        began = view("b", revision("a", "3/3", promoted=OLD), serving="a", policy=self.POLICY)
        late = replace(began, now=ahead(10_000))
        assert (decide(late).stage, decide(late).wake_at) == (Stage.MOVING, None)


class TestZero:
    def test_replicas_are_a_settled_state_of_stable(self) -> None:
        intent = decide(view(revision("a", "0/0", promoted=OLD), size=0, serving="a"))
        assert (intent.serve, intent.stage, intent.reason) == ("a", Stage.SETTLED, Reason.SCALED_TO_ZERO)

    def test_replicas_start_and_promote_nothing(self) -> None:
        """Not even a revision whose last pods are still there."""
        intent = decide(view(revision("b", "3/3"), revision("a", "3/3", promoted=OLD), size=0, serving="a"))
        assert (intent.serve, intent.promote, intent.stage) == ("a", False, Stage.MOVING)
        assert intent.reason is Reason.SCALED_TO_ZERO
        assert intent.message == "revision b waits: at zero replicas nothing starts; raise replicas"

    def test_pods_of_a_first_revision_are_not_promoted(self) -> None:
        assert not decide(view(revision("a", "0/0"), size=0, serving="a")).promote

    def test_and_back_is_a_stable_revision_whose_pods_are_not_ready_yet(self) -> None:
        intent = decide(view(revision("a", "0/0", promoted=OLD), size=3, serving="a"))
        assert (intent.serve, intent.stage, intent.reason) == ("a", Stage.MOVING, Reason.PODS_NOT_READY)


class TestAutoscaling:
    def test_stable_is_settled_wherever_the_autoscaler_put_it(self) -> None:
        for pods in ("2/2", "7/7", "10/10"):
            intent = decide(view(revision("a", pods, promoted=OLD), size=scaling(2, 10), serving="a"))
            assert intent.stage is Stage.SETTLED

    def test_stable_is_not_settled_below_the_lower_end(self) -> None:
        assert decide(view(revision("a", "1/1", promoted=OLD), size=scaling(2, 10))).stage is Stage.MOVING

    def test_a_new_revision_must_be_as_large_as_stable_is_now(self) -> None:
        old = revision("a", "7/7", promoted=OLD)
        assert not decide(view(revision("b", "6/6"), old, size=scaling(2, 10), serving="a")).promote
        assert decide(view(revision("b", "7/7"), old, size=scaling(2, 10), serving="a")).promote

    @pytest.mark.parametrize(
        ("size", "stable_wants", "needed"),
        [
            (fixed(3), 7, fixed(3)),
            (scaling(2, 10), 1, scaling(2, 10)),
            (scaling(2, 10), 2, scaling(2, 10)),
            (scaling(2, 10), 7, scaling(7, 10)),
            (scaling(2, 10), 12, scaling(10, 10)),
        ],
        ids=["a number is a number", "below the range", "at its end", "inside", "above: no more than is allowed"],
    )
    def test_the_lower_end_for_taking_over_follows_stable(self, size: Size, stable_wants: int, needed: Size) -> None:
        old = revision("a", f"{stable_wants}/{stable_wants}", promoted=OLD)
        assert capacity_to_take_over(view("b", old, size=size)) == needed

    def test_a_first_revision_takes_over_at_the_lower_end(self) -> None:
        assert capacity_to_take_over(view("a", size=scaling(2, 10))) == scaling(2, 10)


class TestPromotions:
    def test_stable_is_who_was_promoted_last(self) -> None:
        seen = view("c", revision("a", promoted=ago(1)), revision("b", promoted=ago(2)))
        assert seen.stable is not None
        assert seen.stable.revision == "a"
        assert [each.revision for each in seen.promotions] == ["b", "a"]

    def test_at_the_same_moment_have_an_order_all_the_same(self) -> None:
        for order in ("ab", "ba"):
            seen = view("c", *(revision(name, promoted=OLD) for name in order))
            assert seen.stable is not None
            assert seen.stable.revision == "b"

    def test_happen_now(self) -> None:
        assert view("b", revision("a", promoted=OLD)).promotion_time == NOW
        assert view("a").promotion_time == NOW

    def test_happen_after_the_last_one_though_a_clock_was_set_back(self) -> None:
        seen = view("b", revision("a", "3/3", promoted=ahead(3600)))
        assert seen.promotion_time > ahead(3600)


def test_each_rule_says_what_it_is_for() -> None:
    assert all(rule.__doc__ for rule in RULES)
