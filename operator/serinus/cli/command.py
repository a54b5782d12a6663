"""A command to the operator: for which revision it is, and what came of it. Pure."""

from typing import Any

from serinus.api.commands import ANNOTATION_COMMAND, REFUSED, Command
from serinus.cli.failure import Failure

Document = dict[str, Any]


def revision_to_command(verb: str, model: Document) -> str:
    """Return the revision that a command is for where none is named: the canary's."""
    status, generation = model.get("status", {}), model["metadata"]["generation"]
    seen = status.get("observedGeneration", -1)
    if seen < generation:
        spec = f"spec (generation {generation}, seen {seen})" if seen > 0 else "spec"
        raise Failure(
            f"the operator has not seen the newest {spec} yet: wait until it has, or name the revision by --revision"
        )
    if canary := status.get("canary"):
        return str(canary["revision"])
    stable = status.get("stable")
    serving = f"{named(stable)} serves, and no other is on its way" if stable else "no revision serves yet"
    raise Failure(f"nothing to {verb.partition('-')[0]}: {serving}; another revision is named by --revision")


def answer_to(command: Command, model: Document) -> str | None:
    """Return what came of a command, or None where that is not known yet."""
    last = model.get("status", {}).get("lastCommand", {})
    if last.get("nonce") == command.nonce:
        result = str(last["result"])
        if result.startswith(REFUSED):
            raise Failure(result)
        return result
    given = model["metadata"].get("annotations", {}).get(ANNOTATION_COMMAND)
    if given == str(command):
        return None
    other = f'"{given}" took its place' if given else "it was taken away"
    raise Failure(f'the command "{command}" was given, and before it was answered {other}')


def named(revision: Document) -> str:
    """Return a revision of the status, as the operator's sentences call it."""
    version = revision.get("version")
    return f"revision {revision['revision']}" + (f" (version {version})" if version else "")
