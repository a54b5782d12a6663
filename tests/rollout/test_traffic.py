"""A gateway splits the traffic: no share moves before the route's parents carry it, and the route follows in order."""

from dataclasses import replace
from typing import Any

import pytest

from serinus.api.modeldeployment import Step
from serinus.api.modelrelease import Attempt
from serinus.api.reasons import Reason
from serinus.rollout.attempt import begun
from serinus.rollout.intent import Intent, Stage
from serinus.rollout.plan import plan
from serinus.rollout.rules import decide
from serinus.rollout.split import Share, Split
from serinus.rollout.view import EVERY, RouteView, Size, View
from tests.rollout.views import NOW, ago, ahead, fixed, recorded, revision, scaling, steps, view, with_attempt

OLD = ago(86_400)
POLICY = steps(10, 50)
STABLE = revision("a", "10/10", promoted=OLD)
NONCE = "9f86d081884c7d65"
SAYS = "Gateway infra/public does not accept HTTPRoute risk/fraud"


def route(*, stamp: str | None = None, written: float = 60, **weights: int) -> RouteView:
    """One that its parents carry."""
    return RouteView(weights, stamp, accepted=True, written_at=ago(written))


def rejected(of: RouteView) -> RouteView:
    return replace(of, accepted=False, says=SAYS)


def lagging(of: RouteView) -> RouteView:
    """One whose parents carry it as it was before."""
    return replace(of, accepted=False, says="speaks of generation 1", pending=True, lags=True)


def seen(pods: str | None, through: RouteView | None, *, serving: str = "a", **attempt: Any) -> View:  # noqa: ANN401
    """Revision b beside a stable one, by a gateway, with its attempt as it is given."""
    asked = revision("b", pods, started=ago(90_000))
    bare = view(asked, STABLE, size=10, policy=POLICY, serving=serving, new=True)
    new = replace(bare, gateway=True, route=through, nonce=NONCE, address="a")
    return with_attempt(new, begun(new).model_copy(update=attempt))


def waiting(pods: str | None, through: RouteView | None, **attempt: Any) -> View:  # noqa: ANN401
    return seen(pods, through, **{"weight": 0, "since": ago(60), **attempt})


def holding(step: int, seconds: float, through: RouteView | None = None, **attempt: Any) -> View:  # noqa: ANN401
    weight = POLICY.steps[step - 1].weight
    there = through or route(a=100 - weight, b=weight, stamp=f"{step}-{NONCE}")
    held = {"step": step, "weight": weight, "split": step, "since": ago(seconds), **attempt}
    return seen("10/10", there, serving=EVERY, **held)


def attempt_of(intent: Intent) -> Attempt:
    assert intent.attempt is not None
    return intent.attempt


def split(of: View) -> Split | None:
    return plan(of, decide(of)).split


class TestBefore:
    def test_an_attempt_keeps_how_the_traffic_is_split_and_what_marks_its_requests(self) -> None:
        attempt = attempt_of(decide(replace(seen("0/1", None), asked=revision("b", "0/1"))))
        assert (attempt.gateway, attempt.nonce, attempt.split) == (True, NONCE, 0)

    def test_a_backend_comes_at_no_weight_when_a_pod_is_ready(self) -> None:
        assert split(waiting("0/2", route(a=100))) == Split("a")
        assert split(waiting("1/2", route(a=100))) == Split("a", Share("b", 0))

    @pytest.mark.parametrize(
        ("through", "why"),
        [
            (None, "its HTTPRoute is to be written"),
            (route(a=100), "its HTTPRoute is to be written anew"),
            (lagging(route(a=100, b=0)), "speaks of generation 1"),
            (rejected(route(a=100, b=0)), SAYS),
        ],
    )
    def test_no_share_is_given_before_every_parent_knows_the_backend(self, through: RouteView | None, why: str) -> None:
        intent = decide(waiting("2/2", through))
        assert (intent.serve, intent.stage, attempt_of(intent).weight) == ("a", Stage.MOVING, 0)
        assert intent.message == f"revision b: 2 of 2 pods ready; revision a goes on serving; {why}"

    def test_that_wait_is_none_for_pods(self) -> None:
        late = waiting("2/2", rejected(route(a=100, b=0)), since=ago(86_400))
        assert attempt_of(decide(late)).since is None
        assert decide(recorded(late, decide(late))).attempt is None

    def test_what_a_parent_said_for_good_has_a_reason_of_its_own_at_once(self) -> None:
        assert decide(waiting("2/2", rejected(route(a=100, b=0, written=1)))).reason is Reason.ROUTE_NOT_ACCEPTED

    def test_a_parent_has_ten_seconds_to_answer(self) -> None:
        young = decide(waiting("2/2", lagging(route(a=100, b=0, written=4))))
        assert (young.reason, young.wake_at) == (Reason.ROLLOUT_IN_PROGRESS, ahead(6))
        assert decide(waiting("2/2", lagging(route(a=100, b=0, written=10)))).reason is Reason.ROUTE_NOT_ACCEPTED

    def test_the_first_share_is_given_when_they_know_it(self) -> None:
        there = waiting("2/2", route(a=100, b=0))
        intent = decide(there)
        attempt = attempt_of(intent)
        assert (intent.serve, attempt.weight, attempt.split) == (EVERY, 10, 1)
        assert split(recorded(there, intent)) == Split("a", Share("b", 10, f"1-{NONCE}"))

    def test_pods_of_a_third_revision_get_no_share_and_are_not_waited_for(self) -> None:
        there = waiting("2/2", route(a=100, b=0))
        crowded = replace(there, revisions={**there.revisions, "c": revision("c", "3/3", promoted=ago(100_000))})
        assert attempt_of(decide(crowded)).weight == 10

    def test_what_takes_over_without_steps_is_known_to_the_parents_first(self) -> None:
        proven = revision("b", "10/10", promoted=ago(90_000))
        bare = view(proven, STABLE, size=10, policy=POLICY, serving="a", new=True)
        new = replace(bare, gateway=True, route=route(a=100), address="a")
        unknown = recorded(new, decide(new))
        assert not decide(unknown).promote
        assert split(unknown) == Split("a", Share("b", 0))
        assert decide(replace(unknown, route=route(a=100, b=0))).promote


class TestPodsOfAStep:
    """A step may say how many pods it has, apart from its weight."""

    TOLD = POLICY.model_copy(update={"steps": (Step(weight=5, replicas=4), Step(weight=50, replicas=20))})

    def sizes(self, of: View) -> dict[str, Size]:
        return dict(plan(of, decide(of)).run)

    def test_are_asked_for_and_waited_for(self) -> None:
        early = waiting("3/4", route(a=100, b=0), policy=self.TOLD)
        assert self.sizes(early)["b"] == fixed(4)
        assert decide(early).attempt is None
        assert attempt_of(decide(waiting("4/4", route(a=100, b=0), policy=self.TOLD))).weight == 5

    def test_are_never_more_than_the_full_size(self) -> None:
        assert self.sizes(waiting("4/4", route(a=100, b=0), policy=self.TOLD, step=2))["b"] == fixed(10)

    def test_are_the_fewest_where_an_autoscaler_decides(self) -> None:
        early = replace(waiting("3/4", route(a=100, b=0), policy=self.TOLD), size=scaling(2, 12))
        assert self.sizes(early)["b"] == scaling(4, 12)

    def test_count_for_nothing_where_the_gateway_went(self) -> None:
        gone = waiting("1/1", None, policy=self.TOLD, gateway=False)
        assert self.sizes(replace(gone, gateway=False))["b"] == fixed(1)

    def test_go_after_the_weight_that_they_carried(self) -> None:
        falling = POLICY.model_copy(update={"steps": (Step(weight=50, replicas=8), Step(weight=10, replicas=1))})
        before = seen("8/8", route(a=50, b=50, stamp=f"1-{NONCE}"), serving=EVERY, policy=falling, step=2, weight=10)
        assert self.sizes(before)["b"] == fixed(8)
        after = replace(before, route=route(a=90, b=10, stamp=f"1-{NONCE}"))
        assert self.sizes(after)["b"] == fixed(1)
        assert self.sizes(replace(before, route=lagging(route(a=90, b=10))))["b"] == fixed(8)


class TestShare:
    @pytest.mark.parametrize(
        "through",
        [
            route(a=100, b=0),
            route(a=90, b=10, stamp=f"0-{NONCE}"),
            lagging(route(a=90, b=10, stamp=f"1-{NONCE}")),
            rejected(route(a=90, b=10, stamp=f"1-{NONCE}")),
        ],
        ids=["not written", "of another split", "not answered", "rejected"],
    )
    def test_counts_no_time_while_it_is_not_in_force(self, through: RouteView) -> None:
        there = holding(1, 3_600, through)
        intent = decide(there)
        assert (intent.serve, attempt_of(intent).since, attempt_of(intent).weight) == (EVERY, None, 10)
        assert decide(recorded(there, intent)).attempt is None
        assert split(there) == Split("a", Share("b", 10, f"1-{NONCE}"))

    def test_counts_its_time_from_when_it_is(self) -> None:
        assert attempt_of(decide(holding(1, 0, since=None))).since == NOW

    def test_of_everything_is_in_force_too(self) -> None:
        policy = steps(100)
        attempt = {"policy": policy, "step": 1, "weight": 100, "split": 1, "since": ago(10)}
        there = seen("10/10", route(a=0, b=100, stamp=f"1-{NONCE}"), serving="b", **attempt)
        assert decide(there).attempt is None
        assert attempt_of(decide(replace(there, now=ahead(60)))).outcome

    def test_in_force_is_what_the_parents_confirmed(self) -> None:
        assert holding(1, 10).weight_in_force == 10
        assert holding(1, 10, lagging(route(a=90, b=10))).weight_in_force == 0

    def test_leaves_the_service_to_stable(self) -> None:
        told = plan(holding(1, 10), decide(holding(1, 10)))
        assert (told.serve, told.beside) == ("a", None)

    def test_gets_another_stamp_with_each_change(self) -> None:
        there = holding(1, 60)
        assert split(recorded(there, decide(there))) == Split("a", Share("b", 50, f"2-{NONCE}"))

    def test_that_is_lost_leaves_the_backend_without_a_stamp(self) -> None:
        there = replace(holding(1, 10), asked=replace(holding(1, 10).asked, pods=revision("b", "0/2").pods))
        intent = decide(there)
        assert (intent.reason, attempt_of(intent).split) == (Reason.RETREATED, 2)
        assert split(recorded(there, intent)) == Split("a", Share("b", 0))


class TestAfter:
    def promoted(self, through: RouteView) -> View:
        there = holding(2, 60)
        return replace(recorded(there, decide(there)), route=through)

    def test_a_promotion_gives_all_to_the_new_one_and_the_old_one_stays_a_backend(self) -> None:
        held = route(a=50, b=50, stamp=f"2-{NONCE}")
        assert split(self.promoted(held)) == Split("a", Share("b", 100))
        assert split(self.promoted(lagging(route(a=0, b=100)))) == Split("a", Share("b", 100))

    def test_a_backend_goes_when_the_parents_have_taken_its_weight_away(self) -> None:
        assert split(self.promoted(route(a=0, b=100))) == Split("b")

    def test_a_revision_that_lost_its_place_loses_its_weight_first(self) -> None:
        there = seen("0/2", route(a=90, c=10))
        crowded = replace(there, revisions={**there.revisions, "c": revision("c", "1/1")})
        assert split(crowded) == Split("a", Share("c", 0))
        assert split(replace(crowded, route=route(a=100, c=0))) == Split("a")

    @pytest.mark.parametrize(
        "through",
        [route(a=90, c=10), route(a=100, c=0), lagging(route(a=100, c=0)), lagging(route(a=100))],
        ids=["has weight", "is a backend", "may be sent to", "may be sent to, gone from the route"],
    )
    def test_whoever_may_still_get_requests_keeps_its_pods(self, through: RouteView) -> None:
        there = seen("0/2", through)
        crowded = replace(there, revisions={**there.revisions, "c": revision("c", "1/1")})
        assert "c" in plan(crowded, decide(crowded)).keep

    def test_and_then_they_go(self) -> None:
        there = seen("0/2", route(a=100))
        crowded = replace(there, revisions={**there.revisions, "c": revision("c", "1/1")})
        assert "c" not in plan(crowded, decide(crowded)).keep

    def test_who_serves_is_not_ready_while_the_gateway_does_not_lead_to_it(self) -> None:
        stable = replace(view(STABLE, size=10, serving="a"), gateway=True, route=rejected(route(a=100)))
        intent = decide(stable)
        assert (intent.reason, intent.stage, intent.attempt) == (Reason.ROUTE_NOT_ACCEPTED, Stage.MOVING, None)
        assert intent.message == f"revision a serves with 10 of 10 pods ready; {SAYS}"
        assert decide(replace(stable, route=route(a=100))).reason is Reason.SERVING


class TestChange:
    def test_a_gateway_that_comes_finds_all_weight_with_stable(self) -> None:
        there = replace(holding(2, 10, gateway=False, nonce=None), route=None, address=EVERY)
        first = decide(there)
        assert (first.serve, attempt_of(first).weight, attempt_of(first).gateway) == ("a", 0, False)
        second = decide(recorded(there, first))
        assert (second.serve, second.attempt) == ("a", None), "the Service still leads to all"
        back = replace(recorded(there, first), address="a", serving="a")
        moved = attempt_of(decide(back))
        assert (moved.gateway, moved.nonce, moved.step, moved.weight, moved.since) == (True, NONCE, 1, 0, NOW)

    def test_a_gateway_that_goes_takes_the_weight_and_the_route_along(self) -> None:
        there = replace(holding(2, 10), gateway=False)
        moved = attempt_of(decide(there))
        assert (moved.gateway, moved.step, moved.weight) == (False, 1, 0)
        back = replace(recorded(there, decide(there)), serving="a")
        assert plan(back, decide(back)).split is None
        assert decide(back).serve == "a", "the route is still there"
        gone = replace(back, route=None)
        assert decide(recorded(gone, decide(gone))).serve == EVERY

    def test_while_it_comes_the_route_leads_to_stable_and_the_service_to_nobody_new(self) -> None:
        there = replace(holding(2, 10, gateway=False, nonce=None), route=None, address=EVERY)
        told = plan(recorded(there, decide(there)), decide(recorded(there, decide(there))))
        assert (told.serve, told.beside, told.split) == ("a", None, Split("a"))

    def test_at_zero_a_share_that_was_not_in_force_is_gone_too(self) -> None:
        there = replace(holding(1, 0, since=None), size=fixed(0))
        assert attempt_of(decide(there)).weight == 0

    def test_without_a_gateway_there_is_no_route(self) -> None:
        assert split(view(STABLE, size=10, serving="a")) is None
