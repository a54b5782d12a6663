"""Commands that people give by an annotation, and the record of one that was obeyed. Read by every layer."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, NamedTuple

from pydantic import Field

from serinus.api.model import ApiModel
from serinus.api.names import GROUP

ANNOTATION_COMMAND: Final = f"{GROUP}/command"

REFUSED: Final = "refused: "
"""How the result of a command begins that nothing came of."""

MAX_NONCE: Final = 128
MAX_USER: Final = 256
MAX_RESULT: Final = 1024

Nonce = Annotated[str, Field(max_length=MAX_NONCE)]
User = Annotated[str, Field(max_length=MAX_USER)]


class Verb(StrEnum):
    """What can be asked of a rollout. Each is a right of its own on ModelDeployments."""

    PROMOTE = "promote"
    """Approve the promotion, or end the pause of the present step."""
    PROMOTE_FULL = "promote-full"
    """Skip the steps and gates that are left."""
    ABORT = "abort"
    """Give the revision up: the stable one gets all the traffic."""
    PAUSE = "pause"
    """Hold the rollout where it is."""
    RESUME = "resume"
    """Let a paused rollout go on."""
    RETRY = "retry"
    """Try a revision again that was rolled back."""


USAGE: Final = (
    f'write {ANNOTATION_COMMAND}: "<verb> <revision> <nonce> [by <user>]", where verb is one of '
    f"{', '.join(Verb)}, revision is the 10 digits that kubectl get mdep shows, and nonce is any new word"
)

# The same as in the ValidatingAdmissionPolicy of the chart, command-policy.yaml.
_FORM: Final = re.compile(
    rf"({'|'.join(Verb)}) ([0-9a-f]{{10}}) ([!-~]{{1,{MAX_NONCE}}})(?: by (.{{1,{MAX_USER}}}))?", re.DOTALL
)
_OF_AN_OBJECT: Final = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-.")


class Command(NamedTuple):
    """What the annotation says. One that is not well formed has no verb."""

    verb: Verb | None
    revision: str
    nonce: str
    by: str | None = None

    def __str__(self) -> str:
        """`<verb> <revision> <nonce> [by <user>]`; a user whose name does not fit is left out."""
        named = self.by and len(self.by) <= MAX_USER and self.by.isprintable()
        return f"{self.verb} {self.revision} {self.nonce}" + (f" by {self.by}" if named else "")


class Obeyed(ApiModel):
    """A command that was obeyed, and is not a second time."""

    verb: Verb
    """What was asked."""
    nonce: Nonce
    """The command's own id."""
    by: User | None = None
    """Who gave it, vouched for by the API server."""
    at: datetime
    """When."""
    result: Annotated[str, Field(max_length=MAX_RESULT)]
    """What came of it."""


def parse(text: str, uid: str) -> Command | None:
    """Return the command of an annotation; None for one that a backup brought back, which names another object."""
    match = _FORM.fullmatch(text)
    if match is None:
        return Command(None, "", text[:MAX_NONCE])
    verb, revision, nonce, by = match.groups()
    named = _OF_AN_OBJECT.match(nonce)
    if named and named[1] != uid:
        return None
    return Command(Verb(verb), revision, nonce, by)
