"""How the annotation of a command is read: as the admission policy of the chart lets it through."""

import pytest

from serinus.api.commands import Command, Verb, parse

UID = "0b3c7a52-6f0e-4c6c-9f5e-1d2f3a4b5c6d"
OTHER = "ffffffff-6f0e-4c6c-9f5e-1d2f3a4b5c6d"
REVISION = "4d18ac5c37"


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (f"promote {REVISION} 1", Command(Verb.PROMOTE, REVISION, "1")),
        (f"promote-full {REVISION} a.b/c", Command(Verb.PROMOTE_FULL, REVISION, "a.b/c")),
        (f"abort {REVISION} 1 by ada", Command(Verb.ABORT, REVISION, "1", "ada")),
        (f"pause {REVISION} 1 by Ada by Byron", Command(Verb.PAUSE, REVISION, "1", "Ada by Byron")),
        (f"retry {REVISION} {'n' * 128}", Command(Verb.RETRY, REVISION, "n" * 128)),
        (f"resume {REVISION} {UID}-1", Command(Verb.RESUME, REVISION, f"{UID}-1")),
        (f"resume {REVISION} {UID}", Command(Verb.RESUME, REVISION, UID)),
    ],
)
def test_a_command_has_a_verb_a_revision_a_nonce_and_perhaps_a_name(text: str, command: Command) -> None:
    assert parse(text, UID) == command


def test_the_nonce_of_another_object_as_a_backup_restores_it_is_no_command() -> None:
    assert parse(f"promote {REVISION} {OTHER}-1", UID) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "promote",
        f"promote {REVISION}",
        f"Promote {REVISION} 1",
        f"promote {REVISION}0 1",
        f"promote {REVISION} a b",
        f"promote {REVISION} 1 by ",
        f"promote {REVISION} {'n' * 129}",
        f"promote {REVISION} 1 by {'n' * 257}",
        f"promote {REVISION} 1\n",
        f"promote  {REVISION} 1",
    ],
)
def test_anything_else_is_kept_to_be_told_of(text: str) -> None:
    assert parse(text, UID) == Command(None, "", text[:128])
