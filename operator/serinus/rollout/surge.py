"""Where there is no room beside the stable revision: pods, and weight with them, change hands one at a time.

At most one pod is missing at any moment. All of it follows from the pods that are there, so nothing has to be
remembered. Asked by plan.py, which derives sizes and weights from it, and by the rules that wait for pods.
"""

from math import ceil

from serinus.api.modeldeployment import Step
from serinus.rollout import attempt as attempts
from serinus.rollout.intent import Intent, Stage
from serinus.rollout.view import EVERY, WHOLE, RevisionView, Size, View


def is_tight(view: View) -> bool:
    """Return whether no pod may come beside those that the size asks for."""
    policy = view.asked.attempt.policy if view.asked.attempt else view.policy
    is_fixed = view.size.autoscaling is None and view.size.replicas > 1
    return policy.surge == 0 and is_fixed and view.stable is not None


def pods_at(view: View, step: Step) -> Size:
    """Return how many of the pods are the asked revision's at a step; one is the stable one's until it is replaced."""
    told = step.replicas if view.by_gateway else None
    pods = told or ceil(view.size.replicas * step.weight / WHOLE)
    return Size(min(pods, view.size.replicas - 1))


def sizes(view: View, intent: Intent) -> dict[str, Size]:
    """Return what every revision has next, whoever gives up pods first.

    Who goes gives up a pod when the stable one can carry what it carried.
    """
    stable = view.stable
    assert stable is not None  # noqa: S101 - without one there is nothing to be careful about
    going = {each.revision: _remaining(view, each) for each in _going(view, intent)}
    # The pods of who has none next are there until its Deployment is deleted.
    still_there = sum(pods or view.revisions[name].wanted for name, pods in going.items())
    coming = _coming(view, intent, alone=not going) if _is_coming(view, intent) else 0
    left = max(1, view.size.replicas - coming)
    pods = going | {stable.revision: min(left, max(1, stable.wanted, left - still_there))}
    if coming:
        pods[view.asked.revision] = coming
    last = sorted(pods, key=lambda name: name in view.revisions and pods[name] > view.revisions[name].wanted)
    return {name: Size(pods[name]) for name in last if pods[name]}


def weight(view: View, intent: Intent, revision: str) -> int:
    """Return the weight that a revision has beside the stable one for now."""
    if revision == view.asked.revision and _is_coming(view, intent):
        return _weight_of_coming(view, intent)
    going = view.revisions.get(revision)
    held = view.route.weights.get(revision, 0) if view.route else 0
    return min(held, _carried_by(view, _after_the_next(view, going))) if going else 0


def beside(view: View, intent: Intent, run: dict[str, Size]) -> str | None:
    """Return who shares the address with the stable revision, where the split follows the numbers of pods."""
    if _is_coming(view, intent) and _weight_of_coming(view, intent):
        return view.asked.revision
    if view.address != EVERY:
        return None
    return next((each.revision for each in _going(view, intent) if each.revision in run and each.ready), None)


def _is_coming(view: View, intent: Intent) -> bool:
    """Return whether the asked revision is to have pods beside the stable one's."""
    return intent.capacity is not None and view.asked_comes_next


def _weight_of_coming(view: View, intent: Intent) -> int:
    """On its way to a step, and to what comes next, the asked revision has what its ready pods can carry."""
    attempt = view.attempt
    if attempt is None or intent.capacity is None or not view.asked.ready:
        return 0
    carried = _carried_by(view, view.asked.ready)
    if attempt.weight and attempt.since is None:
        there = view.asked.ready >= pods_at(view, attempts.step_of(attempt)).replicas
        return attempt.weight if there else min(attempt.weight, carried)
    skips = not attempts.has_steps(attempt) and not attempts.awaits_approval(view, attempt) and _is_known(view)
    if (intent.serve == EVERY or skips) and intent.capacity.weight > attempt.weight:
        return max(attempt.weight, min(carried, intent.capacity.weight))
    return attempt.weight


def _going(view: View, intent: Intent) -> list[RevisionView]:
    stays = {view.stable.revision if view.stable else None, view.asked.revision if _is_coming(view, intent) else None}
    return [each for name, each in view.revisions.items() if each.pods and name not in stays]


def _coming(view: View, intent: Intent, *, alone: bool) -> int:
    """Return how many pods the asked revision has next: one more when all it has are ready and carry their part."""
    assert intent.capacity is not None  # noqa: S101 - the caller looked
    pods, goal = view.asked.wanted, pods_at(view, intent.capacity).replicas
    if pods > goal:
        return max(goal, _remaining(view, view.asked))
    carries = not pods or _carries(view, _weight_of_coming(view, intent))
    may_grow = alone and intent.stage is Stage.MOVING and view.asked.ready >= pods and carries
    return pods + 1 if pods < goal and may_grow else pods


def _carries(view: View, share: int) -> bool:
    """Return whether the asked revision gets the weight that it is to have now."""
    if not view.by_gateway:
        return view.address == EVERY and share > 0
    held = view.route.weights.get(view.asked.revision, 0) if view.route and view.route.accepted else 0
    return held >= share > 0


def _is_known(view: View) -> bool:
    """Return whether requests can be sent to the asked revision: a gateway's parents learn of it at no weight."""
    if not view.by_gateway:
        return view.route is None
    return view.route is not None and view.route.accepted and view.asked.revision in view.route.weights


def _remaining(view: View, going: RevisionView) -> int:
    """Return how many pods a revision that goes has next: none goes before the weight that it carries has moved."""
    after = _after_the_next(view, going)
    if view.by_gateway and view.route:
        held = view.route.weights.get(going.revision, 0)
        if view.route.lags or held > _carried_by(view, after):
            return going.wanted
    return after


def _after_the_next(view: View, going: RevisionView) -> int:
    """Return how many pods it has when the next one has gone; those that are not ready carry nothing and go at once."""
    assert view.stable is not None  # noqa: S101 - the caller looked
    return min(going.ready, max(0, view.size.replicas - view.stable.ready - 1))


def _carried_by(view: View, pods: int) -> int:
    """Return the weight of so many of all pods."""
    return min(WHOLE, WHOLE * pods // view.size.replicas)
