"""A rollout does as the evidence says. Where it comes from is not asked here: a test says what it is."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from serinus.api.names import LABEL_REVISION
from serinus.cluster.objects import Key
from serinus.rollout.view import Judgement, Verdict
from tests.cluster.api import Json
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.ports import free_port
from tests.e2e import judged_operator
from tests.e2e.history import Event, History
from tests.e2e.models import SECONDS, Model
from tests.e2e.operator import OperatorProcess, prepared
from tests.e2e.test_canary import HELD_FOR_EVER, attempt, canary_spec, holds, serves

pytestmark = pytest.mark.control_plane


@dataclass(frozen=True)
class Evidence:
    """What the evidence says of a model's rollout."""

    model: Model
    port: int

    def says(self, verdict: Verdict, sentence: str = "") -> None:
        key = Key(self.model.namespace, self.model.name)
        asyncio.run(judged_operator.tell(self.port, key, Judgement(verdict, sentence)))


@pytest.fixture(scope="module")
def operator(control_plane: ControlPlane, failure_logs: list[Path]) -> Iterator[OperatorProcess]:
    """One that believes what it is told."""
    process = prepared(control_plane, name="judged-operator", environment={judged_operator.PORT: str(free_port())})
    process.program = judged_operator.PROGRAM
    with process:
        failure_logs.append(process.log)
        yield process
        failure_logs.remove(process.log)


@pytest.fixture
def evidence(operator: OperatorProcess, model: Model) -> Evidence:
    return Evidence(model, int(operator.environment[judged_operator.PORT]))


def test_what_has_passed_goes_through_its_steps_and_takes_over(model: Model, evidence: Evidence) -> None:
    serves(model)
    evidence.says(Verdict.PASSED)
    second = model.apply(canary_spec("model:2", (25, 1), (50, 1)))
    model.settles(second)
    assert attempt(model, second)["outcome"]["result"] == "Promoted"


def test_what_is_open_goes_as_far_as_the_last_step_and_waits_there_for_evidence(
    model: Model, evidence: Evidence
) -> None:
    first = serves(model)
    evidence.says(Verdict.OPEN, "12 of 100 requests")
    second = model.apply(canary_spec("model:2", (25, 0), (50, 0)))

    model.reports("WaitingForEvidence", "step 2 of 2", "12 of 100 requests")
    holds(model, second, 50)
    assert model.status()["stable"]["revision"] == first

    evidence.says(Verdict.PASSED)
    model.settles(second)


def test_while_a_source_does_not_answer_no_step_ends_and_nothing_is_rolled_back(
    model: Model, evidence: Evidence
) -> None:
    serves(model)
    evidence.says(Verdict.UNKNOWN, "the metrics server does not answer")
    second = model.apply(canary_spec("model:2", (25, 0), (50, 0)))

    model.reports("SourceUnavailable", "step 1 of 2", "the metrics server does not answer")
    holds(model, second, 25)
    assert model.says("Stalled") is None

    evidence.says(Verdict.PASSED)
    model.settles(second)


def test_what_is_worse_loses_its_share_first_and_its_pods_then(model: Model, evidence: Evidence) -> None:
    first = serves(model)
    second = model.apply(canary_spec("model:2", (25, HELD_FOR_EVER)))
    holds(model, second, 25)
    history = History.from_now(model.api, model.namespace)

    evidence.says(Verdict.WORSE, "errors 0.09 > stable 0.01")

    model.reports("RolledBack", "errors 0.09 > stable 0.01", f"revision {first} goes on serving")
    assert model.says("Stalled") == ("True", "RolledBack")
    assert model.serving() == first
    assert attempt(model, second)["outcome"]["result"] == "RolledBack"
    assert model.child_now("ModelRelease", second)["status"]["result"] == "RolledBack"
    eventually(lambda: model.child("Deployment", second) is None, SECONDS, "its pods go")
    changes = [_told(event, model) for event in history.of("Service", "Deployment")]
    share, pods = f"the Service leads to {first}", f"the Deployment of {second} goes"
    assert changes.index(share) < changes.index(pods)


def test_what_is_worse_is_rolled_back_from_any_step(model: Model, evidence: Evidence) -> None:
    first = serves(model)
    evidence.says(Verdict.OPEN, "12 of 100 requests")
    second = model.apply(canary_spec("model:2", (25, 0), (50, 0)))
    model.reports("WaitingForEvidence", "step 2 of 2")

    evidence.says(Verdict.WORSE, "latency")

    model.reports("RolledBack", "latency")
    assert model.serving() == first
    assert model.child_now("ModelRelease", second)["status"]["result"] == "RolledBack"


def _told(event: Event, model: Model) -> str:
    """What an event is to a model's traffic and to its pods."""
    change, item = event
    name = item["metadata"]["name"]
    if item["kind"] == "Service" and name == model.name:
        return f"the Service leads to {item['spec']['selector'].get(LABEL_REVISION, 'both')}"
    if item["kind"] == "Deployment" and change == "DELETED":
        return f"the Deployment of {name.removeprefix(f'{model.name}-')} goes"
    return ""


def test_what_stays_open_is_held_at_the_deadline_and_neither_given_up_nor_tried_again(
    model: Model, evidence: Evidence
) -> None:
    serves(model)
    evidence.says(Verdict.OPEN, "12 of 100 requests")
    second = model.apply(changed_rollout(canary_spec("model:2", (50, 0)), deadlineSeconds=1))

    model.reports("Inconclusive", "within 1 s", "12 of 100 requests", "promote-full or abort")
    assert model.says("Paused") == ("True", "Inconclusive")
    holds(model, second, 50)

    evidence.says(Verdict.PASSED)
    model.settles(second)
    assert attempt(model, second)["number"] == 1


def test_what_stays_open_is_rolled_back_at_the_deadline_where_the_policy_says_so(
    model: Model, evidence: Evidence
) -> None:
    first = serves(model)
    evidence.says(Verdict.OPEN, "12 of 100 requests")
    wanted = changed_rollout(canary_spec("model:2", (50, 0)), deadlineSeconds=1, onInconclusive="Rollback")
    second = model.apply(wanted)

    model.reports("Inconclusive", "rolled back from 50 %", f"revision {first} goes on serving")
    assert model.says("Stalled") == ("True", "Inconclusive")
    model.pods_come(second, 0)


def changed_rollout(wanted: Json, **policy: object) -> Json:
    return {**wanted, "rollout": {**wanted["rollout"], **policy}}
