"""What holds for every decision, whatever is seen: Hypothesis looks for a View that breaks it."""

from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.api.modeldeployment import ModelDeploymentStatus, Rollout
from serinus.api.reasons import Reason
from serinus.rollout.plan import Plan, plan
from serinus.rollout.report import Obstacle, Subject, report
from serinus.rollout.rules import Intent, Stage, decide
from serinus.rollout.view import Pods, RevisionView, View
from tests.rollout.views import NOW, ago, ahead, fixed, scaling

every_view = settings(max_examples=200, deadline=None, derandomize=True)

NAMES = "abcdef"

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
    Rollout(progress_deadline_seconds=deadline, scale_down_delay_seconds=delay, history=history)
    for deadline in (1, 600)
    for delay in (0, 30, 3_600)
    for history in (1, 2, 3)
]


each_pods = st.sampled_from([*pods, *[None] * len(pods)])
each_promotion = st.sampled_from([None, None, *moments])
each_size = st.sampled_from(sizes)
each_policy = st.sampled_from(policies)
each_asked = st.sampled_from(NAMES)
each_serving = st.sampled_from([None, "by-hand", *NAMES])
known_names = st.lists(st.sampled_from(NAMES), unique=True)


@st.composite
def views(draw: st.DrawFn) -> View:
    known = {name: RevisionView(name, None, draw(each_promotion), draw(each_pods)) for name in draw(known_names)}
    asked = draw(each_asked)
    return View(
        now=NOW,
        asked=known.get(asked, RevisionView(asked)),
        size=draw(each_size),
        policy=draw(each_policy),
        revisions=known,
        serving=draw(each_serving),
    )


def ready(view: View, name: str | None) -> int:
    found = view.revisions.get(name or "")
    return found.ready if found else 0


def promoted(view: View, intent: Intent) -> View:
    """The View after the promotion that was decided is on record."""
    if not intent.promote:
        return view
    asked = replace(view.asked, promoted_at=view.promotion_time)
    return replace(view, asked=asked, revisions={**view.revisions, asked.revision: asked})


def decided(view: View) -> tuple[View, Intent, Plan]:
    seen = promoted(view, decide(view))
    intent = decide(seen)
    return seen, intent, plan(seen, intent)


@every_view
@given(views())
def test_there_is_always_a_decision_and_always_the_same(view: View) -> None:
    assert decide(view) == decide(view)
    assert plan(view, decide(view)) == plan(view, decide(view))


@every_view
@given(views())
def test_a_promotion_on_record_is_settled_and_not_decided_again(view: View) -> None:
    intent = decide(view)
    if intent.promote:
        after = decide(promoted(view, intent))
        assert (after.serve, after.promote) == (intent.serve, False)
        assert after.stage is Stage.SETTLED


@every_view
@given(views())
def test_only_what_is_asked_for_and_wholly_ready_is_promoted(view: View) -> None:
    intent = decide(view)
    if intent.promote:
        assert intent.serve == view.asked.revision
        assert view.asked.ready >= view.asked.wanted >= view.size.least > 0


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
    assert told.serve == intent.serve
    if not seen.size.is_zero:
        assert told.serve in told.keep
        assert seen.serving is None or seen.serving in told.keep


@every_view
@given(views())
def test_stable_runs_at_the_size_that_is_asked_for(view: View) -> None:
    seen, _, told = decided(view)
    if seen.stable:
        assert dict(told.run)[seen.stable.revision] == seen.size


@every_view
@given(views())
def test_what_is_asked_for_runs_at_no_less_than_its_size_and_at_zero_nothing_does(view: View) -> None:
    seen, _, told = decided(view)
    run = dict(told.run)
    if seen.size.is_zero:
        assert all(size.is_zero for size in run.values())
    else:
        assert run[seen.asked.revision].least >= seen.size.least
        assert run[seen.asked.revision].most == seen.size.most


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
    if drains:
        assert told.wake_at is not None
        assert all(seen.revisions[name].promoted_at for name in drains)


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
