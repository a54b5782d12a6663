"""Commands: what each does, when it is refused and with which words, and that it is obeyed once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from serinus.api.commands import Command, Verb
from serinus.api.modeldeployment import Rollout
from serinus.api.modelrelease import Attempt, Result
from serinus.api.reasons import Reason
from serinus.rollout.attempt import begun, ended
from serinus.rollout.commands import answer, is_refusal
from serinus.rollout.intent import Intent, Stage
from serinus.rollout.plan import plan
from serinus.rollout.rules import decide
from serinus.rollout.view import EVERY, EVERYTHING, NO_GATES, NOBODY, Judgement, Verdict, View
from tests.rollout.views import NO_STEPS, NOW, ago, fixed, recorded, revision, steps, view, with_attempt

STABLE = revision("a", "4/4", promoted=ago(86_400))
POLICY = steps(25, 50)


def rollout(pods: str = "4/4", policy: Rollout = POLICY, **attempt: Any) -> View:  # noqa: ANN401 - passed on
    """Revision b holds 25 % for half of the step's minute, unless the test says otherwise."""
    new = view(revision("b", pods, started=ago(600)), STABLE, size=4, policy=policy, serving=EVERY, new=True)
    state = {"weight": 25, "since": ago(30)} | attempt
    return with_attempt(new, begun(new).model_copy(update=state))


def told(seen: View, verb: Verb, nonce: str = "1", revision: str = "b", by: str | None = None) -> View:
    return replace(seen, command=Command(verb, revision, nonce, by))


def obeyed(seen: View) -> tuple[View, Intent]:
    """The View when the command is on record, and what is decided then."""
    intent = decide(seen)
    assert intent.attempt is not None, intent
    commands = intent.attempt.commands
    after = recorded(seen, intent)
    asked = replace(after.asked, commands=(*seen.asked.commands, *commands))
    after = replace(after, asked=asked, revisions={**after.revisions, "b": asked})
    return after, decide(after)


def refusal(seen: View) -> str:
    given = answer(seen)
    assert given is not None
    assert is_refusal(given.result), given
    assert decide(seen) == decide(replace(seen, command=None)), "a refused command changes nothing"
    return given.result.removeprefix("refused: ")


def last(seen: View) -> Attempt:
    assert seen.asked.attempt is not None
    return seen.asked.attempt


class TestOnce:
    def test_what_was_obeyed_is_recorded_with_who_gave_it_and_when_and_is_not_obeyed_again(self) -> None:
        after, intent = obeyed(told(rollout(), Verb.PAUSE, by="ada"))
        (record,) = last(after).commands
        assert (record.verb, record.nonce, record.by, record.at) == (Verb.PAUSE, "1", "ada", NOW)
        assert intent.attempt is None
        given = answer(after)
        assert given is not None
        assert (given.result, given.attempt) == (record.result, None)

    def test_until_it_is_recorded_everything_stays_as_it_is(self) -> None:
        seen = told(rollout(), Verb.ABORT)
        assert (decide(seen).serve, decide(seen).capacity) == (EVERY, seen.policy.steps[0])

    @pytest.mark.parametrize("verb", [Verb.RESUME, Verb.PAUSE])
    def test_a_nonce_counts_once_also_when_another_command_came_in_between(self, verb: Verb) -> None:
        paused, _ = obeyed(told(rollout(), Verb.PAUSE, "1"))
        resumed, _ = obeyed(told(paused, Verb.RESUME, "2"))
        assert refusal(told(resumed, verb, "1")) == "nonce 1 was used before: a new command needs a new word"

    def test_a_nonce_of_an_earlier_attempt_counts_too(self) -> None:
        aborted, _ = obeyed(told(rollout(), Verb.ABORT, "1"))
        again, _ = obeyed(told(aborted, Verb.RETRY, "2"))
        assert "nonce 1 was used before" in refusal(told(again, Verb.ABORT, "1"))


class TestRefused:
    def test_what_is_for_another_revision(self) -> None:
        words = "it is for revision c, and the spec asks for revision b"
        assert refusal(told(rollout(), Verb.ABORT, revision="c")) == words

    def test_what_cannot_be_read(self) -> None:
        seen = replace(rollout(), command=Command(None, "", "rollback now"))
        assert 'write serinus.dev/command: "<verb> <revision> <nonce> [by <user>]"' in refusal(seen)

    @pytest.mark.parametrize("verb", Verb)
    def test_any_for_a_first_or_the_stable_revision(self, verb: Verb) -> None:
        first = view(revision("b", "1/2"), size=2, serving="b")
        assert refusal(told(first, verb)) == "revision b is the first one: there is no rollout"
        stable = view(revision("b", "2/2", promoted=ago(60)), size=2, serving="b")
        assert refusal(told(stable, verb)) == "revision b is the stable one already: there is no rollout"

    @pytest.mark.parametrize(
        ("verb", "state", "words"),
        [
            (Verb.PROMOTE, {}, "revision b waits for nobody now: promote-full would skip the steps that are left"),
            (Verb.PROMOTE, {"paused": True}, "a command paused the rollout: resume lets it go on"),
            (Verb.PROMOTE_FULL, {"full": True}, "it was told so before"),
            (Verb.PAUSE, {"paused": True}, "the rollout is paused already"),
            (Verb.RESUME, {}, "no command paused the rollout"),
            (Verb.RETRY, {}, "revision b was not rolled back"),
        ],
    )
    def test_what_has_nothing_to_change(self, verb: Verb, state: dict[str, Any], words: str) -> None:
        assert refusal(told(rollout(**state), verb)) == words

    @pytest.mark.parametrize("verb", [verb for verb in Verb if verb is not Verb.RETRY])
    def test_all_but_retry_after_a_rollback(self, verb: Verb) -> None:
        seen = rollout()
        over = with_attempt(seen, ended(last(seen), NOW, Result.ROLLED_BACK, Reason.ABORTED, "it was aborted"))
        assert refusal(told(over, verb)) == "revision b was rolled back: retry tries it again"

    def test_what_comes_before_a_rollout_that_the_spec_pauses(self) -> None:
        new = view("b", STABLE, size=4, policy=POLICY, serving="a", new=True)
        assert "spec.paused is true" in refusal(told(replace(new, paused=True), Verb.PROMOTE_FULL))

    def test_resume_at_the_pause_of_a_step_says_what_ends_it(self) -> None:
        seen = rollout(policy=steps(25, pause=True), since=ago(90))
        assert refusal(told(seen, Verb.RESUME)) == "no command paused the rollout; promote ends the pause of a step"


class TestAbort:
    def test_gives_the_traffic_back_and_is_final(self) -> None:
        after, intent = obeyed(told(rollout(), Verb.ABORT, by="ada"))
        assert (intent.serve, intent.stage, intent.reason, intent.capacity) == ("a", Stage.STUCK, Reason.ABORTED, None)
        assert intent.message == (
            "revision b was given up by ada at 25 %; revision a goes on serving; it is not tried again until another "
            "revision was asked for, or the command retry is given"
        )
        assert last(after).outcome is not None

    def test_outranks_an_earlier_promote_full(self) -> None:
        after, _ = obeyed(told(rollout("1/4"), Verb.PROMOTE_FULL, "1"))
        _, intent = obeyed(told(after, Verb.ABORT, "2"))
        assert intent.reason is Reason.ABORTED

    def test_works_at_zero_replicas_and_while_the_spec_is_paused(self) -> None:
        _, paused = obeyed(told(replace(rollout(), paused=True), Verb.ABORT))
        assert paused.reason is Reason.ABORTED

    def test_leaves_the_traffic_where_it_is_answered_when_no_stable_pod_is_ready(self) -> None:
        seen = rollout()
        down = replace(seen, revisions={**seen.revisions, "a": revision("a", "0/4", promoted=ago(86_400))})
        _, intent = obeyed(told(down, Verb.ABORT))
        assert (intent.serve, intent.reason) == ("b", Reason.ABORTED)


class TestRetry:
    def test_begins_another_attempt_with_the_policy_of_now(self) -> None:
        aborted, _ = obeyed(told(rollout(), Verb.ABORT, "1"))
        changed = replace(aborted, policy=steps(50))
        after, intent = obeyed(told(changed, Verb.RETRY, "2"))
        assert (last(after).number, last(after).policy, last(after).outcome) == (2, steps(50), None)
        assert intent.stage is Stage.MOVING


class TestPause:
    def test_holds_the_share_beyond_the_step_and_resume_goes_on(self) -> None:
        paused, intent = obeyed(told(rollout(since=ago(600)), Verb.PAUSE, "1"))
        assert (intent.serve, intent.stage, intent.reason) == (EVERY, Stage.PAUSED, Reason.PAUSED)
        assert intent.message == "revision b is paused at 25 %, step 1 of 2: the command resume lets it go on"
        _, on = obeyed(told(paused, Verb.RESUME, "2"))
        assert on.attempt is not None
        assert on.attempt.weight == 50

    def test_before_a_share_takes_none_and_no_time_counts(self) -> None:
        paused, intent = obeyed(told(rollout(weight=0, since=ago(10)), Verb.PAUSE))
        assert intent.attempt is not None
        resting = with_attempt(paused, intent.attempt)
        later = replace(resting, now=NOW + timedelta(days=30))
        assert (decide(later).serve, decide(later).reason, decide(later).attempt) == ("a", Reason.PAUSED, None)

    def test_does_not_keep_a_share_without_pods_and_takes_it_again_with_them(self) -> None:
        seen = rollout("0/1", paused=True)
        retreat = decide(seen)
        assert (retreat.serve, retreat.reason) == ("a", Reason.RETREATED)
        back = recorded(seen, retreat)
        ready = replace(back.asked, pods=revision("b", "4/4").pods)
        again = decide(replace(back, asked=ready, revisions={**back.revisions, "b": ready}))
        assert again.attempt is not None
        assert again.attempt.weight == 25

    def test_of_the_spec_holds_what_goes_on_and_lets_nothing_begin(self) -> None:
        going = decide(replace(rollout(since=ago(600)), paused=True))
        assert (going.serve, going.stage, going.reason) == (EVERY, Stage.PAUSED, Reason.PAUSED)
        new = view("b", STABLE, size=4, policy=POLICY, serving="a", new=True)
        begin = decide(replace(new, paused=True))
        assert (begin.serve, begin.stage, begin.capacity, begin.attempt) == ("a", Stage.PAUSED, None, None)

    def test_of_the_spec_does_not_keep_a_first_revision_from_serving(self) -> None:
        assert decide(replace(view(revision("b", "2/2"), size=2, serving="b"), paused=True)).promote


class TestPauseOfAStep:
    def seen(self, **state: Any) -> View:  # noqa: ANN401 - passed on
        return rollout(policy=steps(25, 50, pause=True), **state)

    def test_lasts_until_promote_and_the_next_step_has_its_own(self) -> None:
        waits = self.seen(since=ago(90_000))
        assert (decide(waits).stage, decide(waits).reason) == (Stage.PAUSED, Reason.STEP_PAUSED)
        released, intent = obeyed(told(waits, Verb.PROMOTE))
        assert intent.attempt is not None
        assert intent.attempt.weight == 50
        second = replace(recorded(released, intent), now=NOW + timedelta(hours=1))
        assert decide(second).reason is Reason.STEP_PAUSED

    def test_may_be_ended_before_the_time_of_the_step_is_over_and_shortens_it_not(self) -> None:
        _, intent = obeyed(told(self.seen(since=ago(10)), Verb.PROMOTE))
        assert (intent.attempt, intent.reason) == (None, Reason.CANARY_IN_PROGRESS)


class TestApproval:
    def test_comes_after_the_last_step_and_then_it_takes_over(self) -> None:
        seen = rollout(policy=steps(25, approval="Required"), since=ago(90))
        assert (decide(seen).stage, decide(seen).reason) == (Stage.PAUSED, Reason.AWAITING_APPROVAL)
        _, intent = obeyed(told(seen, Verb.PROMOTE))
        assert intent.promote

    def test_cannot_be_given_before_there_is_something_to_approve(self) -> None:
        seen = rollout(policy=steps(25, approval="Required"), since=ago(10))
        assert "waits for nobody now" in refusal(told(seen, Verb.PROMOTE))

    def test_without_steps_comes_before_any_traffic_and_takes_no_time_from_the_deadline(self) -> None:
        policy = NO_STEPS.model_copy(update={"approval": "Required"})
        seen = rollout(policy=policy, weight=0, step=0, since=ago(60))
        seen = replace(seen, serving="a")
        rested = recorded(seen, decide(seen))
        later = replace(rested, now=NOW + timedelta(days=30))
        assert (decide(later).serve, decide(later).reason) == ("a", Reason.AWAITING_APPROVAL)
        _, intent = obeyed(told(later, Verb.PROMOTE))
        assert intent.promote


class TestPromoteFull:
    def test_asks_for_all_pods_first_and_takes_over_with_them(self) -> None:
        few, intent = obeyed(told(rollout("2/2"), Verb.PROMOTE_FULL))
        assert (intent.serve, intent.promote, intent.capacity) == (EVERY, False, EVERYTHING)
        assert "what is left is skipped, and the promotion waits for pods" in intent.message
        ready = replace(few.asked, pods=revision("b", "4/4").pods)
        assert decide(replace(few, asked=ready, revisions={**few.revisions, "b": ready})).promote

    @pytest.mark.parametrize(
        "state",
        [{"policy": steps(25, pause=True)}, {"policy": steps(25, approval="Required")}, {"paused": True}, {}],
        ids=["a pause", "an approval", "a pause by command", "a step"],
    )
    def test_skips(self, state: dict[str, Any]) -> None:
        _, intent = obeyed(told(rollout(**state), Verb.PROMOTE_FULL))
        assert intent.promote

    @pytest.mark.parametrize("verdict", [Verdict.WORSE, Verdict.OPEN, Verdict.UNKNOWN])
    def test_outranks_a_verdict(self, verdict: Verdict) -> None:
        seen = replace(told(rollout(), Verb.PROMOTE_FULL), judgement=Judgement(verdict, "errors"))
        _, intent = obeyed(seen)
        assert intent.promote

    def test_does_not_outrank_a_retreat(self) -> None:
        _, intent = obeyed(told(rollout("0/4"), Verb.PROMOTE_FULL))
        assert (intent.serve, intent.reason) == ("a", Reason.RETREATED)

    def test_replaces_a_stable_revision_that_is_down(self) -> None:
        seen = rollout()
        down = replace(seen, revisions={**seen.revisions, "a": revision("a", "0/4", promoted=ago(86_400))})
        _, intent = obeyed(told(down, Verb.PROMOTE_FULL))
        assert intent.promote


class TestVerdicts:
    def judged(self, verdict: Verdict, **state: Any) -> Intent:  # noqa: ANN401 - passed on
        return decide(replace(rollout(**state), judgement=Judgement(verdict, "errors 0.09 > stable 0.01")))

    def test_worse_rolls_back_at_any_step_at_once(self) -> None:
        intent = self.judged(Verdict.WORSE)
        assert (intent.serve, intent.stage, intent.reason) == ("a", Stage.STUCK, Reason.ROLLED_BACK)
        assert intent.message.startswith(
            "revision b: errors 0.09 > stable 0.01: rolled back from 25 %; revision a goes"
        )

    def test_worse_waits_for_a_stable_pod_to_go_back_to(self) -> None:
        seen = replace(rollout(), judgement=Judgement(Verdict.WORSE, "errors"))
        down = replace(seen, revisions={**seen.revisions, "a": revision("a", "0/4", promoted=ago(86_400))})
        assert (decide(down).serve, decide(down).attempt) == (EVERY, None)

    def test_unknown_is_neither_good_nor_bad(self) -> None:
        intent = self.judged(Verdict.UNKNOWN, since=ago(600))
        assert (intent.serve, intent.reason, intent.attempt) == (EVERY, Reason.SOURCE_UNAVAILABLE, None)

    def test_open_lets_steps_go_on_but_not_the_last_one(self) -> None:
        early = self.judged(Verdict.OPEN, since=ago(600))
        assert early.attempt is not None
        assert early.attempt.step == 2
        late = self.judged(Verdict.OPEN, step=2, weight=50, since=ago(600))
        assert (late.reason, late.promote) == (Reason.WAITING_FOR_EVIDENCE, False)

    def test_without_gates_the_time_decides(self) -> None:
        assert rollout().judgement is NO_GATES
        assert decide(rollout(step=2, weight=50, since=ago(600))).promote


def test_what_was_given_up_comes_into_service_when_nothing_else_is_left() -> None:
    """Somebody deleted the stable revision, pods and record."""
    aborted, _ = obeyed(told(rollout(), Verb.ABORT))
    alone = replace(aborted, revisions={"b": aborted.asked}, serving="b")
    assert decide(alone).promote


class TestApprovalOfAFirstRevision:
    POLICY = steps(25, approval="Required")

    def seen(self, pods: str) -> View:
        new = view(revision("b", pods), size=2, policy=self.POLICY, serving="", new=True)
        return recorded(new, decide(new))

    def test_gets_its_pods_and_nobody_reaches_them(self) -> None:
        for pods, reason in (("0/2", Reason.PODS_NOT_READY), ("2/2", Reason.AWAITING_APPROVAL)):
            intent = decide(self.seen(pods))
            assert (intent.serve, intent.reason, intent.promote) == (NOBODY, reason, False)
            planned = plan(self.seen(pods), intent)
            assert (planned.serve, dict(planned.run)) == (NOBODY, {"b": fixed(2)})

    @pytest.mark.parametrize("verb", [Verb.PROMOTE, Verb.PROMOTE_FULL])
    def test_serves_once_it_is_approved(self, verb: Verb) -> None:
        _, intent = obeyed(told(self.seen("2/2"), verb))
        assert (intent.serve, intent.promote) == ("b", True)

    def test_has_nothing_to_go_back_to(self) -> None:
        assert "nothing to go back to" in refusal(told(self.seen("2/2"), Verb.ABORT))

    def test_goes_on_serving_where_the_approval_was_asked_for_later(self) -> None:
        served = view(revision("b", "1/2"), size=2, policy=self.POLICY, serving="b", new=True)
        assert (decide(served).serve, decide(served).attempt) == ("b", None)

    def test_at_zero_waits_for_pods_and_then_for_the_approval(self) -> None:
        zero = replace(self.seen("0/0"), size=fixed(0))
        assert (decide(zero).serve, decide(zero).reason) == (NOBODY, Reason.SCALED_TO_ZERO)
