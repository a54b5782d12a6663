"""How an attempt goes on: from what is on record to what is to be, at one moment. Used by the rules of an attempt.

An attempt either holds the weight of its step or waits with none, and `since` says from when; time is counted only
where that is set.
"""

from datetime import datetime, timedelta
from typing import Final

from serinus.api.modeldeployment import Step
from serinus.api.modelrelease import MAX_HELD, Attempt, Held, Outcome, Result
from serinus.api.reasons import Reason
from serinus.rollout.view import EVERYTHING, Pods, Verdict, View

FIRST: Final = 1
LEAST_DEADLINE: Final = timedelta(days=1)
"""What the evidence has at least, where the user does not say how long it may take."""


def begun(view: View) -> Attempt:
    """Return the next attempt of the asked revision, which waits for its pods."""
    last = view.asked.attempt
    policy = view.policy
    if view.asked.is_proven:
        policy = policy.model_copy(update={"steps": (), "approval": "NotRequired"})
    return Attempt(
        number=last.number + 1 if last else FIRST,
        started_at=view.now,
        policy=policy,
        stable=view.stable.revision if view.stable else None,
        stable_replicas=view.stable.wanted if view.stable else 0,
        step=min(FIRST, len(policy.steps)),
        queued=bool(view.crowd),
        since=None if view.crowd else view.now,
        gateway=view.gateway,
        nonce=view.nonce if view.gateway else None,
    )


def admitted(attempt: Attempt, now: datetime) -> Attempt:
    """Return the attempt when its turn has come."""
    return attempt.model_copy(update={"queued": False, "since": now})


def holding(attempt: Attempt, pods: Pods | None, now: datetime) -> Attempt:
    """Return the attempt with the weight of its step."""
    seconds = waited(attempt, pods, now).total_seconds()
    first = attempt.trial_since or now
    return _changed(attempt, now, weight=step_of(attempt).weight, waited_seconds=seconds, trial_since=first)


def restarted(attempt: Attempt, now: datetime) -> Attempt:
    """Return the attempt with the time of its step counted anew."""
    return attempt.model_copy(update={"since": now})


def waiting(attempt: Attempt, now: datetime) -> Attempt:
    """Return the attempt without weight, waiting for its pods."""
    return _changed(attempt, now, weight=0)


def moved(attempt: Attempt, view: View) -> Attempt:
    """Return the attempt as it goes on, without weight and at its first step, where the traffic is split elsewhere."""
    nonce = attempt.nonce or (view.nonce if view.gateway else None)
    step = min(FIRST, len(attempt.policy.steps))
    return _changed(attempt, view.now, weight=0, step=step, gateway=view.gateway, nonce=nonce)


def unconfirmed(attempt: Attempt) -> Attempt:
    """Return the attempt with the share it has, which is not in force: no time counts."""
    return attempt.model_copy(update={"since": None})


def advanced(attempt: Attempt, now: datetime) -> Attempt:
    """Return the attempt at its next step, with the weight of that one."""
    following = attempt.model_copy(update={"step": attempt.step + 1})
    return _changed(attempt, now, step=following.step, weight=step_of(following).weight)


def at_rest(attempt: Attempt, pods: Pods | None, now: datetime) -> Attempt:
    """Return the attempt without weight, while no time counts."""
    return _changed(attempt, now, weight=0, waited_seconds=waited(attempt, pods, now).total_seconds(), since=None)


def ended(attempt: Attempt, now: datetime, result: Result, reason: Reason, message: str) -> Attempt:
    """Return the attempt with its outcome."""
    outcome = Outcome(result=result, reason=reason, message=message, at=now)
    return _changed(attempt, now, weight=0, outcome=outcome)


def promoted(attempt: Attempt, now: datetime, message: str) -> Attempt:
    """Return the attempt as it ends when its revision takes over."""
    return ended(attempt, now, Result.PROMOTED, Reason.SERVING, message)


def left(attempt: Attempt, now: datetime, asked: str) -> Attempt:
    """Return the attempt as it ends, if it goes on, because another revision is asked for."""
    if attempt.outcome:
        return attempt
    return ended(attempt, now, Result.ENDED, Reason.SUPERSEDED, f"revision {asked} was asked for")


def stamp_of(attempt: Attempt) -> str | None:
    """Return what the gateway writes on the requests that it splits; nothing where there is nothing to split."""
    return f"{attempt.split}-{attempt.nonce}" if attempt.gateway and attempt.weight else None


def step_of(attempt: Attempt) -> Step:
    """Return the step that an attempt is at."""
    return attempt.policy.steps[attempt.step - 1]


def awaited_step(attempt: Attempt) -> Step:
    """Return the step that the attempt needs pods for to get a share: its own, or all where there are no more."""
    return step_of(attempt) if has_steps(attempt) else EVERYTHING


def next_step(attempt: Attempt) -> Step:
    """Return what comes after the present step."""
    return EVERYTHING if is_last_step(attempt) else attempt.policy.steps[attempt.step]


def has_steps(attempt: Attempt) -> bool:
    """Return whether the attempt takes shares before it takes over."""
    return bool(attempt.policy.steps) and not attempt.full


def is_last_step(attempt: Attempt) -> bool:
    """Return whether promotion comes next."""
    return attempt.full or attempt.step == len(attempt.policy.steps)


def time_of_step(attempt: Attempt) -> datetime:
    """Return until when the step lasts at least."""
    assert attempt.since is not None  # noqa: S101 - a share is held since some time
    return attempt.since + timedelta(seconds=step_of(attempt).min_seconds)


def awaits_approval(view: View, attempt: Attempt) -> bool:
    """Return whether nothing but somebody's approval is missing for the promotion."""
    if attempt.policy.approval == "NotRequired" or attempt.approved or attempt.full:
        return False
    if not attempt.policy.steps or view.stable is None:
        return view.asked.ready > 0
    return last_step_is_over(view, attempt)


def last_step_is_over(view: View, attempt: Attempt) -> bool:
    """Return whether nothing of the steps and gates is left."""
    if not attempt.weight or attempt.since is None or not is_last_step(attempt) or view.now < time_of_step(attempt):
        return False
    return not pauses(attempt) and view.judgement.verdict is Verdict.PASSED


def pauses(attempt: Attempt) -> bool:
    """Return whether the step ends only by a command, which was not given yet."""
    return attempt.weight > 0 and not attempt.full and step_of(attempt).pause and attempt.released < attempt.step


def waited(attempt: Attempt, pods: Pods | None, now: datetime) -> timedelta:
    """Return for how long the attempt has waited for its pods, all its waits together.

    Before there are pods no time counts: who was to ask for them may have been away. When they began says the API
    server; where its clock is ahead of ours, that says nothing.
    """
    before = timedelta(seconds=attempt.waited_seconds)
    if attempt.weight or attempt.since is None or pods is None:
        return before
    since = max(attempt.since, pods.started_at) if pods.started_at <= now else attempt.since
    return before + max(now - since, timedelta())


def in_time(view: View, attempt: Attempt) -> Attempt:
    """Return the attempt with the time that the evidence has running, or standing still, as it does now."""
    stops = _is_held_up(view, attempt)
    if stops == (attempt.stopped_since is not None):
        return attempt
    if stops:
        return attempt.model_copy(update={"stopped_since": view.now})
    seconds = _stood_still(attempt, view.now).total_seconds()
    return attempt.model_copy(update={"stopped_since": None, "stopped_seconds": seconds})


def _is_held_up(view: View, attempt: Attempt) -> bool:
    """Return whether people hold the rollout, or a source does not answer."""
    if attempt.trial_since is None or attempt.outcome:
        return False
    at_pause = pauses(attempt) and attempt.since is not None and view.now >= time_of_step(attempt)
    by_people = view.paused or attempt.paused or at_pause or awaits_approval(view, attempt)
    return by_people or view.judgement.verdict is Verdict.UNKNOWN


def trial(attempt: Attempt, now: datetime) -> timedelta:
    """Return how much of the time that the evidence has is over."""
    return now - attempt.trial_since - _stood_still(attempt, now) if attempt.trial_since else timedelta()


def _stood_still(attempt: Attempt, now: datetime) -> timedelta:
    before = timedelta(seconds=attempt.stopped_seconds)
    return before + (max(now - attempt.stopped_since, timedelta()) if attempt.stopped_since else timedelta())


def deadline(attempt: Attempt) -> timedelta:
    """Return the time that the evidence has."""
    if attempt.policy.deadline_seconds is not None:
        return timedelta(seconds=attempt.policy.deadline_seconds)
    return max(LEAST_DEADLINE, 2 * timedelta(seconds=sum(step.min_seconds for step in attempt.policy.steps)))


def _changed(attempt: Attempt, now: datetime, **changes: object) -> Attempt:
    if attempt.gateway and changes.get("weight", attempt.weight) != attempt.weight:
        changes["split"] = attempt.split + 1
    past = (*attempt.held, *((_just_held(attempt, now),) if attempt.weight else ()))
    return attempt.model_copy(update={"since": now, "held": past[-MAX_HELD:], **changes})


def _just_held(attempt: Attempt, now: datetime) -> Held:
    return Held(step=attempt.step, weight=attempt.weight, since=attempt.since or now, until=now)
