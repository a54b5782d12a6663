"""What holds for every decision, whatever is seen: Hypothesis looks for a View that breaks it."""

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
from serinus.rollout.view import EVERY, Pods, RevisionView, View
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
    if attempt and name in known and not asked.promoted_at:
        result = attempt.outcome.result if attempt.outcome else draw(each_open_result)
        asked = known[name] = replace(asked, attempt=attempt, result=result)
    return View(
        now=NOW,
        asked=asked,
        size=draw(each_size),
        policy=draw(each_policy),
        revisions=known,
        serving=draw(each_serving),
    )


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
        assert (after.serve, after.stage) == (intent.serve, Stage.SETTLED)


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
        assert view.serving == EVERY


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
    if ready(seen, seen.serving) and not seen.size.is_zero:
        assert ready(seen, told.serve)


@every_view
@given(views())
def test_whoever_is_served_or_still_at_the_address_stays(view: View) -> None:
    seen, intent, told = decided(view)
    assert told.every or told.serve == intent.serve
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
    drains = told.keep - {name for name, _ in told.run} - {told.serve, seen.serving}
    if seen.serving == EVERY:
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
