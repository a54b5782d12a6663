"""What holds for every decision, whatever is seen: Hypothesis looks for a View that breaks it."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.api.modeldeployment import ModelDeploymentStatus, Rollout
from serinus.api.modelrelease import Attempt, Outcome, Result
from serinus.api.reasons import Reason
from serinus.rollout.intent import Intent, Stage
from serinus.rollout.plan import Plan, plan
from serinus.rollout.report import Obstacle, Subject, report
from serinus.rollout.rules import decide
from serinus.rollout.view import EVERY, Pods, RevisionView, RouteView, View, served_by
from tests.rollout.views import NOW, ago, ahead, fixed, recorded, scaling, steps

every_view = settings(max_examples=200, deadline=None, derandomize=True)

NAMES = "abcdef"
DECISIONS = 4
ROLLED_BACK = Outcome(result=Result.ROLLED_BACK, reason=Reason.PROGRESS_DEADLINE_EXCEEDED, message="late", at=ago(29))

# Drawn from lists that are made once: that is ten times as fast as to build each part anew.
moments = [ahead(seconds) for seconds in (-90_000, -3_600, -600, -599, -31, -30, -29, -1, 0, 1, 3_600)]
pods = [
    Pods(wanted, ready, started, failure)
    for wanted, ready in product(range(5), repeat=2)
    for started in (ago(90_000), ago(600), ago(1), NOW)
    for failure in (None, "pod x: OOMKilled")
]
sizes = [*map(fixed, range(5)), *(scaling(least, most) for least in range(1, 5) for most in range(least, 5))]
policies = [
    Rollout(steps=steps_given, progress_deadline_seconds=deadline, scale_down_delay_seconds=delay, history=history)
    for steps_given in ((), steps(10, 50).steps)
    for deadline in (1, 600)
    for delay in (0, 30, 3_600)
    for history in (1, 2, 3)
]


attempts = [
    Attempt(
        number=1,
        started_at=ago(3_600),
        policy=policy,
        stable="a",
        stable_replicas=2,
        step=step,
        weight=weight,
        since=since,
        waited_seconds=waited,
        outcome=outcome,
    )
    for policy in (steps(10, 50, progress_deadline_seconds=600), steps(100), steps())
    for step in ((1, len(policy.steps)) if policy.steps else (0,))
    for weight in ((0, policy.steps[step - 1].weight) if step else (0,))
    for since in (ago(3_600), ago(60), ago(59), NOW, ahead(60), *([] if weight else [None]))
    for waited in (0, 590)
    for outcome in (None, *([] if weight else [ROLLED_BACK]))
]
attempts += [each.model_copy(update={"gateway": True, "nonce": "9f86d081884c7d65", "split": 3}) for each in attempts]
attempts += [each.model_copy(update={"since": None}) for each in attempts if each.gateway and each.weight]

each_stamp = st.sampled_from([None, "3-9f86d081884c7d65", "2-9f86d081884c7d65"])
each_weights = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([0, 0, 10, 50, 90, 100]), max_size=3)
each_written = st.sampled_from([ago(3_600), ago(11), ago(9), NOW])
each_standing = st.sampled_from(
    [
        (True, False, False),
        (True, False, False),
        (False, True, True),
        (False, True, False),
        (False, False, False),
        (False, False, True),
    ]
)
"""Whether the parents accept a route, have yet to answer, may still send as before."""

each_attempt = st.sampled_from([None, *attempts])
each_open_result = st.sampled_from([Result.RUNNING, Result.RUNNING, Result.ENDED])
each_pods = st.sampled_from([*pods, *[None] * len(pods)])
each_promotion = st.sampled_from([None, None, *moments])
each_size = st.sampled_from(sizes)
each_policy = st.sampled_from(policies)
each_asked = st.sampled_from(NAMES)
each_serving = st.sampled_from([None, "by-hand", EVERY, EVERY, *NAMES])
known_names = st.lists(st.sampled_from(NAMES), unique=True)


@st.composite
def views(draw: st.DrawFn) -> View:
    known = {name: RevisionView(name, None, draw(each_promotion), draw(each_pods)) for name in draw(known_names)}
    name = draw(each_asked)
    asked = known.get(name, RevisionView(name))
    attempt = draw(each_attempt)
    returns = any((each.promoted_at or NOW) > asked.promoted_at for each in known.values()) if asked.promoted_at else 0
    if attempt and name in known and (not asked.promoted_at or (returns and not attempt.policy.steps)):
        result = attempt.outcome.result if attempt.outcome else draw(each_open_result)
        asked = known[name] = replace(asked, attempt=attempt, result=result)
    address = draw(each_serving)
    view = View(
        now=NOW,
        asked=asked,
        size=draw(each_size),
        policy=draw(each_policy),
        revisions=known,
        serving=address,
        address=address,
        gateway=draw(st.sampled_from([True, False])),
        route=draw(st.one_of(st.none(), routes(known))),
        nonce="0123456789abcdef",
    )
    return replace(view, serving=served_by(view.route) or address) if view.by_gateway and view.route else view


@st.composite
def routes(draw: st.DrawFn, known: Mapping[str, RevisionView]) -> RouteView:
    """Any route, and often one as an attempt of somebody would have it."""
    weights: dict[str, int] = draw(each_weights)
    if known and draw(st.sampled_from([True, False])):
        one, other = draw(st.sampled_from(sorted(known))), draw(st.sampled_from(sorted(known)))
        weight = draw(st.sampled_from([0, 10, 50, 100]))
        weights = {one: 100} if one == other else {one: 100 - weight, other: weight}
    accepted, pending, lags = draw(each_standing)
    return RouteView(weights, draw(each_stamp), accepted, draw(each_written), pending=pending, lags=lags)


def ready(view: View, name: str | None) -> int:
    if name == EVERY:
        return sum(each.ready for each in view.revisions.values())
    found = view.revisions.get(name or "")
    return found.ready if found else 0


def decided(view: View) -> tuple[View, Intent, Plan]:
    """What is done in the end, when everything that was decided on the way is on record."""
    for _ in range(DECISIONS):
        intent = decide(view)
        if not intent.is_to_record:
            return view, intent, plan(view, intent)
        view = recorded(view, intent)
    raise AssertionError(f"{intent} after {DECISIONS} records")


@every_view
@given(views())
def test_there_is_always_a_decision_and_always_the_same(view: View) -> None:
    assert decide(view) == decide(view)
    assert plan(view, decide(view)) == plan(view, decide(view))


@every_view
@given(views())
def test_what_is_on_record_is_not_decided_again(view: View) -> None:
    intent = decide(view)
    if intent.is_to_record:
        after = decide(recorded(view, intent))
        assert after.attempt is None or after.attempt != intent.attempt
        assert not (intent.promote and after.promote)


@every_view
@given(views())
def test_a_promotion_settles_what_was_asked_for(view: View) -> None:
    intent = decide(view)
    if intent.promote and intent.serve == view.asked.revision:
        after = decide(recorded(view, intent))
        known = not view.gateway or (view.route and view.route.accepted)
        assert (after.serve, after.stage) == (intent.serve, Stage.SETTLED if known else Stage.MOVING)


@every_view
@given(views())
def test_only_what_is_asked_for_and_wholly_ready_is_promoted(view: View) -> None:
    intent = decide(view)
    if intent.promote:
        assert intent.serve == view.asked.revision
        assert view.asked.ready >= view.asked.wanted >= view.size.least > 0


@every_view
@given(views())
def test_nothing_new_is_promoted_before_its_steps_are_done(view: View) -> None:
    intent = decide(view)
    attempt = view.attempt
    if intent.promote and attempt and view.stable and attempt.policy.steps:
        assert attempt.step == len(attempt.policy.steps)
        assert attempt.weight
        assert attempt.since
        assert (view.now - attempt.since).total_seconds() >= attempt.policy.steps[-1].min_seconds
        assert view.serving == EVERY or (attempt.gateway and attempt.weight == 100)


@every_view
@given(views())
def test_nothing_is_promoted_at_a_gateway_whose_parents_do_not_know_it(view: View) -> None:
    intent = decide(view)
    if intent.promote and intent.serve == view.asked.revision and view.by_gateway and view.asked.recorded:
        assert view.incumbent.revision == view.asked.revision or (
            view.route and view.route.accepted and view.asked.revision in view.route.weights
        )


@every_view
@given(views())
def test_a_gateway_gives_weight_only_to_ready_pods_and_all_of_it(view: View) -> None:
    seen, _, told = decided(view)
    assert (told.split is not None) == seen.gateway
    if told.split is None:
        return
    held = seen.route.weights if seen.route else {}
    assert sum(told.split.weights.values()) == 100
    gaining = [name for name, weight in told.split.weights.items() if weight > held.get(name, 0)]
    two = {told.serve, seen.asked.revision}  # what others hold, somebody wrote by hand
    holders = {name for name, weight in held.items() if weight}
    if not seen.size.is_zero and holders <= two and any(ready(seen, name) for name in holders):
        assert all(ready(seen, name) for name in gaining), (held, told.split)


@every_view
@given(views())
def test_a_new_backend_holds_nothing_beside_one_that_does(view: View) -> None:
    """Its parents are to know it before it gets its first request."""
    seen, _, told = decided(view)
    if told.split and told.split.canary and seen.route and told.split.canary.revision not in seen.route.weights:
        attempt = seen.attempt
        assert told.split.canary.weight == 0 or (attempt and attempt.weight == told.split.canary.weight)


@every_view
@given(views())
def test_who_is_in_the_route_as_it_was_or_will_be_keeps_its_pods(view: View) -> None:
    seen, _, told = decided(view)
    if seen.by_gateway and seen.route and told.split and not seen.size.is_zero:
        backends = {*seen.route.weights, *told.split.weights}
        assert {name for name in backends if name in seen.revisions and seen.revisions[name].pods} <= told.keep


@every_view
@given(views())
def test_a_share_is_given_only_to_ready_pods_beside_ready_pods(view: View) -> None:
    intent = decide(view)
    before = view.weight
    if intent.attempt and intent.attempt.weight > before:
        assert view.asked.ready
        assert view.stable
        assert view.stable.ready


@every_view
@given(views())
def test_all_pods_answer_only_while_a_canary_has_its_share_and_is_large_enough_for_it(view: View) -> None:
    seen, intent, told = decided(view)
    if intent.serve == EVERY:
        assert seen.weight
        assert seen.stable
        assert dict(told.run).keys() >= {seen.stable.revision, seen.asked.revision}
        assert dict(told.run)[seen.asked.revision].least >= 1


@every_view
@given(views())
def test_nothing_is_rolled_back_that_is_ready_or_in_time(view: View) -> None:
    intent = decide(view)
    attempt = view.attempt
    if attempt and intent.attempt and intent.attempt.outcome and not intent.promote:
        assert attempt.weight == 0
        assert attempt.since
        assert view.asked.pods
        since = max(attempt.since, view.asked.pods.started_at)
        waited = attempt.waited_seconds + (view.now - since).total_seconds()
        assert waited >= attempt.policy.progress_deadline_seconds


@every_view
@given(views())
def test_nobody_is_moved_from_ready_pods_to_none(view: View) -> None:
    seen, _, told = decided(view)
    if seen.by_gateway and (seen.weight or seen.address != seen.serving):
        return  # the route says who gets requests, and it has tests of its own
    if ready(seen, seen.serving) and not seen.size.is_zero:
        assert told.beside or ready(seen, told.serve)


@every_view
@given(views())
def test_whoever_is_served_or_still_at_the_address_stays(view: View) -> None:
    seen, intent, told = decided(view)
    stable = seen.stable.revision if seen.stable else None
    assert told.serve == (stable if intent.serve == EVERY else intent.serve)
    if not seen.size.is_zero:
        assert told.serve in told.keep
        assert seen.serving in (None, EVERY, *told.keep)


@every_view
@given(views())
def test_stable_runs_at_the_size_that_is_asked_for(view: View) -> None:
    seen, _, told = decided(view)
    if seen.stable:
        size = dict(told.run)[seen.stable.revision]
        assert (size.replicas, size.most) == (seen.size.replicas, seen.size.most)
        assert size.least >= seen.size.least


@every_view
@given(views())
def test_who_serves_alone_runs_at_no_less_than_the_size_and_at_zero_nothing_does(view: View) -> None:
    seen, intent, told = decided(view)
    run = dict(told.run)
    if seen.size.is_zero:
        assert all(size.is_zero for size in run.values())
    elif intent.serve != EVERY:
        assert run[intent.serve].least >= seen.size.least
        assert run[intent.serve].most == seen.size.most


@every_view
@given(views())
def test_what_runs_stays_and_at_most_three_run(view: View) -> None:
    _, _, told = decided(view)
    names = [name for name, _ in told.run]
    assert len(names) == len(set(names)) <= 3
    assert set(names) <= told.keep


@every_view
@given(views())
def test_what_is_forgotten_has_no_pods_and_no_task(view: View) -> None:
    seen, _, told = decided(view)
    needed = {told.serve, seen.asked.revision, *(name for name, _ in told.run)}
    assert not needed & set(told.forget)
    assert all(seen.revisions[name].pods is None for name in told.forget)
    left = [name for name, each in seen.revisions.items() if not each.pods and name not in (*needed, *told.forget)]
    assert len(left) <= seen.policy.history


@every_view
@given(views())
def test_the_next_look_is_in_the_future(view: View) -> None:
    seen, _, told = decided(view)
    assert told.wake_at is None or told.wake_at > seen.now


@every_view
@given(views())
def test_what_stays_without_a_task_has_an_end(view: View) -> None:
    """Pods that neither run by decision nor are at the address drain, and somebody looks again when that ends."""
    seen, _, told = decided(view)
    in_route = seen.route.weights if seen.route else ()
    drains = told.keep - {name for name, _ in told.run} - {told.serve, seen.serving, seen.address, *in_route}
    if EVERY in (seen.serving, seen.address) or (seen.route and seen.route.lags):
        return
    if drains:
        assert told.wake_at is not None
        assert all(seen.revisions[name].promoted_at or seen.revisions[name].attempt for name in drains)


obstacles = st.sampled_from(
    [None, *(Obstacle(stage, Reason.NAME_CONFLICT, "x") for stage in (Stage.MOVING, Stage.STUCK))]
)


@every_view
@given(views(), obstacles)
def test_the_status_says_exactly_one_of_ready_reconciling_and_stalled(view: View, obstacle: Obstacle | None) -> None:
    told = report(Subject("fraud", "risk", 1, ModelDeploymentStatus()), view, decide(view), obstacle)
    true = {condition.type for condition in told.conditions or () if condition.status == "True"}
    assert len(true & {"Ready", "Reconciling", "Stalled"}) == 1
    assert {"Ready", "Available"} <= {condition.type for condition in told.conditions or ()}


@every_view
@given(views())
def test_ready_is_true_only_where_what_is_asked_for_is_on_record_as_stable(view: View) -> None:
    told = report(Subject("fraud", "risk", 1, ModelDeploymentStatus()), view, decide(view))
    if "Ready" in [condition.type for condition in told.conditions or () if condition.status == "True"]:
        assert told.stable is not None
        assert told.stable.revision == view.asked.revision


@every_view
@given(views())
def test_a_status_reads_back_as_it_was_written(view: View) -> None:
    told = report(Subject("fraud", "risk", 1, ModelDeploymentStatus()), view, decide(view))
    text = told.model_dump_json(by_alias=True, exclude_none=True)
    assert ModelDeploymentStatus.model_validate_json(text) == told
