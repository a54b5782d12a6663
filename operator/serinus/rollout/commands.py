"""What comes of a command that somebody gave. Used by canary.py, which obeys it, and report.py, which tells of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from serinus.api.commands import MAX_RESULT, REFUSED, USAGE, Command, Obeyed, Verb
from serinus.api.modelrelease import MAX_COMMANDS, Attempt, Result
from serinus.api.reasons import Reason
from serinus.rollout import attempt as attempts
from serinus.rollout.sentences import meanwhile
from serinus.rollout.view import View


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes of a command."""

    result: str
    """The sentence for people."""
    attempt: Attempt | None = None
    """What to record, if it is obeyed now; the command is in it."""


Change = tuple[Attempt, str]
"""A changed attempt, and what came of the command."""


def answer(view: View) -> Answer | None:
    """Return what comes of the command that awaits an answer; None where none does, or the rollout is yet to begin."""
    command = view.command
    if command is None:
        return None
    given = view.asked.commands
    if given and (given[-1].verb, given[-1].nonce) == (command.verb, command.nonce) and _is_for_asked(view, command):
        return Answer(given[-1].result)
    if refusal := _misdirected(view, command) or _needless(view):
        return Answer(REFUSED + refusal)
    assert command.verb is not None  # noqa: S101 - else it was refused
    outcome = _DOES[command.verb](view, command)
    if isinstance(outcome, str):
        return Answer(REFUSED + outcome)
    if outcome is None:
        return None
    attempt, result = outcome
    result = result[:MAX_RESULT]
    obeyed = Obeyed(verb=command.verb, nonce=command.nonce, by=command.by, at=view.now, result=result)
    commands = (*attempt.commands, obeyed)[-MAX_COMMANDS:]
    return Answer(result, attempts.in_time(view, attempt.model_copy(update={"commands": commands})))


def is_refusal(result: str) -> bool:
    """Return whether nothing came of a command."""
    return result.startswith(REFUSED)


def _is_for_asked(view: View, command: Command) -> bool:
    return command.revision == view.asked.revision


def _misdirected(view: View, command: Command) -> str | None:
    """Return why a command cannot be meant, whatever it asks for."""
    if command.verb is None:
        return f"the command cannot be read; {USAGE}"
    if not _is_for_asked(view, command):
        return f"it is for revision {command.revision}, and the spec asks for {view.asked}"
    if any(command.nonce == earlier.nonce for earlier in view.asked.commands):
        return f"nonce {command.nonce} was used before: a new command needs a new word"
    return None


def _needless(view: View) -> str | None:
    """Return why the asked revision has no rollout that a command could change."""
    if view.stable is None and view.attempt is None:
        return f"{view.asked} is the first one: there is no rollout"
    if view.asked_is_stable:
        return f"{view.asked} is the stable one already: there is no rollout"
    return None


def _promote(view: View, command: Command) -> Change | str | None:
    attempt = view.attempt
    if attempt is None:
        return _no_attempt(view, command)
    if attempts.pauses(attempt):
        return attempt.model_copy(update={"released": attempt.step}), f"the pause of step {attempt.step} ends"
    if attempts.awaits_approval(view, attempt):
        return attempt.model_copy(update={"approved": True}), f"{view.asked} is approved"
    if attempt.paused:
        return "a command paused the rollout: resume lets it go on"
    return f"{view.asked} waits for nobody now: promote-full would skip the steps that are left"


def _promote_full(view: View, command: Command) -> Change | str | None:
    attempt = view.attempt
    if attempt is None:
        return _no_attempt(view, command)
    if attempt.full:
        return "it was told so before"
    skipping = attempt.model_copy(update={"full": True, "paused": False})
    return skipping, f"{view.asked} takes over as soon as it has all its pods; what is left of its steps is skipped"


def _abort(view: View, command: Command) -> Change | str | None:
    attempt = view.attempt
    if attempt is None:
        return _no_attempt(view, command)
    if view.stable is None:
        return f"{view.asked} is the first one, and there is nothing to go back to: apply another spec"
    by = f" by {command.by}" if command.by else ""
    message = (
        f"{view.asked} was given up{by} at {attempt.weight} %; {meanwhile(view)}; "
        "it is not tried again until another revision was asked for, or the command retry is given"
    )
    return attempts.ended(attempt, view.now, Result.ROLLED_BACK, Reason.ABORTED, message), f"{view.asked} is given up"


def _pause(view: View, command: Command) -> Change | str | None:
    attempt = view.attempt
    if attempt is None:
        return _no_attempt(view, command)
    if view.stable is None:
        return f"{view.asked} is the first one, and waits for its approval all the same"
    if attempt.paused:
        return "the rollout is paused already"
    return attempt.model_copy(update={"paused": True}), f"{view.asked} stays at {attempt.weight} % until resume"


def _resume(view: View, command: Command) -> Change | str | None:
    attempt = view.attempt
    if attempt is None:
        return _no_attempt(view, command)
    if not attempt.paused:
        pause = attempts.pauses(attempt)
        return "no command paused the rollout" + ("; promote ends the pause of a step" if pause else "")
    return attempt.model_copy(update={"paused": False}), f"{view.asked} goes on"


def _retry(view: View, _command: Command) -> Change | str | None:
    if view.asked.result is not Result.ROLLED_BACK:
        return f"{view.asked} was not rolled back"
    return attempts.begun(view), f"{view.asked} is tried again"


_DOES: Final[dict[Verb, Callable[[View, Command], Change | str | None]]] = {
    Verb.PROMOTE: _promote,
    Verb.PROMOTE_FULL: _promote_full,
    Verb.ABORT: _abort,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.RETRY: _retry,
}


def _no_attempt(view: View, command: Command) -> str | None:
    """Return why there is no rollout; None where it begins in a moment."""
    if view.asked.result is Result.ROLLED_BACK:
        return f"{view.asked} was rolled back: {Verb.RETRY} tries it again"
    if view.paused:
        return f"the rollout has not begun: spec.paused is true, and {command.verb} cannot change that"
    return None
