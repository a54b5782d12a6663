"""The policy of a rollout: a list of named rules, the first that has something to say decides."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from serinus.api.reasons import Reason
from serinus.rollout import canary, holds, traffic
from serinus.rollout.attempt import at_rest, begun, promoted
from serinus.rollout.canary import capacity_to_take_over, is_whole
from serinus.rollout.intent import Intent, Rule, Stage
from serinus.rollout.sentences import count, failure, meanwhile
from serinus.rollout.view import EVERY, NOBODY, RevisionView, View


def record_again_what_serves(view: View) -> Intent | None:
    """Somebody deleted the record of the revision that serves: without it an older one would count as stable."""
    serving = _lost_while_serving(view)
    if serving is None:
        return None
    if view.stable is None and serving.revision == view.asked.revision:
        return None  # a first revision, which serves with what it has and is not yet promoted
    message = f"{serving} serves and its record was deleted: it is recorded again"
    return Intent(serving.revision, Stage.MOVING, Reason.ROLLOUT_IN_PROGRESS, message, promote=True)


def rest_at_zero(view: View) -> Intent | None:
    """At zero replicas nothing starts; what serves is scaled down."""
    if not view.size.is_zero:
        return None
    if view.asked_is_stable:
        message = f"{view.asked} is scaled to zero: nothing serves until replicas is raised"
        return Intent(view.asked.revision, Stage.SETTLED, Reason.SCALED_TO_ZERO, message)
    message = f"{view.asked} waits: at zero replicas nothing starts; raise replicas"
    attempt = view.attempt
    rested = at_rest(attempt, view.asked.pods, view.now) if attempt and (attempt.since or attempt.weight) else None
    return Intent(view.incumbent.revision, Stage.MOVING, Reason.SCALED_TO_ZERO, message, capacity=None, attempt=rested)


def keep_stable_serving(view: View) -> Intent | None:
    """The spec describes what serves: see that its pods are there."""
    if not view.asked_is_stable:
        return None
    stable = view.asked
    if is_whole(stable, view.size.least):
        message = f"{stable} serves with {count(stable)}"
        return Intent(stable.revision, Stage.SETTLED, Reason.SERVING, message)
    reason = Reason.PODS_FAILING if failure(stable) else Reason.PODS_NOT_READY
    serving = view.incumbent
    others = "" if serving.revision == stable.revision else f"; {serving} goes on serving"
    return Intent(serving.revision, Stage.MOVING, reason, f"{stable}: {count(stable)}{failure(stable)}{others}")


def keep_a_first_revision_back_until_approved(view: View) -> Intent | None:
    """Where an approval is required a first revision gets its pods, and nobody reaches them before it is given."""
    attempt = view.attempt
    policy = attempt.policy if attempt else view.policy
    if view.stable or policy.approval == "NotRequired" or (attempt and (attempt.approved or attempt.full)):
        return None
    if attempt is None:
        if view.serving == view.asked.revision:
            return None  # it served before that was asked for
        message = f"{view.asked} is to be approved before it serves"
        return Intent(NOBODY, Stage.MOVING, Reason.PODS_NOT_READY, message, attempt=begun(view))
    if view.size.is_zero:
        message = f"{view.asked} waits: at zero replicas nothing starts; raise replicas"
        return Intent(NOBODY, Stage.MOVING, Reason.SCALED_TO_ZERO, message, capacity=None)
    if is_whole(view.asked, view.size.least):
        message = (
            f"{view.asked}: {count(view.asked)}; it awaits approval before it serves: the command promote gives it"
        )
        return Intent(NOBODY, Stage.PAUSED, Reason.AWAITING_APPROVAL, message)
    waiting: Intent = stall_past_deadline(view) or wait_for_pods(view)
    return replace(waiting, serve=NOBODY)


def promote_when_ready(view: View) -> Intent | None:
    """All pods of a first revision are ready: it takes over."""
    if not is_whole(view.asked, capacity_to_take_over(view).least):
        return None
    message = f"{view.asked}: {count(view.asked)}; it takes over now"
    # One that began beside a stable revision whose record was lost since.
    outcome = promoted(view.attempt, view.now, message) if view.attempt else None
    return Intent(view.asked.revision, Stage.MOVING, Reason.ROLLOUT_IN_PROGRESS, message, attempt=outcome, promote=True)


def stall_past_deadline(view: View) -> Intent | None:
    """Pods that did not come in time need somebody's eyes; they are kept and still serve if they become ready."""
    deadline = _deadline(view)
    if deadline is None or view.now < deadline:
        return None
    message = (
        f"{view.asked}: {count(view.asked)} {view.policy.progress_deadline_seconds} s after the start"
        f"{failure(view.asked)}; {meanwhile(view)}; correct the spec, or wait: it still takes over when it is ready"
    )
    return Intent(view.incumbent.revision, Stage.STUCK, Reason.PROGRESS_DEADLINE_EXCEEDED, message)


def wait_for_pods(view: View) -> Intent:
    """The asked revision's pods are on their way."""
    reason = Reason.PODS_FAILING if failure(view.asked) else Reason.PODS_NOT_READY
    message = f"{view.asked}: {count(view.asked)}{failure(view.asked)}; {meanwhile(view)}"
    return Intent(view.incumbent.revision, Stage.MOVING, reason, message, wake_at=_deadline(view))


RULES: Final[tuple[Rule, ...]] = (
    record_again_what_serves,
    canary.obey_command,
    keep_a_first_revision_back_until_approved,
    rest_at_zero,
    traffic.say_that_the_route_is_not_accepted,
    keep_stable_serving,
    # Another revision than the one that serves.
    holds.begin_nothing_while_paused,
    canary.begin_attempt,
    canary.stay_rolled_back,
    holds.wait_for_room,
    traffic.change_who_splits,
    canary.retreat_without_ready_pods,
    canary.keep_shares_while_stable_is_down,
    canary.roll_back_when_worse,
    canary.count_no_time_before_all_pods_of_the_step_came,
    traffic.count_no_time_before_the_route_is_in_force,
    canary.count_no_time_before_the_share_is_in_force,
    holds.let_the_time_of_the_evidence_stand_still,
    holds.hold_while_paused,
    traffic.wait_for_the_route,
    canary.promote_at_full_size,
    canary.wait_for_a_third_revision_to_go,
    canary.take_share_when_pods_are_ready,
    holds.await_approval,
    canary.roll_back_past_deadline,
    canary.wait_for_first_pods,
    canary.hold_share_for_its_time,
    holds.hold_at_the_pause_of_a_step,
    holds.end_without_a_verdict_at_the_deadline,
    holds.wait_for_evidence,
    canary.advance_when_pods_are_ready,
    canary.wait_for_pods_of_what_comes_next,
    # A first revision.
    promote_when_ready,
    stall_past_deadline,
    wait_for_pods,
)


def decide(view: View) -> Intent:
    """Return what the first rule says that has something to say; the last one always has."""
    return next(intent for rule in RULES if (intent := rule(view)) is not None)


def _lost_while_serving(view: View) -> RevisionView | None:
    """Return the revision that serves without a record; among several that do it is not the one that is new."""
    lost = [each for each in view.revisions.values() if not each.recorded and each.ready]
    if view.serving == EVERY:
        lost = [each for each in lost if each.revision != view.asked.revision]
    else:
        lost = [each for each in lost if each.revision == view.serving]
    return lost[0] if lost else None


def _deadline(view: View) -> datetime | None:
    """Return when the asked revision's pods are late."""
    if view.asked.pods is None:
        return None
    return view.asked.pods.started_at + timedelta(seconds=view.policy.progress_deadline_seconds)
