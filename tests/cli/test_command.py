"""What a command says, for which revision it is where none is named, and when it counts as answered."""

import re

import pytest

from serinus.api.commands import Command, Verb
from serinus.cli.command import Document, answer_to, revision_to_command
from serinus.cli.failure import Failure
from tests.cli.models import CANARY, SERVING, STABLE, TRYING, model

OURS = Command(Verb.PROMOTE, CANARY, "0f3c", "ada")
WRITTEN = f"promote {CANARY} 0f3c by ada"


def failure(expected: str) -> "pytest.RaisesExc[Failure]":
    return pytest.raises(Failure, match=f"^{re.escape(expected)}$")


@pytest.mark.parametrize(
    ("by", "end"),
    [
        (None, ""),
        ("", ""),
        ("ada", " by ada"),
        ("Ada Lovelace", " by Ada Lovelace"),
        ("system:serviceaccount:risk:ci", " by system:serviceaccount:risk:ci"),
        ("u" * 256, " by " + "u" * 256),
        ("u" * 257, ""),
        ("ada\nabort", ""),
    ],
)
def test_a_command_names_who_gives_it_where_the_name_fits(by: str | None, end: str) -> None:
    assert str(Command(Verb.ABORT, CANARY, "0f3c", by)) == f"abort {CANARY} 0f3c{end}"


@pytest.mark.parametrize("verb", ["promote", "promote-full", "abort", "pause", "resume", "retry"])
def test_every_command_is_for_the_canary(verb: str) -> None:
    assert revision_to_command(verb, model()) == CANARY


@pytest.mark.parametrize(
    ("verb", "status", "sentence"),
    [
        ("promote", SERVING, f"nothing to promote: revision {STABLE} (version 7) serves, and no other is on its way"),
        ("promote-full", {"observedGeneration": 2}, "nothing to promote: no revision serves yet"),
        ("retry", {"observedGeneration": 2, "stable": {"revision": STABLE}}, f"nothing to retry: revision {STABLE} "),
    ],
)
def test_without_a_canary_there_is_nothing_to_command(verb: str, status: Document, sentence: str) -> None:
    with pytest.raises(Failure, match=f"^{re.escape(sentence)}.*; another revision is named by --revision$"):
        revision_to_command(verb, model(status))


@pytest.mark.parametrize(
    ("status", "spec"),
    [
        ({}, "spec"),
        ({"observedGeneration": -1}, "spec"),
        (TRYING | {"observedGeneration": 1}, "spec (generation 2, seen 1)"),
    ],
)
def test_what_the_status_says_of_an_older_spec_does_not_count(status: Document, spec: str) -> None:
    with failure(
        f"the operator has not seen the newest {spec} yet: wait until it has, or name the revision by --revision"
    ):
        revision_to_command("promote", model(status))


@pytest.mark.parametrize("before", [{}, {"lastCommand": {"nonce": "1", "result": "refused: no"}}])
def test_a_command_waits_for_its_own_answer(before: Document) -> None:
    assert answer_to(OURS, model(TRYING | before, WRITTEN)) is None


@pytest.mark.parametrize("annotation", [WRITTEN, f"abort {CANARY} 2", None])
def test_the_answer_is_that_to_its_nonce_whatever_was_given_since(annotation: str | None) -> None:
    answered = TRYING | {"lastCommand": {"nonce": "0f3c", "result": "step 2 begins"}}
    assert answer_to(OURS, model(answered, annotation)) == "step 2 begins"


def test_a_refusal_is_a_failure_in_the_operators_words() -> None:
    refused = TRYING | {"lastCommand": {"nonce": "0f3c", "result": "refused: revision 9c7e1f20ab has no pods"}}
    with failure("refused: revision 9c7e1f20ab has no pods"):
        answer_to(OURS, model(refused, WRITTEN))


@pytest.mark.parametrize(
    ("annotation", "what"),
    [(f"abort {CANARY} 2 by bob", f'"abort {CANARY} 2 by bob" took its place'), (None, "it was taken away")],
)
def test_a_command_that_is_no_longer_there_is_not_waited_for(annotation: str | None, what: str) -> None:
    with failure(f'the command "{WRITTEN}" was given, and before it was answered {what}'):
        answer_to(OURS, model(TRYING, annotation))
