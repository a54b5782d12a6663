"""Commands by annotation, on a real API server: a rollout is paused, given up, tried again, approved, ended."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from serinus.api.names import API_VERSION
from tests.cluster.api import Json
from tests.cluster.eventually import eventually
from tests.e2e.history import History
from tests.e2e.models import SECONDS, Model, spec
from tests.e2e.operator import OperatorProcess
from tests.e2e.test_canary import HELD_FOR_EVER, attempt, canary_spec, holds, serves

pytestmark = pytest.mark.control_plane

COMMAND: Final = "serinus.dev/command"


def give(model: Model, text: str) -> None:
    """`kubectl annotate --overwrite`."""
    body = {"metadata": {"annotations": {COMMAND: text}}}
    model.api.patch(API_VERSION, "ModelDeployment", model.name, body, model.namespace)


def answers(model: Model, nonce: str, *words: str) -> Json:
    """Wait until the operator says what came of a command."""

    def answered() -> Json:
        told: Json = model.status().get("lastCommand", {})
        assert told.get("nonce") == nonce, told
        return told

    told = eventually(answered, SECONDS, f"command {nonce} is answered")
    missing = [word for word in words if word not in told["result"]]
    assert not missing, told["result"]
    return told


def events(model: Model, reason: str) -> list[str]:
    found = model.api.find("events.k8s.io/v1", "Event", model.namespace)
    return [each["note"] for each in found if each["reason"] == reason]


def canary(model: Model) -> str:
    """Bring a second revision to its share."""
    serves(model)
    second = model.apply(canary_spec("model:2", (25, HELD_FOR_EVER), (50, 0)))
    holds(model, second, 25)
    return second


def test_abort_ends_it_retry_tries_it_again_and_promote_full_brings_it_into_service(model: Model) -> None:
    history = History.from_now(model.api, model.namespace)
    second = canary(model)

    give(model, f"abort {second} 1 by ada")
    model.reports("Aborted", "was given up by ada at 25 %", "the command retry is given")
    assert model.says("Stalled") == ("True", "Aborted")
    told = answers(model, "1", "is given up")
    assert (told["verb"], told["revision"], told["by"]) == ("abort", second, "ada")

    give(model, f"retry {second} 2")
    holds(model, second, 25)
    assert attempt(model, second)["number"] == 2

    give(model, f"promote-full {second} 3")
    model.settles(second)
    answers(model, "3", "takes over as soon as it has all its pods")
    record = model.child_now("ModelRelease", second)["status"]["attempts"]
    assert [[each["verb"] for each in tried["commands"]] for tried in record] == [["abort"], ["retry", "promote-full"]]
    assert len(events(model, "CommandObeyed")) == 3
    history.assert_always_served("fraud")


def test_pause_and_resume_hold_a_rollout_and_let_it_go_on(model: Model) -> None:
    serves(model)
    second = model.apply(canary_spec("model:2", (25, 3), (50, 0)))
    holds(model, second, 25)
    give(model, f"pause {second} 1")
    model.reports("Paused", "is paused at 25 %", "resume lets it go on")
    assert model.says("Paused") == ("True", "Paused")

    give(model, f"resume {second} 2")
    model.settles(second)
    assert model.says("Paused") is None


def test_the_spec_pauses_all_rollouts(model: Model) -> None:
    first = serves(model)
    second = model.apply({**canary_spec("model:2", (25, 0)), "paused": True})
    model.reports("Paused", "spec.paused is true", f"revision {first} goes on serving")
    assert model.child("Deployment", second) is None

    model.apply(canary_spec("model:2", (25, 0)))
    model.settles(second)


def test_a_pause_of_a_step_and_an_approval_wait_for_promote(model: Model) -> None:
    serves(model)
    wanted = spec(
        "model:2",
        replicas=4,
        rollout={"steps": [{"weight": 25, "minSeconds": 0, "pause": True}, {"weight": 50, "minSeconds": 0}]},
    )
    wanted["rollout"]["approval"] = "Required"
    second = model.apply(wanted)

    model.reports("StepPaused", "step 1 of 2 pauses")
    give(model, f"promote {second} 1")
    model.reports("AwaitingApproval", "awaits approval at 50 %")
    assert model.says("Paused") == ("True", "AwaitingApproval")
    give(model, f"promote {second} 2 by pat")
    model.settles(second)
    assert [each.get("by") for each in attempt(model, second)["commands"]] == [None, "pat"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("abort 0000000000 1", "it is for revision 0000000000"),
        ("resume {revision} 1", "no command paused the rollout"),
        ("retry {revision} 1", "was not rolled back"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_an_event_and_changes_nothing(model: Model, text: str, words: str) -> None:
    second = canary(model)
    give(model, text.format(revision=second))
    answers(model, "1", "refused: ", words)
    holds(model, second, 25)
    assert any(words in note for note in events(model, "CommandRefused"))


def test_a_nonce_that_was_used_is_refused(model: Model) -> None:
    second = canary(model)
    give(model, f"pause {second} 1")
    answers(model, "1")
    give(model, f"resume {second} 2")
    answers(model, "2")
    give(model, f"pause {second} 1")
    answers(model, "1", "refused: nonce 1 was used before")
    assert model.says("Paused") is None


def test_a_command_of_another_object_as_a_backup_restores_it_is_ignored(model: Model) -> None:
    second = canary(model)
    give(model, f"abort {second} ffffffff-6f0e-4c6c-9f5e-1d2f3a4b5c6d-1")
    model.scale(5)  # something that came later and is seen
    eventually(lambda: model.status()["observedGeneration"] == 3, SECONDS, "the operator has looked")
    holds(model, second, 25)
    assert "lastCommand" not in model.status()


def test_a_command_that_was_obeyed_before_a_restart_is_not_obeyed_again(
    model: Model, operator: OperatorProcess
) -> None:
    second = canary(model)
    give(model, f"pause {second} 1")
    answers(model, "1")
    give(model, f"resume {second} 2")
    answers(model, "2")
    operator.restart()
    model.scale(5)
    eventually(lambda: model.status()["observedGeneration"] == 3, SECONDS, "the operator has looked")
    assert [each["nonce"] for each in attempt(model, second)["commands"]] == ["1", "2"]
    assert model.says("Paused") is None


def test_a_first_revision_serves_once_it_is_approved(model: Model) -> None:
    wanted = spec("model:1", rollout={"approval": "Required"})
    first = model.apply(wanted)
    model.reports("AwaitingApproval", "2 of 2 pods ready", "the command promote gives it")
    assert model.child("Service") is None
    assert model.says("Available") == ("False", "NoReadyPods")
    assert model.status()["canary"]["revision"] == first, "kubectl serinus finds by it for which revision a command is"
    give(model, f"promote {first} 1")
    model.settles(first)


def test_after_an_abort_the_pods_stay_for_a_while_without_traffic(model: Model) -> None:
    first = model.apply(canary_spec("model:1", (25, HELD_FOR_EVER), scaleDownDelaySeconds=4))
    model.settles(first)
    second = model.apply(canary_spec("model:2", (25, HELD_FOR_EVER), scaleDownDelaySeconds=4))
    holds(model, second, 25)
    history = History.from_now(model.api, model.namespace)
    give(model, f"abort {second} 1")
    model.reports("Aborted")
    assert model.serving() == first

    model.pods_come(second, 0)
    aborted = datetime.fromisoformat(attempt(model, second)["outcome"]["at"])
    assert history.told_to_end(second) - aborted >= timedelta(seconds=3)  # the one is in whole seconds


def test_a_pause_may_be_longer_than_the_deadline_of_the_pods(model: Model) -> None:
    serves(model)
    second = model.apply(canary_spec("model:2", (25, 0), (50, 0), progressDeadlineSeconds=1))
    give(model, f"pause {second} 1")
    model.reports("Paused")
    paused = datetime.now(UTC)
    eventually(lambda: datetime.now(UTC) - paused > timedelta(seconds=2), SECONDS, "the deadline is over twice")

    give(model, f"resume {second} 2")
    model.settles(second)
    assert attempt(model, second)["number"] == 1


def test_a_third_revision_while_the_second_is_paused_supersedes_it(model: Model) -> None:
    second = canary(model)
    give(model, f"pause {second} 1")
    model.reports("Paused", "at 25 %")

    third = model.apply(canary_spec("model:3", (25, 0)))
    model.settles(third)
    assert attempt(model, second)["outcome"]["reason"] == "Superseded"
    model.pods_come(second, 0)
