"""Commands as people give them, under a real API server where the chart's policies are in force."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Self

import pytest

from serinus.api.commands import ANNOTATION_COMMAND
from serinus.cli.main import COMMANDS
from tests.chart.policies import Guarded, in_force
from tests.chart.rendering import render
from tests.cli.models import CANARY, STABLE
from tests.cli.running import PROGRAM, complaint, environment, run, write_kubeconfig
from tests.cluster.api import Json
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually

PODS = {"replicas": 1, "readyReplicas": 1}
STATUS: Json = {
    "observedGeneration": 1,
    "stable": {"revision": STABLE, "weight": 95} | PODS,
    "canary": {"revision": CANARY, "weight": 5, "weightInForce": 5} | PODS,
}
KIND = ("serinus.dev/v1alpha1", "ModelDeployment")


@dataclass(frozen=True)
class Terminal:
    """Where somebody types commands, as a service account that may edit and was given rights besides."""

    model: Guarded
    kubeconfig: Path
    user: str

    @classmethod
    def of(cls, model: Guarded, plane: ControlPlane, folder: Path, name: str, *rights: str) -> Self:
        user = f"system:serviceaccount:{model.namespace}:{name}"
        account = {"kind": "ServiceAccount", "metadata": {"name": name, "namespace": model.namespace}}
        model.api.create({"apiVersion": "v1"} | account)
        if rights:
            model.grant(user, *rights)
        path = model.api.path("v1", "ServiceAccount", model.namespace, name)
        token = model.api.request("POST", f"{path}/token", {"spec": {}})["status"]["token"]
        authority = base64.b64encode(plane.authority.read_bytes()).decode()
        kubeconfig = write_kubeconfig(
            folder / name, plane.place.server, {"token": token}, **{"certificate-authority-data": authority}
        )
        return cls(model, kubeconfig, user)

    def words(self, verb: str, *further: str) -> tuple[str, ...]:
        return (verb, self.model.name, "-n", self.model.namespace, *further)


@pytest.fixture(scope="module")
def guarded(control_plane: ControlPlane) -> Iterator[Guarded]:
    with in_force(control_plane.api, render()) as model:
        yield model


@pytest.fixture(scope="module")
def promoter(guarded: Guarded, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """May give every command."""
    return Terminal.of(guarded, control_plane, tmp_path_factory.mktemp("terminal"), "ada", *COMMANDS)


@pytest.fixture(scope="module")
def editor(guarded: Guarded, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """May give none."""
    return Terminal.of(guarded, control_plane, tmp_path_factory.mktemp("terminal"), "eve")


@pytest.fixture(autouse=True)
def canary(guarded: Guarded) -> None:
    """The operator is the test's; its report is that of a rollout."""
    report(guarded, STATUS | {"lastCommand": None})
    guarded.api.patch(*KIND, guarded.name, {"metadata": {"annotations": {ANNOTATION_COMMAND: None}}}, guarded.namespace)


def report(model: Guarded, status: Json) -> None:
    model.api.patch(*KIND, model.name, {"status": status}, model.namespace, part="status")


def annotation(model: Guarded) -> list[str]:
    """The words of the command that the model carries."""
    text = (model.read() or {})["metadata"].get("annotations", {}).get(ANNOTATION_COMMAND, "")
    return str(text).split(" ", 4)


@pytest.mark.parametrize("result", ["it takes over now", "refused: it is rolled back"])
def test_the_operators_answer_is_what_one_reads(promoter: Terminal, result: str) -> None:
    model = promoter.model
    with Popen(
        [*PROGRAM, *promoter.words("promote", "--timeout", "30")],
        env=environment(promoter.kubeconfig),
        stdout=-1,
        stderr=-1,
        text=True,
    ) as process:
        verb, revision, nonce, _, by = eventually(
            lambda: annotation(model)[4:] and annotation(model), 30, "a command is given"
        )
        assert (verb, revision, by) == ("promote", CANARY, promoter.user)
        answer = {"verb": verb, "revision": revision, "nonce": nonce, "by": by, "result": result}
        report(model, {"lastCommand": answer})
        told = process.communicate(timeout=30)
    if result.startswith("refused: "):
        assert (process.returncode, *told) == (1, "", f"kubectl serinus: {result}\n")
    else:
        assert (process.returncode, *told) == (0, f"{result}\n", "")


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_command_has_the_form_that_the_policy_asks_for(promoter: Terminal, verb: str) -> None:
    sentence = complaint(promoter.kubeconfig, *promoter.words(verb, "--timeout", "0"))
    assert "was given, and the operator has not answered within 0 s" in sentence
    words = annotation(promoter.model)
    assert (words[:2], words[3:]) == ([verb, CANARY], ["by", promoter.user])


def test_two_commands_differ(promoter: Terminal) -> None:
    nonces = []
    for _ in range(2):
        run(promoter.kubeconfig, *promoter.words("pause", "--timeout", "0"))
        nonces.append(annotation(promoter.model)[2])
    assert len(set(nonces)) == 2


def test_the_policys_own_sentence_is_what_one_reads_without_the_right(editor: Terminal) -> None:
    sentence = complaint(editor.kubeconfig, *editor.words("abort"))
    assert sentence.startswith(f'{editor.user} may not give the command abort: that needs the right "abort"')
    assert annotation(editor.model) == [""]


def test_nothing_is_given_where_the_spec_is_newer_than_the_status(promoter: Terminal) -> None:
    report(promoter.model, {"observedGeneration": 0})
    sentence = complaint(promoter.kubeconfig, *promoter.words("promote"))
    assert sentence.startswith("the operator has not seen the newest spec yet")
    assert annotation(promoter.model) == [""]


def test_a_revision_that_is_named_needs_no_canary(promoter: Terminal) -> None:
    report(promoter.model, {"canary": None})
    assert complaint(promoter.kubeconfig, *promoter.words("retry")).startswith("nothing to retry: ")
    run(promoter.kubeconfig, *promoter.words("retry", "--revision", "0123456789", "--timeout", "0"))
    assert annotation(promoter.model)[:2] == ["retry", "0123456789"]


def test_an_authority_that_nobody_here_knows_is_not_trusted(control_plane: ControlPlane, tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(tmp_path / "config", control_plane.place.server, {"token": "x"})
    assert "certificate verify failed" in complaint(kubeconfig, "status", "fraud")


def test_a_token_that_expired_is_told_from_a_right_that_is_missing(
    control_plane: ControlPlane, editor: Terminal, tmp_path: Path
) -> None:
    authority = base64.b64encode(control_plane.authority.read_bytes()).decode()
    trusting = {"certificate-authority-data": authority}
    kubeconfig = write_kubeconfig(tmp_path / "config", control_plane.place.server, {"token": "x"}, **trusting)
    assert "log in again" in complaint(kubeconfig, "promote", "fraud")
    assert "cannot get resource" in complaint(editor.kubeconfig, "promote", "fraud", "-n", "default")
