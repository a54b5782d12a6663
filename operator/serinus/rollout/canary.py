"""The rules of an attempt: how a new revision gets its shares of the traffic, loses them, and takes over.

They stand in the list in rules.py. Where no gateway splits the traffic the shares follow the numbers of ready pods.
"""

from datetime import datetime, timedelta
from typing import Final

from serinus.api.modeldeployment import Step
from serinus.api.modelrelease import Attempt, Result
from serinus.api.reasons import Reason
from serinus.rollout import attempt as attempts
from serinus.rollout.commands import answer
from serinus.rollout.intent import Intent, Stage
from serinus.rollout.sentences import count, failure, meanwhile
from serinus.rollout.shares import sharing, step_name, waiting, while_it_goes_on
from serinus.rollout.surge import is_tight, pods_at
from serinus.rollout.view import EVERY, EVERYTHING, RevisionView, Size, Verdict, View

IN_FORCE_SECONDS: Final = 5
"""How long it may take from the decision about a share until it is in force."""


def obey_command(view: View) -> Intent | None:
    """A command is obeyed once: what it changes of the attempt is recorded together with the command."""
    given = answer(view)
    if given is None or given.attempt is None:
        return None
    if view.attempt and view.weight:  # as it is, until this is on record
        return sharing(given.attempt, given.result, record=given.attempt, capacity=attempts.step_of(view.attempt))
    return waiting(view, given.attempt, Reason.ROLLOUT_IN_PROGRESS, given.result, record=given.attempt)


def begin_attempt(view: View) -> Intent | None:
    """Another revision is brought into service step by step; one that served before needs no steps."""
    if not view.asked_comes_next:
        return None
    if view.asked.attempt and view.asked.result in (Result.RUNNING, Result.ROLLED_BACK):
        return None
    begun = attempts.begun(view)
    message = f"{view.asked}: a rollout begins; {meanwhile(view)}"
    return waiting(view, begun, Reason.ROLLOUT_IN_PROGRESS, message, record=begun)


def stay_rolled_back(view: View) -> Intent | None:
    """What was rolled back is not tried again until another was asked for in between, or nothing else is left."""
    attempt = view.asked.attempt
    if view.stable is None or view.asked.result is not Result.ROLLED_BACK or attempt is None or attempt.outcome is None:
        return None
    outcome = attempt.outcome
    return Intent(view.incumbent.revision, Stage.STUCK, Reason(outcome.reason), outcome.message, capacity=None)


@while_it_goes_on
def retreat_without_ready_pods(view: View, attempt: Attempt) -> Intent | None:
    """A canary that lost its last ready pod gives its share back at once; its step begins anew when it is ready."""
    if not attempt.weight or view.asked.ready:
        return None
    message = f"{view.asked} lost its last ready pod at {attempt.weight} %{failure(view.asked)}; {meanwhile(view)}"
    return waiting(view, attempt, Reason.RETREATED, message, record=attempts.waiting(attempt, view.now))


@while_it_goes_on
def keep_shares_while_stable_is_down(view: View, attempt: Attempt) -> Intent | None:
    """Without a ready stable pod there is nothing to compare with: no step advances, and nothing is taken away."""
    if _stable(view).ready or not attempts.has_steps(attempt):
        return None
    stable = _stable(view)
    message = (
        f"{stable} has no ready pod{failure(stable)}: {view.asked} stays at {attempt.weight} % until it has; "
        "the command promote-full replaces it all the same"
    )
    if attempt.weight:
        return Intent(EVERY, Stage.MOVING, Reason.STABLE_NOT_READY, message, capacity=attempts.step_of(attempt))
    return waiting(view, attempt, Reason.STABLE_NOT_READY, message)


@while_it_goes_on
def roll_back_when_worse(view: View, attempt: Attempt) -> Intent | None:
    """What was shown to be worse goes, at any step, unless somebody who may said that it takes over all the same."""
    if attempt.full or view.judgement.verdict is not Verdict.WORSE:
        return None
    message = (
        f"{view.asked}: {view.judgement.says}: rolled back from {attempt.weight} %; {meanwhile(view)}; "
        "it is not tried again until another revision was asked for, or the command retry is given"
    )
    outcome = attempts.ended(attempt, view.now, Result.ROLLED_BACK, Reason.ROLLED_BACK, message)
    return Intent(view.incumbent.revision, Stage.STUCK, Reason.ROLLED_BACK, message, capacity=None, attempt=outcome)


@while_it_goes_on
def count_no_time_before_the_share_is_in_force(view: View, attempt: Attempt) -> Intent | None:
    """Where the address cannot be written the canary does not get its share, and its time is no time of trial."""
    if not attempt.weight or view.serving == EVERY or attempt.since is None or attempt.full or attempt.gateway:
        return None
    late = view.now - attempt.since > timedelta(seconds=IN_FORCE_SECONDS)
    message = f"{view.asked} is to get {attempt.weight} % of the traffic; {meanwhile(view)}"
    return sharing(attempt, message, record=attempts.restarted(attempt, view.now) if late else None)


@while_it_goes_on
def count_no_time_before_all_pods_of_the_step_came(view: View, attempt: Attempt) -> Intent | None:
    """Where pods change hands one at a time the share of the step is reached with the last of them."""
    if not attempt.weight or attempt.since is not None or attempt.full:
        return None
    step = attempts.step_of(attempt)
    if has_pods_for(view, step):
        message = f"{view.asked} holds {attempt.weight} % of the traffic at {step_name(attempt)}"
        return None if attempt.gateway else sharing(attempt, message, record=attempts.restarted(attempt, view.now))
    goal = capacity_for(view, step).least
    if attempt.gateway and not is_tight(view):
        return None
    return sharing(
        attempt,
        f"{view.asked} is to get {attempt.weight} % of the traffic; pods change hands one at a time: "
        f"{view.asked.ready} of {goal} are ready{failure(view.asked)}",
    )


@while_it_goes_on
def promote_at_full_size(view: View, attempt: Attempt) -> Intent | None:
    """All steps are done, and the new revision can carry everything: it takes over."""
    if not _comes_next(view, attempt) or not is_whole(view.asked, capacity_to_take_over(view).least):
        return None
    message = f"{view.asked}: {count(view.asked)}; it takes over now"
    outcome = attempts.promoted(attempt, view.now, message)
    return Intent(view.asked.revision, Stage.MOVING, Reason.ROLLOUT_IN_PROGRESS, message, attempt=outcome, promote=True)


@while_it_goes_on
def wait_for_a_third_revision_to_go(view: View, attempt: Attempt) -> Intent | None:
    """Pods of a third revision would share the traffic, as long as that follows the numbers of pods."""
    two = {view.asked.revision, _stable(view).revision}
    third = [each for each in view.revisions.values() if each.ready and each.revision not in two]
    if attempt.gateway or attempt.weight or not attempts.has_steps(attempt) or not third:
        return None
    if not has_pods_for_a_share(view, attempt):
        return None
    message = f"{view.asked}: {count(view.asked)}; it waits for the pods of {third[0]} to go; {meanwhile(view)}"
    return waiting(view, attempt, Reason.ROLLOUT_IN_PROGRESS, message)


@while_it_goes_on
def take_share_when_pods_are_ready(view: View, attempt: Attempt) -> Intent | None:
    """The pods of a step are ready: the canary gets the step's share."""
    if attempt.weight or not attempts.has_steps(attempt) or not has_pods_for_a_share(view, attempt):
        return None
    held = attempts.holding(attempt, view.asked.pods, view.now)
    return _holding(view, held if has_pods_for(view, attempts.step_of(attempt)) else attempts.unconfirmed(held))


@while_it_goes_on
def roll_back_past_deadline(view: View, attempt: Attempt) -> Intent | None:
    """A revision whose pods did not come in time, all its waits together, is given up."""
    limit = attempt.policy.progress_deadline_seconds
    if attempt.weight or attempts.waited(attempt, view.asked.pods, view.now) < timedelta(seconds=limit):
        return None
    message = (
        f"{view.asked}: {count(view.asked)} after {limit} s{failure(view.asked)}: rolled back; {meanwhile(view)}; "
        "it is not tried again until another revision was asked for: correct the template"
    )
    reason = Reason.PROGRESS_DEADLINE_EXCEEDED
    outcome = attempts.ended(attempt, view.now, Result.ROLLED_BACK, reason, message)
    return Intent(view.incumbent.revision, Stage.STUCK, reason, message, capacity=None, attempt=outcome)


@while_it_goes_on
def wait_for_first_pods(view: View, attempt: Attempt) -> Intent | None:
    """The pods of the step are on their way."""
    if attempt.weight:
        return None
    if attempt.held:
        reason, back = Reason.RETREATED, f"; step {attempt.step} begins anew when it is ready"
    else:
        reason, back = (Reason.PODS_FAILING if failure(view.asked) else Reason.ROLLOUT_IN_PROGRESS), ""
    message = f"{view.asked}: {count(view.asked)}{failure(view.asked)}; {meanwhile(view)}{back}"
    resumed = attempts.waiting(attempt, view.now) if attempt.since is None else None
    limit = timedelta(seconds=attempt.policy.progress_deadline_seconds)
    late_at = view.now + limit - attempts.waited(attempt, view.asked.pods, view.now)
    return waiting(view, attempt, reason, message, record=resumed, wake_at=late_at if view.asked.pods else None)


@while_it_goes_on
def hold_share_for_its_time(view: View, attempt: Attempt) -> Intent | None:
    """The canary holds its share until the step's time is over."""
    if attempt.full or view.now >= attempts.time_of_step(attempt):
        return None
    return _holding(view, attempt, wake_at=attempts.time_of_step(attempt))


@while_it_goes_on
def advance_when_pods_are_ready(view: View, attempt: Attempt) -> Intent | None:
    """The step is over and the pods of the next one are ready: the canary gets the next share."""
    if attempts.is_last_step(attempt) or not has_pods_for(view, attempts.next_step(attempt)):
        return None
    return _holding(view, attempts.advanced(attempt, view.now))


@while_it_goes_on
def wait_for_pods_of_what_comes_next(view: View, attempt: Attempt) -> Intent | None:
    """The step is over; the pods that the next step or the promotion needs are on their way."""
    following = attempts.next_step(attempt)
    last = attempts.is_last_step(attempt)
    purpose = "the promotion" if last else f"step {attempt.step + 1}, {following.weight} %"
    over = "what is left is skipped" if attempt.full else f"{step_name(attempt)} is over"
    message = (
        f"{view.asked} holds {attempt.weight} %; {over}, and "
        f"{purpose} waits for pods: {count(view.asked)}{failure(view.asked)}"
    )
    reason = Reason.PROMOTION_WAITS_FOR_PODS if last else Reason.CANARY_IN_PROGRESS
    return Intent(EVERY, Stage.MOVING, reason, message, capacity=following)


def capacity_to_take_over(view: View) -> Size:
    """Return the size at which the asked revision can carry what the stable one carries now."""
    return capacity_for(view, EVERYTHING)


def capacity_for(view: View, step: Step) -> Size:
    """Return the size that the asked revision has at a step: what it is told, or what can carry the step's share."""
    if view.stable is None:
        return view.size
    if is_tight(view):
        return pods_at(view, step)
    if step.replicas and view.by_gateway:
        return view.size.of(step.replicas)
    return view.size.share(step.weight, view.stable.wanted)


def is_whole(revision: RevisionView, least: int) -> bool:
    """Return whether all pods of a revision are ready, and they are enough."""
    return revision.wanted >= least and revision.ready >= revision.wanted > 0


def _stable(view: View) -> RevisionView:
    assert view.stable is not None  # noqa: S101 - an attempt goes on only beside one
    return view.stable


def has_pods_for(view: View, step: Step) -> bool:
    """Return whether the asked revision has the ready pods that a step needs."""
    return view.asked.ready >= capacity_for(view, step).least > 0


def has_pods_for_a_share(view: View, attempt: Attempt) -> bool:
    """Return whether the asked revision has pods enough to get requests: where they come one at a time, the first."""
    if is_tight(view):
        return view.asked.ready > 0
    if attempts.has_steps(attempt):
        return has_pods_for(view, attempts.step_of(attempt))
    return is_whole(view.asked, capacity_to_take_over(view).least)


def _comes_next(view: View, attempt: Attempt) -> bool:
    """Return whether nothing but the number of pods stands between the attempt and its promotion."""
    if attempt.full:
        return True
    if attempts.awaits_approval(view, attempt):
        return False
    return not attempts.has_steps(attempt) or attempts.last_step_is_over(view, attempt)


def _holding(view: View, attempt: Attempt, wake_at: datetime | None = None) -> Intent:
    record = attempt if attempt != view.attempt else None
    message = (
        f"{view.asked} holds {attempt.weight} % of the traffic at {step_name(attempt)}, "
        f"for {attempts.step_of(attempt).min_seconds} s at least"
    )
    return sharing(attempt, message, record=record, wake_at=wake_at)
