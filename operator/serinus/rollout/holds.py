"""What holds a rollout though its pods are ready: people, other rollouts, evidence. Its rules stand in rules.py."""

from dataclasses import replace

from serinus.api.modelrelease import Attempt, Result
from serinus.api.reasons import Reason
from serinus.rollout import attempt as attempts
from serinus.rollout.intent import Intent, Stage
from serinus.rollout.sentences import meanwhile
from serinus.rollout.shares import sharing, step_name, waiting, while_it_goes_on
from serinus.rollout.view import Verdict, View


def begin_nothing_while_paused(view: View) -> Intent | None:
    """While rollouts are paused no other revision comes into service."""
    if not view.paused or view.stable is None or view.asked_is_stable or view.attempt:
        return None
    if view.asked.result is Result.ROLLED_BACK:
        return None
    message = f"{view.asked} waits: spec.paused is true; {meanwhile(view)}"
    return Intent(view.incumbent.revision, Stage.PAUSED, Reason.PAUSED, message, capacity=None)


@while_it_goes_on
def wait_for_room(view: View, attempt: Attempt) -> Intent | None:
    """Only so many rollouts go on at a time, where the administrator says so; the others wait in order of age."""
    if not attempt.queued:
        return None
    if view.crowd and not attempt.full:
        message = f"{view.asked} waits for its turn: {view.crowd}; {meanwhile(view)}"
        return Intent(view.incumbent.revision, Stage.MOVING, Reason.QUEUED, message, capacity=None)
    message = f"{view.asked}: its turn has come; {meanwhile(view)}"
    begun = attempts.admitted(attempt, view.now)
    return waiting(view, begun, Reason.ROLLOUT_IN_PROGRESS, message, record=begun)


@while_it_goes_on
def hold_while_paused(view: View, attempt: Attempt) -> Intent | None:
    """A paused rollout stays at the share it has; one that it lost with its pods it takes again."""
    if not view.paused and not attempt.paused:
        return None
    how = "spec.paused is true" if view.paused else "the command resume lets it go on"
    if attempt.weight:
        message = f"{view.asked} is paused at {attempt.weight} %, {step_name(attempt)}: {how}"
        return sharing(attempt, message, stage=Stage.PAUSED, reason=Reason.PAUSED)
    if attempt.held and attempt.held[-1].step == attempt.step:
        return None
    message = f"{view.asked} is paused before it has a share: {how}; {meanwhile(view)}"
    rested = attempts.at_rest(attempt, view.asked.pods, view.now) if attempt.since else None
    return replace(waiting(view, attempt, Reason.PAUSED, message, record=rested), stage=Stage.PAUSED)


@while_it_goes_on
def hold_at_the_pause_of_a_step(view: View, attempt: Attempt) -> Intent | None:
    """A step with a pause lasts until somebody ends it."""
    if not attempts.pauses(attempt):
        return None
    message = f"{view.asked} holds {attempt.weight} %; {step_name(attempt)} pauses: the command promote ends the pause"
    return sharing(attempt, message, stage=Stage.PAUSED, reason=Reason.STEP_PAUSED)


@while_it_goes_on
def let_the_time_of_the_evidence_stand_still(view: View, attempt: Attempt) -> Intent | None:
    """Nothing counts towards the deadline while people hold the rollout, or a source does not answer."""
    counted = attempts.in_time(view, attempt)
    if counted == attempt:
        return None
    message = f"{view.asked}: its time until the deadline {'stands still' if counted.stopped_since else 'runs'}"
    if attempt.weight:
        return sharing(attempt, message, record=counted)
    return waiting(view, attempt, Reason.ROLLOUT_IN_PROGRESS, message, record=counted)


@while_it_goes_on
def end_without_a_verdict_at_the_deadline(view: View, attempt: Attempt) -> Intent | None:
    """What could not be shown in its time waits for people, or goes, as the policy says."""
    if not _lacks_proof(view, attempt) or attempts.trial(attempt, view.now) < attempts.deadline(attempt):
        return None
    seconds = attempts.deadline(attempt).total_seconds()
    found = f"{view.asked} was shown neither to be as good nor to be worse within {seconds:.0f} s"
    if attempt.policy.on_inconclusive == "Hold":
        message = (
            f"{found}: it stays at {attempt.weight} % until it is ({view.judgement.says}), "
            "or the command promote-full or abort is given"
        )
        return sharing(attempt, message, stage=Stage.PAUSED, reason=Reason.INCONCLUSIVE)
    message = (
        f"{found} ({view.judgement.says}): rolled back from {attempt.weight} %; {meanwhile(view)}; "
        "it is not tried again until another revision was asked for, or the command retry is given"
    )
    outcome = attempts.ended(attempt, view.now, Result.ROLLED_BACK, Reason.INCONCLUSIVE, message)
    reason = Reason.INCONCLUSIVE
    return Intent(view.incumbent.revision, Stage.STUCK, reason, message, capacity=None, attempt=outcome)


@while_it_goes_on
def wait_for_evidence(view: View, attempt: Attempt) -> Intent | None:
    """Where a source does not answer no step ends, and without proof the last one does not."""
    late_at = None
    if attempt.full or not attempt.weight:
        return None
    if view.judgement.verdict is Verdict.UNKNOWN:
        reason = Reason.SOURCE_UNAVAILABLE
    elif _lacks_proof(view, attempt):
        reason = Reason.WAITING_FOR_EVIDENCE
        late_at = view.now + attempts.deadline(attempt) - attempts.trial(attempt, view.now)
    else:
        return None
    message = (
        f"{view.asked} holds {attempt.weight} %; {step_name(attempt)} ends when it can be judged: {view.judgement.says}"
    )
    return sharing(attempt, message, reason=reason, wake_at=late_at)


@while_it_goes_on
def await_approval(view: View, attempt: Attempt) -> Intent | None:
    """The promotion is somebody's to approve."""
    if not attempts.awaits_approval(view, attempt):
        return None
    message = f"{view.asked} awaits approval at {attempt.weight} %: the command promote gives it; {meanwhile(view)}"
    if attempt.weight:
        return sharing(attempt, message, stage=Stage.PAUSED, reason=Reason.AWAITING_APPROVAL)
    rested = attempts.at_rest(attempt, view.asked.pods, view.now) if attempt.since else None
    return replace(waiting(view, attempt, Reason.AWAITING_APPROVAL, message, record=rested), stage=Stage.PAUSED)


def _lacks_proof(view: View, attempt: Attempt) -> bool:
    """Return whether nothing but evidence is missing, and the sources answer."""
    is_open = view.judgement.verdict is Verdict.OPEN
    return is_open and attempt.weight > 0 and not attempt.full and attempts.is_last_step(attempt)
