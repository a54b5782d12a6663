"""Who may give a command, and in which form, as the API server says when the chart's policy is in force."""

from functools import partial
from typing import Final

import pytest

from tests.api.samples import ABSENT
from tests.chart.policies import (
    ANNOTATION,
    CREATIONS,
    EDITOR,
    PROMOTER,
    UPDATES,
    Changes,
    Guarded,
    Way,
    apply,
    create,
    patch,
    refusal,
    replace,
    ways,
)
from tests.cluster.backends import run_kubectl
from tests.cluster.control_plane import ControlPlane

VERBS: Final = ("promote", "promote-full", "abort", "pause", "resume", "retry")
PROMOTE: Final = "promote 4d18ac5c37 1"
UID: Final = "0b7e6f5a-1c2d-4e3f-8a9b-0c1d2e3f4a5b"
"""Of no object there is."""

MAY_NOT_PROMOTE: Final = (
    'eve may not give the command promote: that needs the right "promote" on modeldeployments of group serinus.dev, '
    "as ClusterRole serinus-promoter gives it; ask an administrator"
)
FORM: Final = (
    '; write "<verb> <revision> <nonce> [by <user>]", for example "promote 4d18ac5c37 1": '
    "verb is one of promote, promote-full, abort, pause, resume, retry; "
    "revision is the 10 digits that kubectl get mdep shows; "
    "nonce is any new word of up to 128 visible ASCII characters; "
    "user is who gives it, in up to 256 characters"
)


def command(text: str | None) -> Changes:
    return {"metadata.annotations": {ANNOTATION: text}}


@pytest.fixture(scope="module")
def commanded(guarded: Guarded) -> Guarded:
    """A model that carries a command."""
    model = guarded.another("commanded")
    patch(model, PROMOTER, command(f"{PROMOTE} by {PROMOTER}"), dry=False)
    return model


@ways(*UPDATES, *CREATIONS)
def test_a_command_needs_its_right_whatever_way_it_comes(guarded: Guarded, way: Way) -> None:
    given = command(PROMOTE)
    assert refusal(lambda: way(guarded, EDITOR, given)) == MAY_NOT_PROMOTE
    assert way(guarded, PROMOTER, given)["metadata"]["annotations"] == given["metadata.annotations"]


@ways(*UPDATES)
def test_another_command_needs_its_right_too(commanded: Guarded, way: Way) -> None:
    given = command(PROMOTE.replace("1", "2"))
    assert refusal(lambda: way(commanded, EDITOR, given)) == MAY_NOT_PROMOTE
    assert refusal(lambda: way(commanded, PROMOTER, given)) == ""


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_a_right_of_its_own(guarded: Guarded, verb: str) -> None:
    user = f"may-{verb}"
    guarded.grant(user, verb)
    permitted = [each for each in VERBS if not refusal(partial(patch, guarded, user, command(f"{each} 4d18ac5c37 1")))]
    assert permitted == [verb]
    assert refusal(lambda: patch(guarded, PROMOTER, command(f"{verb} 4d18ac5c37 1"))) == ""


def test_a_right_for_one_name_is_none_for_another(guarded: Guarded) -> None:
    guarded.grant("ada", "promote", name="other")
    other = guarded.another("other")
    assert "ada may not give the command promote" in refusal(lambda: patch(guarded, "ada", command(PROMOTE)))
    assert refusal(lambda: patch(other, "ada", command(PROMOTE))) == ""


def test_a_right_in_one_namespace_is_none_in_another(guarded: Guarded, namespace: str) -> None:
    Guarded(guarded.api, namespace).grant("ida", *VERBS)
    assert "ida may not give the command promote" in refusal(lambda: patch(guarded, "ida", command(PROMOTE)))


@pytest.mark.parametrize(
    "text",
    [
        *(f"{verb} 4d18ac5c37 1" for verb in VERBS),
        f"promote 4d18ac5c37 {'n' * 128}",
        "promote 4d18ac5c37 2026-11-25T09:00:00+01:00",
        f"promote 4d18ac5c37 {UID}-3f9a",
        f"promote 4d18ac5c37 1 by {PROMOTER}",
    ],
)
def test_a_command_has_this_form(guarded: Guarded, text: str) -> None:
    assert refusal(lambda: patch(guarded, PROMOTER, command(text))) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "promote",
        "promote 4d18ac5c37",
        "promote 4d18ac5c37 ",
        "promote 1",
        "promote 4d18ac5c3 1",
        "promote 4d18ac5c371 1",
        "promote 4D18AC5C37 1",
        "rollback 4d18ac5c37 1",
        "Promote 4d18ac5c37 1",
        "promote-all 4d18ac5c37 1",
        " promote 4d18ac5c37 1",
        "promote  4d18ac5c37 1",
        "promote 4d18ac5c37 1 ",
        "promote 4d18ac5c37 1 2",
        "promote 4d18ac5c37 1 by",
        "promote 4d18ac5c37 1 by ",
        "promote 4d18ac5c37 ä",
    ],
)
@pytest.mark.parametrize("way", [patch, create])
def test_anything_else_is_refused_to_everybody(guarded: Guarded, way: Way, text: str) -> None:
    assert refusal(lambda: way(guarded, PROMOTER, command(text))) == f'serinus.dev/command is "{text}"{FORM}'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"promote 4d18ac5c37 {'n' * 129}", f"promote 4d18ac5c37 {'n' * 61}..."),
        (f"promote 4d18ac5c37 1 by {'u' * 257}", f"promote 4d18ac5c37 1 by {'u' * 56}..."),
        (f"{PROMOTE}\nabort 4d18ac5c37 2", f"{PROMOTE} abort 4d18ac5c37 2"),
        (f"{PROMOTE}\n", f"{PROMOTE} "),
        ("x" * 262_000, f"{'x' * 80}..."),
    ],
    ids=["long-nonce", "long-user", "two-lines", "line-end", "huge"],
)
def test_a_refused_command_is_shown_in_one_short_line(guarded: Guarded, text: str, shown: str) -> None:
    assert refusal(lambda: patch(guarded, PROMOTER, command(text))) == f'serinus.dev/command is "{shown}"{FORM}'


@ways(*UPDATES, *CREATIONS)
def test_nobody_commands_in_anothers_name(guarded: Guarded, way: Way) -> None:
    assert refusal(lambda: way(guarded, PROMOTER, command(f"{PROMOTE} by eve"))) == (
        'the command says "by eve", and it is pat who gives it: write "by pat" or leave "by" out'
    )
    assert refusal(lambda: way(guarded, PROMOTER, command(f"{PROMOTE} by pat"))) == ""


@pytest.mark.parametrize("user", ["Ada Lovelace", "system:serviceaccount:risk:ci", "ada@example.com", "u" * 256])
def test_any_name_that_users_have_can_be_given(guarded: Guarded, user: str) -> None:
    guarded.grant(user, "promote")
    assert refusal(lambda: patch(guarded, user, command(f"{PROMOTE} by {user}"))) == ""
    assert f"it is {user} who gives it" in refusal(lambda: patch(guarded, user, command(f"{PROMOTE} by {user[1:]}")))


@ways(*CREATIONS)
def test_a_backup_is_restored_without_the_right(guarded: Guarded, way: Way) -> None:
    """Its command names the object that is gone, and the user that gave it."""
    given = command(f"promote 4d18ac5c37 {UID}-3f9a by {PROMOTER}")
    assert way(guarded, EDITOR, given)["metadata"]["annotations"] == given["metadata.annotations"]


@ways(*UPDATES)
def test_what_is_there_is_not_restored(guarded: Guarded, way: Way) -> None:
    assert refusal(lambda: way(guarded, EDITOR, command(f"promote 4d18ac5c37 {UID}-3f9a"))) == MAY_NOT_PROMOTE


@pytest.mark.parametrize("nonce", [UID, f"{UID}-", f"x{UID}-1", f"{UID.upper()}-1", f"{UID[1:]}-1", "1-2-3-4-5-6"])
def test_a_nonce_like_that_of_a_backup_helps_nobody(guarded: Guarded, nonce: str) -> None:
    assert refusal(lambda: create(guarded, EDITOR, command(f"promote 4d18ac5c37 {nonce}"))) == MAY_NOT_PROMOTE


@pytest.mark.parametrize(
    ("way", "changes"),
    [
        (patch, {"metadata.labels": {"team": "risk"}}),
        (patch, {"metadata.annotations": {"example.com/owner": "risk"}}),
        (patch, command(f"{PROMOTE} by {PROMOTER}")),
        (patch, {"spec.model.version": "8"}),
        (apply, {"spec.model.version": "8"}),
        (apply, command(f"{PROMOTE} by {PROMOTER}")),
        (replace, {"spec.model.version": "8"}),
    ],
)
def test_whoever_leaves_the_command_as_it_was_needs_no_right(commanded: Guarded, way: Way, changes: Changes) -> None:
    answer = way(commanded, EDITOR, changes)
    assert answer["metadata"]["annotations"][ANNOTATION] == f"{PROMOTE} by {PROMOTER}"


@pytest.mark.parametrize(("way", "changes"), [(patch, command(None)), (replace, {"metadata.annotations": ABSENT})])
def test_anybody_may_take_a_command_away(commanded: Guarded, way: Way, changes: Changes) -> None:
    assert "annotations" not in way(commanded, EDITOR, changes)["metadata"]


def test_the_operator_reports_without_the_right(commanded: Guarded) -> None:
    """Nor could it give a command that way."""
    commanded.grant("operator", "patch", resource="modeldeployments/status")
    report = {"metadata": {"annotations": {ANNOTATION: "abort 4d18ac5c37 2"}}, "status": {"observedGeneration": 7}}
    answer = patch(commanded, "operator", report, part="status")
    assert answer["status"]["observedGeneration"] == 7
    assert answer["metadata"]["annotations"] == {ANNOTATION: f"{PROMOTE} by {PROMOTER}"}


def test_whoever_may_edit_may_delete_what_carries_a_command(guarded: Guarded) -> None:
    model = guarded.another("deleted")
    patch(model, PROMOTER, command(PROMOTE), dry=False)
    guarded.api.as_user(EDITOR).request("DELETE", model.path())
    assert model.read() is None


def test_kubectl_says_why(guarded: Guarded, commanded: Guarded, control_plane: ControlPlane) -> None:
    def kubectl(*arguments: str) -> str:
        return run_kubectl(control_plane.kubeconfig, (*arguments, "--as=eve", f"--namespace={guarded.namespace}"))

    with pytest.raises(RuntimeError) as refused:
        kubectl("annotate", "mdep", "fraud", f"{ANNOTATION}={PROMOTE}")
    assert MAY_NOT_PROMOTE in str(refused.value)
    assert kubectl("scale", "mdep", commanded.name, "--replicas=3").strip().endswith("scaled")
