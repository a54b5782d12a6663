"""Giving a command and waiting for its answer, with a cluster and a clock that the test moves."""

import pytest
from kubernetes.client.exceptions import ApiException

from serinus.api.commands import ANNOTATION_COMMAND, Command, Verb
from serinus.cli.failure import Failure
from serinus.cli.give import TRIES, await_answer, give
from tests.cli.models import CANARY, SERVING, STABLE, TRYING, FakeCluster, FakeTime, model

OURS = Command(Verb.PROMOTE, CANARY, "0f3c", "ada")
GIVEN = str(OURS)
ANSWERED = TRYING | {"lastCommand": {"nonce": "0f3c", "result": "step 2 begins"}}


@pytest.mark.parametrize(
    ("user", "revision", "text"),
    [
        ("ada", None, f"promote {CANARY} 0f3c by ada"),
        (None, None, f"promote {CANARY} 0f3c"),
        ("ada", STABLE, f"promote {STABLE} 0f3c by ada"),
    ],
)
def test_it_is_written_for_the_model_that_was_read(user: str | None, revision: str | None, text: str) -> None:
    cluster = FakeCluster([model(version="41")], user)
    assert str(give(cluster, "fraud", "promote", revision, "0f3c")) == text
    assert cluster.written == [("41", {ANNOTATION_COMMAND: text})]


def test_a_revision_that_is_named_is_taken_whatever_the_status_says() -> None:
    cluster = FakeCluster([model({})])
    assert give(cluster, "fraud", "retry", CANARY, "0f3c").revision == CANARY


def test_nothing_is_written_where_there_is_nothing_to_command() -> None:
    cluster = FakeCluster([model(SERVING)])
    with pytest.raises(Failure, match="nothing to abort"):
        give(cluster, "fraud", "abort", None, "0f3c")
    assert cluster.written == []


def test_after_a_conflict_the_model_is_looked_at_anew() -> None:
    newer = model(TRYING | {"canary": {"revision": "00000000ff"}}, version="42")
    cluster = FakeCluster([model(version="41"), newer], refusals=[409])
    assert give(cluster, "fraud", "promote", None, "0f3c").revision == "00000000ff"
    assert [version for version, _ in cluster.written] == ["42"]


def test_a_canary_that_ended_meanwhile_is_not_commanded() -> None:
    cluster = FakeCluster([model(version="41"), model(SERVING, version="42")], refusals=[409])
    with pytest.raises(Failure, match=f"revision {STABLE} .*serves"):
        give(cluster, "fraud", "promote", None, "0f3c")


def test_a_model_that_never_rests_is_given_up() -> None:
    cluster = FakeCluster([model()], refusals=[409] * TRIES)
    with pytest.raises(Failure, match="changed 5 times while the command was being given: try again"):
        give(cluster, "fraud", "promote", None, "0f3c")


def test_any_other_refusal_is_not_repeated() -> None:
    cluster = FakeCluster([model()], refusals=[403])
    with pytest.raises(ApiException):
        give(cluster, "fraud", "promote", None, "0f3c")
    assert cluster.written == []


@pytest.mark.parametrize("seconds", [0, 10])
def test_an_answer_ends_the_wait_at_once(seconds: float) -> None:
    time = FakeTime()
    cluster = FakeCluster([model(ANSWERED, GIVEN)])
    assert await_answer(cluster, "fraud", OURS, seconds, now=time.now, sleep=time.sleep) == "step 2 begins"
    assert time.seconds == 0


def test_it_waits_for_the_answer() -> None:
    time = FakeTime()
    unanswered = [model(annotation=GIVEN) for _ in range(8)]
    cluster = FakeCluster([*unanswered, model(ANSWERED, GIVEN)])
    assert await_answer(cluster, "fraud", OURS, 10, now=time.now, sleep=time.sleep) == "step 2 begins"
    assert 0 < time.seconds < 10


def test_an_operator_that_does_not_answer_is_not_waited_for_longer() -> None:
    time = FakeTime()
    with pytest.raises(Failure, match="was given, and the operator has not answered within 7 s"):
        await_answer(FakeCluster([model(annotation=GIVEN)]), "fraud", OURS, 7, now=time.now, sleep=time.sleep)
    assert time.seconds == 7


@pytest.mark.parametrize("error", [ApiException(status=500, reason="Internal Server Error"), OSError("no route")])
def test_a_failure_during_the_wait_says_that_the_command_was_given(error: Exception) -> None:
    time = FakeTime()
    cluster = FakeCluster([model(annotation=GIVEN), error])
    with pytest.raises(Failure, match=f'^the command "{GIVEN}" was given; what came of it is not known: the API serv'):
        await_answer(cluster, "fraud", OURS, 10, now=time.now, sleep=time.sleep)
