"""An attempt, sentence by sentence: how a new revision gets its shares of the traffic, loses them, and takes over."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from serinus.api.modeldeployment import Rollout
from serinus.api.modelrelease import Attempt, Outcome, Result
from serinus.api.reasons import Reason
from serinus.rollout.attempt import begun
from serinus.rollout.intent import Intent, Stage
from serinus.rollout.plan import plan
from serinus.rollout.rules import decide
from serinus.rollout.view import EVERY, RevisionView, View
from tests.rollout.views import NOW, ago, ahead, fixed, recorded, revision, scaling, steps, view, with_attempt

OLD = ago(86_400)
POLICY = steps(10, 50)
STABLE = revision("a", "10/10", promoted=OLD, version="7")


def seen(
    pods: str | None,
    stable: RevisionView = STABLE,
    *,
    policy: Rollout = POLICY,
    serving: str = "a",
    failure: str | None = None,
    size: int = 10,
    **attempt: object,
) -> View:
    """Revision b beside a stable one, with its attempt as it is given."""
    asked = revision("b", pods, failure=failure, started=ago(90_000))
    new = view(asked, stable, size=size, policy=policy, serving=serving, new=True)
    return with_attempt(new, begun(new).model_copy(update=attempt)) if attempt else new


def waiting(pods: str | None, seconds: float = 60, **more: Any) -> View:  # noqa: ANN401 - passed on
    return seen(pods, **{"since": ago(seconds), "weight": 0, **more})


def holding(pods: str, step: int, seconds: float, **more: Any) -> View:  # noqa: ANN401 - passed on
    weight = POLICY.steps[step - 1].weight
    return seen(pods, **{"serving": EVERY, "step": step, "weight": weight, "since": ago(seconds), **more})


def attempt_of(intent: Intent) -> Attempt:
    assert intent.attempt is not None
    return intent.attempt


def outcome_of(intent: Intent) -> Outcome:
    outcome = attempt_of(intent).outcome
    assert outcome is not None
    return outcome


class TestBegin:
    def test_a_new_revision_begins_an_attempt_with_the_policy_of_now(self) -> None:
        attempt = attempt_of(decide(seen("0/1")))
        assert attempt.number == 1
        assert attempt.policy == POLICY
        assert (attempt.stable, attempt.stable_replicas) == ("a", 10)
        assert (attempt.step, attempt.weight, attempt.since) == (1, 0, NOW)

    def test_a_changed_policy_counts_for_the_next_attempt(self) -> None:
        changed = replace(holding("2/2", 1, 30), policy=steps(90, seconds=0))
        assert decide(changed).reason is Reason.CANARY_IN_PROGRESS
        assert decide(changed).attempt is None

    def test_a_revision_that_served_before_needs_no_steps_and_no_approval(self) -> None:
        proven = revision("b", "10/10", promoted=ago(90_000))
        policy = POLICY.model_copy(update={"approval": "Required"})
        new = view(proven, STABLE, size=10, policy=policy, serving="a", new=True)
        begun = decide(new)
        assert (attempt_of(begun).policy.steps, attempt_of(begun).policy.approval) == ((), "NotRequired")
        intent = decide(recorded(new, begun))
        assert (intent.serve, intent.promote) == ("b", True)
        assert outcome_of(intent).result is Result.PROMOTED

    def test_a_revision_that_served_before_is_given_up_when_its_pods_do_not_come(self) -> None:
        """Also where a stray pod of it was still there: the time counts from its return."""
        proven = revision("b", "1/10", promoted=ago(90_000), started=ago(90_000))
        new = view(proven, STABLE, size=10, policy=POLICY, serving="a", new=True)
        back = recorded(new, decide(new))
        assert decide(replace(back, now=ahead(599))).stage is Stage.MOVING
        intent = decide(replace(back, now=ahead(600)))
        assert (intent.serve, intent.reason) == ("a", Reason.PROGRESS_DEADLINE_EXCEEDED)
        assert outcome_of(intent).result is Result.ROLLED_BACK

    def test_a_first_revision_has_nothing_to_be_compared_with(self) -> None:
        intent = decide(view(revision("a", "10/10"), size=10, policy=POLICY, serving="a"))
        assert (intent.serve, intent.promote, intent.attempt) == ("a", True, None)

    def test_what_ended_because_another_was_asked_for_is_tried_again(self) -> None:
        ended = seen("0/1", since=ago(60), weight=0)
        asked = replace(ended.asked, result=Result.ENDED)
        again = replace(ended, asked=asked, revisions={**ended.revisions, "b": asked})
        assert attempt_of(decide(again)).number == 2

    def test_a_record_without_its_attempts_begins_anew(self) -> None:
        """Somebody removed them."""
        asked = replace(revision("b", "0/1"), result=Result.ROLLED_BACK)
        assert attempt_of(decide(view(asked, STABLE, size=10, policy=POLICY, serving="a", new=True))).number == 1


class TestFirstShare:
    def test_waits_for_its_pods(self) -> None:
        intent = decide(waiting("1/2"))
        assert (intent.serve, intent.attempt, intent.stage) == ("a", None, Stage.MOVING)
        assert intent.message == "revision b: 1 of 2 pods ready; revision a (version 7) goes on serving"

    def test_is_given_when_they_are_ready(self) -> None:
        intent = decide(waiting("2/2", seconds=40))
        attempt = attempt_of(intent)
        assert (intent.serve, intent.reason) == (EVERY, Reason.CANARY_IN_PROGRESS)
        assert (attempt.step, attempt.weight, attempt.since, attempt.waited_seconds) == (1, 10, NOW, 40)
        assert intent.message == "revision b holds 10 % of the traffic at step 1 of 2, for 60 s at least"

    def test_waits_for_the_pods_of_a_third_revision_to_go(self) -> None:
        """They would get a share, too."""
        third = revision("c", "3/3", promoted=ago(100_000))
        crowded = waiting("2/2")
        intent = decide(replace(crowded, revisions={**crowded.revisions, "c": third}))
        assert (intent.serve, intent.attempt) == ("a", None)
        assert "it waits for the pods of revision c to go" in intent.message

    def test_counts_no_time_while_the_address_cannot_be_written(self) -> None:
        assert decide(holding("2/2", 1, 3, serving="a")).attempt is None
        assert attempt_of(decide(holding("2/2", 1, 90, serving="a"))).since == NOW

    @pytest.mark.parametrize(
        ("weight", "pods"), [(1, 1), (5, 1), (10, 2), (25, 4), (50, 10), (60, 10), (99, 10), (100, 10)]
    )
    def test_is_carried_by_so_many_pods_beside_ten(self, weight: int, pods: int) -> None:
        """A pod of the canary carries about as much as one of the stable revision."""
        told = plan(waiting(None, policy=steps(weight)), decide(waiting(None, policy=steps(weight))))
        assert dict(told.run) == {"a": fixed(10), "b": fixed(pods)}

    def test_of_an_autoscaled_model_has_a_lower_end_of_that_many_pods(self) -> None:
        new = view("b", STABLE, size=scaling(4, 20), policy=POLICY, serving="a")
        assert dict(plan(new, decide(new)).run) == {"a": scaling(10, 20), "b": scaling(2, 20)}


class TestSteps:
    def test_a_share_is_held_for_its_time(self) -> None:
        intent = decide(holding("2/2", 1, 59))
        assert (intent.serve, intent.attempt, intent.wake_at) == (EVERY, None, ahead(1))

    def test_then_the_pods_of_the_next_step_are_asked_for(self) -> None:
        over = holding("2/2", 1, 60)
        intent = decide(over)
        assert (intent.serve, intent.attempt, intent.capacity) == (EVERY, None, POLICY.steps[1])
        assert dict(plan(over, intent).run) == {"a": fixed(10), "b": fixed(10)}
        assert intent.message == (
            "revision b holds 10 %; step 1 of 2 is over, and step 2, 50 % waits for pods: 2 of 2 pods ready"
        )

    def test_and_when_they_are_ready_it_goes_on(self) -> None:
        attempt = attempt_of(decide(holding("10/10", 1, 75)))
        assert (attempt.step, attempt.weight, attempt.since) == (2, 50, NOW)
        (held,) = attempt.held
        assert (held.step, held.weight, held.since, held.until) == (1, 10, ago(75), NOW)

    def test_after_the_last_one_it_takes_over(self) -> None:
        intent = decide(holding("10/10", 2, 60))
        outcome = attempt_of(intent).outcome
        assert (intent.serve, intent.promote) == ("b", True)
        assert outcome is not None
        assert (outcome.result, outcome.at) == (Result.PROMOTED, NOW)

    def test_not_before_it_is_at_full_size(self) -> None:
        intent = decide(holding("9/10", 2, 60))
        assert (intent.serve, intent.promote, intent.stage) == (EVERY, False, Stage.MOVING)
        assert intent.reason is Reason.PROMOTION_WAITS_FOR_PODS
        assert intent.message.endswith("the promotion waits for pods: 9 of 10 pods ready")

    def test_without_steps_it_takes_over_as_soon_as_its_pods_are_ready(self) -> None:
        assert decide(waiting("10/10", policy=steps())).promote
        assert not decide(waiting("9/10", policy=steps())).promote

    def test_losing_one_of_several_pods_changes_nothing(self) -> None:
        intent = decide(holding("1/2", 1, 30))
        assert (intent.serve, intent.attempt) == (EVERY, None)

    def test_stable_keeps_its_size_throughout(self) -> None:
        for each in (waiting("0/2"), holding("2/2", 1, 30), holding("10/10", 2, 30)):
            assert dict(plan(each, decide(each)).run)["a"] == fixed(10)


class TestRetreat:
    def test_without_a_ready_pod_the_share_is_given_back_at_once(self) -> None:
        lost = holding("0/2", 1, 30)
        intent = decide(lost)
        attempt = attempt_of(intent)
        assert (intent.serve, attempt.weight, attempt.since, attempt.step) == ("a", 0, NOW, 1)

    def test_is_told_while_it_lasts(self) -> None:
        lost = recorded(holding("0/2", 1, 30), decide(holding("0/2", 1, 30)))
        intent = decide(lost)
        assert intent.reason is Reason.RETREATED
        assert intent.message == (
            "revision b: 0 of 2 pods ready; revision a (version 7) goes on serving; step 1 begins anew when it is ready"
        )

    def test_ends_with_the_step_begun_anew(self) -> None:
        attempt = attempt_of(decide(waiting("10/10", seconds=20, step=2)))
        assert (attempt.step, attempt.weight, attempt.since, attempt.waited_seconds) == (2, 50, NOW, 20)

    def test_times_of_waiting_add_up_to_the_deadline(self) -> None:
        assert decide(waiting("0/2", seconds=99, waited_seconds=500)).stage is Stage.MOVING
        assert decide(waiting("0/2", seconds=99, waited_seconds=500)).wake_at == ahead(1)
        assert decide(waiting("0/2", seconds=100, waited_seconds=500)).stage is Stage.STUCK

    @pytest.mark.parametrize(
        ("started", "waited"),
        [
            pytest.param(ago(10), 10, id="the operator was away before it could ask for them"),
            pytest.param(ahead(3_600), 500, id="the clock of the API server is ahead: it says nothing"),
        ],
    )
    def test_counts_from_when_there_are_pods(self, started: datetime, waited: int) -> None:
        asked = waiting("0/2", seconds=500)
        young = replace(asked.asked, pods=revision("b", "0/2", started=started).pods)
        intent = decide(replace(asked, asked=young, revisions={**asked.revisions, "b": young}))
        assert (intent.stage, intent.wake_at) == (Stage.MOVING, ahead(600 - waited))

    def test_does_not_happen_at_a_deadline_that_passed_unseen_if_its_pods_are_ready_now(self) -> None:
        """The operator was away."""
        assert attempt_of(decide(waiting("2/2", seconds=10_000))).weight == 10


class TestRollback:
    def over(self) -> View:
        return waiting("0/2", seconds=600, failure="pod b-1: CrashLoopBackOff")

    def test_past_the_deadline_keeps_the_reason(self) -> None:
        intent = decide(self.over())
        outcome = attempt_of(intent).outcome
        assert (intent.serve, intent.stage) == ("a", Stage.STUCK)
        assert outcome is not None
        assert (outcome.result, outcome.reason) == (Result.ROLLED_BACK, Reason.PROGRESS_DEADLINE_EXCEEDED)
        assert "0 of 2 pods ready after 600 s; pod b-1: CrashLoopBackOff: rolled back" in outcome.message

    def test_stays_though_its_pods_become_ready(self) -> None:
        back = recorded(self.over(), decide(self.over()))
        late = replace(back.asked, pods=revision("b", "2/2").pods)
        intent = decide(replace(back, asked=late, revisions={**back.revisions, "b": late}))
        assert (intent.serve, intent.stage, intent.reason) == ("a", Stage.STUCK, Reason.PROGRESS_DEADLINE_EXCEEDED)

    def test_keeps_the_pods_for_the_delay_and_then_lets_them_go(self) -> None:
        back = recorded(self.over(), decide(self.over()))
        told = plan(back, decide(back))
        assert (dict(told.run), told.keep, told.wake_at) == ({"a": fixed(10)}, frozenset("ab"), ahead(30))
        later = replace(back, now=ahead(30))
        assert plan(later, decide(later)).keep == frozenset("a")

    def test_is_over_when_another_revision_is_asked_for(self) -> None:
        back = recorded(self.over(), decide(self.over()))
        returned = replace(back, asked=back.revisions["a"])
        assert plan(returned, decide(returned)).leave == ("b",)


class TestStableIsDown:
    def down(self, pods: str = "0/10") -> RevisionView:
        return revision("a", pods, promoted=OLD)

    def test_shares_stay_and_no_step_advances(self) -> None:
        intent = decide(holding("10/10", 1, 90, stable=self.down()))
        assert (intent.serve, intent.attempt, intent.reason) == (EVERY, None, Reason.STABLE_NOT_READY)
        assert intent.message == (
            "revision a has no ready pod: revision b stays at 10 % until it has; "
            "the command promote-full replaces it all the same"
        )

    def test_none_takes_over(self) -> None:
        assert not decide(holding("10/10", 2, 90, stable=self.down())).promote

    def test_no_share_is_given(self) -> None:
        intent = decide(waiting("2/2", stable=self.down()))
        assert (intent.serve, intent.attempt) == ("a", None)

    def test_without_steps_the_new_revision_takes_over_all_the_same(self) -> None:
        assert decide(waiting("10/10", stable=self.down(), policy=steps())).promote

    def test_a_canary_without_ready_pods_retreats_from_it_too(self) -> None:
        assert attempt_of(decide(holding("0/2", 1, 30, stable=self.down()))).weight == 0

    def test_a_spec_that_returns_to_it_leaves_the_traffic_with_whom_answers(self) -> None:
        canary = holding("2/2", 1, 30, stable=self.down())
        intent = decide(replace(canary, asked=canary.revisions["a"]))
        assert intent.serve == "b"


class TestZero:
    def test_lets_no_time_count(self) -> None:
        resting = replace(holding("0/0", 1, 30), size=fixed(0))
        attempt = attempt_of(decide(resting))
        assert (attempt.weight, attempt.since) == (0, None)
        assert decide(recorded(resting, decide(resting))).attempt is None

    def test_and_back_waits_for_pods_from_now_on(self) -> None:
        back = seen("0/1", since=None, weight=0, waited_seconds=5.0)
        attempt = attempt_of(decide(back))
        assert (attempt.since, attempt.waited_seconds) == (NOW, 5)


def test_a_new_spec_supersedes_the_canary_and_stable_answers_alone_first() -> None:
    canary = holding("2/2", 1, 30)
    superseded = replace(canary, asked=RevisionView("c"))
    intent = decide(superseded)
    told = plan(superseded, intent)
    assert (intent.serve, attempt_of(intent).number) == ("a", 1)
    assert "b" in told.keep, "it is still at the address"
    assert told.leave == ("b",)
    moved = replace(superseded, serving="a")
    assert "b" not in plan(moved, decide(moved)).keep


def test_the_stable_spec_applied_again_ends_the_canary_at_once() -> None:
    canary = holding("2/2", 1, 30)
    returned = replace(canary, asked=canary.revisions["a"])
    intent = decide(returned)
    assert (intent.serve, intent.stage, intent.reason) == ("a", Stage.SETTLED, Reason.SERVING)


def test_a_clock_that_was_set_back_ends_no_step_early_and_rolls_nothing_back() -> None:
    future = ahead(3_600)
    assert decide(holding("2/2", 1, 0, since=future)).attempt is None
    assert decide(waiting("0/2", since=future)).stage is Stage.MOVING


class TestRoom:
    CROWD = "2 rollouts go on in namespace risk, as many as may"

    def crowded(self) -> View:
        return replace(seen("0/1"), crowd=self.CROWD)

    def test_a_rollout_that_has_to_wait_begins_without_pods_and_without_time(self) -> None:
        queued = recorded(self.crowded(), decide(self.crowded()))
        intent = decide(replace(queued, now=ahead(90_000)))
        assert (intent.serve, intent.reason, intent.capacity, intent.attempt) == ("a", Reason.QUEUED, None, None)
        assert self.CROWD in intent.message

    def test_goes_on_when_its_turn_has_come(self) -> None:
        queued = recorded(self.crowded(), decide(self.crowded()))
        attempt = attempt_of(decide(replace(queued, crowd="", now=ahead(60))))
        assert (attempt.queued, attempt.since, attempt.started_at) == (False, ahead(60), NOW)

    def test_return_first_deploy_and_promote_full_do_not_wait(self) -> None:
        proven = view(revision("b", promoted=ago(90_000)), STABLE, size=10, policy=POLICY, serving="a")
        first = view(revision("b", "0/1"), size=1, serving="b")
        assert not proven.wants_room
        assert not first.wants_room
        queued = recorded(self.crowded(), decide(self.crowded()))
        told = with_attempt(queued, attempt_of(decide(self.crowded())).model_copy(update={"full": True}))
        assert attempt_of(decide(told)).queued is False
