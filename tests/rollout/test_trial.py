"""The deadline of the evidence: what time counts towards it, and what comes when it has passed."""

from dataclasses import replace
from typing import Any

import pytest

from serinus.api.modelrelease import Result
from serinus.api.reasons import Reason
from serinus.rollout.attempt import begun
from serinus.rollout.intent import Intent, Stage
from serinus.rollout.rules import decide
from serinus.rollout.view import EVERY, Judgement, Verdict, View
from tests.rollout.views import NOW, ago, ahead, recorded, revision, steps, view, with_attempt

STABLE = revision("a", "3/3", promoted=ago(86_400))
OPEN = Judgement(Verdict.OPEN, "accuracy: 40 labels of about 300")
UNKNOWN = Judgement(Verdict.UNKNOWN, "Prometheus does not answer")


def trial(spent: float, judgement: Judgement = OPEN, *, policy: dict[str, Any] | None = None, **attempt: Any) -> View:  # noqa: ANN401
    """Revision b at its last step, whose time is over, with so many seconds of its trial spent."""
    given = steps(10, 50, **{"deadline_seconds": 3_600, **(policy or {})})
    new = view(revision("b", "3/3", started=ago(90_000)), STABLE, serving=EVERY, policy=given, new=True)
    at_the_end = {"step": 2, "weight": 50, "since": ago(600), "trial_since": ago(spent), **attempt}
    return with_attempt(replace(new, judgement=judgement), begun(new).model_copy(update=at_the_end))


def settled(seen: View) -> tuple[View, Intent]:
    """What is decided once all that is to be recorded is."""
    while (intent := decide(seen)).is_to_record:
        seen = recorded(seen, intent)
    return seen, intent


class TestDeadline:
    def test_until_it_has_passed_the_evidence_is_waited_for(self) -> None:
        intent = decide(trial(3_599))
        assert (intent.reason, intent.stage, intent.wake_at) == (Reason.WAITING_FOR_EVIDENCE, Stage.MOVING, ahead(1))

    def test_hold_leaves_the_share_to_people(self) -> None:
        intent = decide(trial(3_600))
        assert (intent.serve, intent.reason, intent.stage) == (EVERY, Reason.INCONCLUSIVE, Stage.PAUSED)
        assert intent.message == (
            "revision b was shown neither to be as good nor to be worse within 3600 s: it stays at 50 % until it is "
            "(accuracy: 40 labels of about 300), or the command promote-full or abort is given"
        )

    def test_hold_is_not_terminal(self) -> None:
        assert decide(trial(90_000, Judgement(Verdict.PASSED))).promote

    def test_rollback_takes_the_share_away(self) -> None:
        intent = decide(trial(3_600, policy={"on_inconclusive": "Rollback"}))
        assert (intent.serve, intent.reason, intent.stage) == ("a", Reason.INCONCLUSIVE, Stage.STUCK)
        assert intent.attempt
        assert intent.attempt.outcome
        assert intent.attempt.outcome.result is Result.ROLLED_BACK

    @pytest.mark.parametrize("policy", [{"on_inconclusive": "Hold"}, {"on_inconclusive": "Rollback"}])
    @pytest.mark.parametrize(
        "seen",
        [
            {"judgement": UNKNOWN},
            {"judgement": Judgement(Verdict.PASSED), "since": ago(30)},
            {"step": 1, "weight": 10, "since": ago(30)},
            {"full": True},
        ],
    )
    def test_does_nothing_to_what_lacks_no_evidence_or_cannot_have_it(
        self, seen: dict[str, Any], policy: dict[str, Any]
    ) -> None:
        _, intent = settled(trial(90_000, policy=policy, **seen))
        assert intent.reason is not Reason.INCONCLUSIVE

    @pytest.mark.parametrize(
        ("given", "seconds"),
        [
            ({"deadline_seconds": 60}, 60),
            ({"deadline_seconds": None}, 86_400),
            ({"deadline_seconds": None, "seconds": 40_000}, 160_000),
        ],
    )
    def test_is_a_day_or_twice_the_time_of_the_steps(self, given: dict[str, Any], seconds: int) -> None:
        late, early = (
            trial(seconds, policy=given, since=ago(80_000)),
            trial(seconds - 1, policy=given, since=ago(80_000)),
        )
        assert (decide(late).reason, decide(early).reason) == (Reason.INCONCLUSIVE, Reason.WAITING_FOR_EVIDENCE)


class TestTime:
    def test_runs_from_the_first_share_and_over_a_retreat(self) -> None:
        new = view(revision("b", "3/3", started=ago(60)), STABLE, serving="a", policy=steps(10), new=True)
        first = recorded(new, decide(new))
        first = recorded(replace(first, now=ahead(5)), decide(replace(first, now=ahead(5))))
        assert first.attempt
        assert first.attempt.trial_since == ahead(5)
        lost = revision("b", "0/3")
        gone = replace(first, serving=EVERY, now=ahead(9), revisions={**first.revisions, "b": lost})
        gone = with_attempt(replace(gone, asked=lost), first.attempt)
        retreated = recorded(gone, decide(gone))
        assert retreated.attempt
        assert (retreated.weight, retreated.attempt.trial_since) == (0, ahead(5))

    @pytest.mark.parametrize(
        "stopped",
        [
            replace(trial(1_000), paused=True),
            trial(1_000, paused=True),
            trial(1_000, UNKNOWN),
            trial(1_000, Judgement(Verdict.PASSED), policy={"approval": "Required"}),
            trial(1_000, policy={"pause": True}),
        ],
        ids=["paused in the spec", "paused by command", "source unavailable", "approval", "pause of a step"],
    )
    def test_stands_still_and_goes_on_from_there(self, stopped: View) -> None:
        still, _ = settled(stopped)
        assert still.attempt
        assert still.attempt.stopped_since == NOW
        assert (still.weight, still.attempt.since) == (50, ago(600))
        going = replace(still, paused=False, judgement=OPEN, now=ahead(80_000))
        going = with_attempt(going, still.attempt.model_copy(update={"paused": False, "released": 2, "approved": True}))
        again, intent = settled(going)
        assert again.attempt
        assert (again.attempt.stopped_since, again.attempt.stopped_seconds) == (None, 80_000)
        assert (intent.reason, intent.wake_at) == (Reason.WAITING_FOR_EVIDENCE, ahead(80_000 + 2_600))

    def test_a_clock_that_was_set_back_takes_away_nothing_of_what_stood_still(self) -> None:
        back, _ = settled(trial(3_700, stopped_since=ahead(50), stopped_seconds=100))
        assert back.attempt
        assert back.attempt.stopped_seconds == 100
