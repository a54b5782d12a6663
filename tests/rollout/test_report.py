"""What the status says: kstatus conditions, times that mean something, and the counts that columns show."""

from dataclasses import replace
from datetime import datetime

import pytest

from serinus.api.modeldeployment import Condition, ModelDeploymentStatus
from serinus.api.reasons import Reason
from serinus.rollout.intent import Stage
from serinus.rollout.report import MESSAGE_LIMIT, Obstacle, Subject, report
from serinus.rollout.rules import decide
from serinus.rollout.view import EVERY, View
from tests.rollout.views import NOW, ago, fixed, recorded, revision, steps, view

OLD = ago(86_400)
NEW = ModelDeploymentStatus()

FIRST = view("a")
SERVING = view(revision("a", "3/3", promoted=OLD, version="7"), serving="a")
DEGRADED = view(revision("a", "2/3", promoted=OLD), serving="a")
DOWN = view(revision("a", "0/3", promoted=OLD), serving="a")
ROLLING = view(revision("b", "1/3", version="8"), revision("a", "3/3", promoted=OLD, version="7"), serving="a")
STALLED = view(revision("b", "1/3", started=ago(601)), revision("a", "3/3", promoted=OLD), serving="a")
MOVED_IN_VAIN = view(revision("b", "3/3", promoted=ago(1)), revision("a", "3/3", promoted=OLD), serving="a")
AT_ZERO = view(revision("a", "0/0", promoted=OLD), size=fixed(0), serving="a")
WAITS_AT_ZERO = view("b", revision("a", "0/0", promoted=OLD), size=fixed(0), serving="a")

CONFLICT = Obstacle(Stage.STUCK, Reason.NAME_CONFLICT, "Service fraud was made by somebody else")
QUOTA = Obstacle(Stage.MOVING, Reason.REQUEST_REFUSED, "exceeded quota")


def status(
    seen: View, obstacle: Obstacle | None = None, previous: ModelDeploymentStatus = NEW, generation: int = 4
) -> ModelDeploymentStatus:
    return report(Subject("fraud", "risk", generation, previous), seen, decide(seen), obstacle)


def conditions(told: ModelDeploymentStatus) -> dict[str, Condition]:
    return {condition.type: condition for condition in told.conditions or ()}


@pytest.mark.parametrize(
    ("seen", "obstacle", "expected"),
    [
        (FIRST, None, {"Ready": "False", "Available": "False", "Reconciling": "True"}),
        (SERVING, None, {"Ready": "True", "Available": "True"}),
        (DEGRADED, None, {"Ready": "False", "Available": "True", "Reconciling": "True"}),
        (DOWN, None, {"Ready": "False", "Available": "False", "Reconciling": "True"}),
        (ROLLING, None, {"Ready": "False", "Available": "True", "Reconciling": "True"}),
        (STALLED, None, {"Ready": "False", "Available": "True", "Stalled": "True"}),
        (AT_ZERO, None, {"Ready": "True", "Available": "False"}),
        (WAITS_AT_ZERO, None, {"Ready": "False", "Available": "False", "Reconciling": "True"}),
        (SERVING, CONFLICT, {"Ready": "False", "Available": "True", "Stalled": "True"}),
        (SERVING, QUOTA, {"Ready": "False", "Available": "True", "Reconciling": "True"}),
    ],
    ids=[
        "first",
        "serving",
        "degraded",
        "down",
        "rolling out",
        "stalled",
        "at zero",
        "waits at zero",
        "in the way of somebody",
        "refused for now",
    ],
)
def test_conditions_are_kstatus(seen: View, obstacle: Obstacle | None, expected: dict[str, str]) -> None:
    told = conditions(status(seen, obstacle))
    assert {kind: condition.status for kind, condition in told.items()} == expected


@pytest.mark.parametrize(
    ("seen", "reason", "message"),
    [
        (SERVING, Reason.SERVING, "revision a (version 7) answers"),
        (DEGRADED, Reason.SERVING, "revision a answers"),
        (ROLLING, Reason.SERVING, "revision a (version 7) answers"),
        (DOWN, Reason.NO_READY_PODS, "revision a has no ready pod"),
        (FIRST, Reason.NO_READY_PODS, "Service fraud does not lead to a revision"),
        (MOVED_IN_VAIN, Reason.SERVING, "revision a answers"),
        (AT_ZERO, Reason.SCALED_TO_ZERO, "scaled to zero"),
    ],
    ids=["serving", "degraded", "rolling out", "down", "first", "the Service cannot be written", "at zero"],
)
def test_available_speaks_of_whoever_is_at_the_address(seen: View, reason: Reason, message: str) -> None:
    available = conditions(status(seen))["Available"]
    assert (available.reason, available.message) == (reason, message)


def test_ready_reconciling_and_stalled_say_the_same() -> None:
    for seen, kind in ((ROLLING, "Reconciling"), (STALLED, "Stalled")):
        told = conditions(status(seen))
        assert (told["Ready"].reason, told["Ready"].message) == (told[kind].reason, told[kind].message)
        assert told["Ready"].message == decide(seen).message


def test_an_obstacle_is_told_in_the_place_of_what_was_decided() -> None:
    ready = conditions(status(SERVING, CONFLICT))["Ready"]
    assert (ready.reason, ready.message) == (Reason.NAME_CONFLICT, CONFLICT.message)


def test_every_condition_says_which_generation_it_is_about() -> None:
    told = status(ROLLING, generation=9)
    assert told.observed_generation == 9
    assert {condition.observed_generation for condition in told.conditions or ()} == {9}


def test_a_long_message_is_cut() -> None:
    told = conditions(status(SERVING, Obstacle(Stage.STUCK, Reason.RENDER_FAILED, "x" * 9000)))
    assert len(told["Ready"].message) == MESSAGE_LIMIT


class TestTransitionTime:
    def times(self, told: ModelDeploymentStatus) -> dict[str, datetime]:
        return {kind: condition.last_transition_time for kind, condition in conditions(told).items()}

    def before(self, seen: View, when: datetime) -> ModelDeploymentStatus:
        told = status(seen)
        changed = [each.model_copy(update={"last_transition_time": when}) for each in told.conditions or ()]
        return told.model_copy(update={"conditions": changed})

    def test_is_now_for_a_condition_that_is_new(self) -> None:
        assert self.times(status(ROLLING)) == {"Ready": NOW, "Available": NOW, "Reconciling": NOW}

    def test_is_kept_while_the_status_stays_whatever_else_is_said(self) -> None:
        told = status(DEGRADED, previous=self.before(ROLLING, OLD), generation=5)
        assert self.times(told) == {"Ready": OLD, "Available": OLD, "Reconciling": OLD}

    def test_is_now_where_the_status_changed_and_only_there(self) -> None:
        assert self.times(status(SERVING, previous=self.before(ROLLING, OLD))) == {"Ready": NOW, "Available": OLD}

    def test_is_now_for_a_condition_that_is_back(self) -> None:
        told = status(ROLLING, previous=self.before(STALLED, OLD))
        assert self.times(told)["Reconciling"] == NOW

    def test_has_whole_seconds_as_kubernetes_writes_them(self) -> None:
        seen = View(NOW.replace(microsecond=123), FIRST.asked, FIRST.size, FIRST.policy, FIRST.revisions, FIRST.serving)
        assert self.times(status(seen))["Ready"] == NOW


def test_the_same_view_gives_the_same_status_again() -> None:
    once = status(ROLLING)
    again = ModelDeploymentStatus.model_validate(once.model_dump(mode="json", by_alias=True, exclude_none=True))
    assert status(ROLLING, previous=again) == once


class TestFields:
    def test_of_a_first_revision(self) -> None:
        told = status(view(revision("a", "1/3"), serving="a"))
        assert told.stable is None
        assert told.canary is None
        assert (told.replicas, told.ready_replicas) == (3, 1)

    def test_of_a_promotion_that_the_address_does_not_follow(self) -> None:
        stable = status(MOVED_IN_VAIN).stable
        assert stable is not None
        assert (stable.revision, stable.weight) == ("b", 0)

    def test_of_stable(self) -> None:
        told = status(SERVING)
        assert told.canary is None
        assert told.stable is not None
        assert told.stable.model_dump(exclude_none=True) == {
            "revision": "a",
            "version": "7",
            "weight": 100,
            "replicas": 3,
            "ready_replicas": 3,
        }

    def test_of_a_new_revision(self) -> None:
        told = status(ROLLING)
        assert told.canary is not None
        assert told.canary.model_dump(exclude_none=True) == {
            "revision": "b",
            "version": "8",
            "weight": 0,
            "weight_in_force": 0,
            "replicas": 3,
            "ready_replicas": 1,
        }

    def test_count_the_pods_of_all_revisions(self) -> None:
        draining = revision("old", "2/2", promoted=ago(90_000))
        told = status(view(revision("b", "1/3"), revision("a", "3/3", promoted=OLD), draining, serving="a"))
        assert (told.replicas, told.ready_replicas) == (8, 6)

    def test_say_where_the_model_answers_and_how_its_pods_are_found(self) -> None:
        told = status(SERVING)
        assert told.url == "http://fraud.risk.svc"
        assert told.selector == "serinus.dev/deployment=fraud"

    def test_show_a_revision_that_waits_at_zero_without_pods(self) -> None:
        canary = status(WAITS_AT_ZERO).canary
        assert canary is not None
        assert (canary.revision, canary.replicas) == ("b", 0)


class TestCanary:
    """A canary with a share: what was asked for, and what is in force."""

    def held(self, pods: str = "1/1", serving: str = EVERY) -> View:
        stable = revision("a", "3/3", promoted=OLD, version="7")
        seen = view(revision("b", pods, version="8"), stable, policy=steps(10, 50), serving="a")
        return replace(recorded(seen, decide(seen)), serving=serving)

    def test_shows_step_and_shares(self) -> None:
        told = status(self.held())
        assert told.stable is not None
        assert told.canary is not None
        assert (told.stable.weight, told.canary.weight, told.canary.weight_in_force) == (90, 10, 25)
        assert (told.canary.step, told.canary.steps) == (1, 2)

    def test_has_nothing_in_force_while_the_address_does_not_lead_to_it(self) -> None:
        told = status(self.held(serving="a"))
        assert told.canary is not None
        assert (told.canary.weight, told.canary.weight_in_force) == (10, 0)

    def test_answers_beside_stable(self) -> None:
        available = conditions(status(self.held()))["Available"]
        assert available.message == "revision a (version 7) and revision b (version 8) answer"

    def test_is_in_progress(self) -> None:
        told = conditions(status(self.held()))
        assert (told["Ready"].status, told["Ready"].reason) == ("False", Reason.CANARY_IN_PROGRESS)
        assert told["Reconciling"].status == "True"
