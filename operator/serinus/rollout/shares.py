"""The two ways in which an attempt goes on, with a share or waiting for one. Used by the rules of an attempt."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps

from serinus.api.modeldeployment import Step
from serinus.api.modelrelease import Attempt
from serinus.api.reasons import Reason
from serinus.rollout import attempt as attempts
from serinus.rollout.intent import Intent, Rule, Stage
from serinus.rollout.view import EVERY, View

AttemptRule = Callable[[View, Attempt], Intent | None]


def while_it_goes_on(rule: AttemptRule) -> Rule:
    """Ask a rule only while an attempt goes on beside a stable revision."""

    @wraps(rule)
    def ask(view: View) -> Intent | None:
        return rule(view, view.attempt) if view.attempt and view.stable else None

    return ask


def step_name(attempt: Attempt) -> str:
    """Return what people call the step that an attempt is at."""
    return f"step {attempt.step} of {len(attempt.policy.steps)}"


def sharing(
    attempt: Attempt,
    message: str,
    *,
    stage: Stage = Stage.MOVING,
    reason: Reason = Reason.CANARY_IN_PROGRESS,
    capacity: Step | None = None,
    record: Attempt | None = None,
    wake_at: datetime | None = None,
) -> Intent:
    """Return that the attempt has its share, and pods for its step, unless these are for another one."""
    pods_for = capacity or attempts.step_of(attempt)
    return Intent(EVERY, stage, reason, message, capacity=pods_for, attempt=record, wake_at=wake_at)


def waiting(
    view: View,
    attempt: Attempt,
    reason: Reason,
    message: str,
    *,
    record: Attempt | None = None,
    wake_at: datetime | None = None,
) -> Intent:
    """Return that the attempt waits without a share, its pods with it."""
    return Intent(
        view.incumbent.revision,
        Stage.MOVING,
        reason,
        message,
        capacity=attempts.awaited_step(attempt),
        attempt=record,
        wake_at=wake_at,
    )
