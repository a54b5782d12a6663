"""The rules of a gateway: no share moves before its parents carry the route. They stand in the list in rules.py.

The attempt says who splits the traffic. With a gateway that is the HTTPRoute, and Service `<name>` leads to the stable
revision alone; without one it is the Service, by the numbers of pods.
"""

from datetime import datetime, timedelta
from typing import Final

from serinus.api.modelrelease import Attempt
from serinus.api.reasons import Reason
from serinus.rollout import attempt as attempts
from serinus.rollout.canary import capacity_to_take_over, has_pods_for_a_share, is_whole
from serinus.rollout.intent import Intent, Stage
from serinus.rollout.sentences import count, meanwhile
from serinus.rollout.surge import is_tight
from serinus.rollout.view import EVERY, EVERYTHING, View

ANSWER_SECONDS: Final = 10
"""How long parents may take to answer before that is worth a word of its own."""
NOT_WRITTEN: Final = "its HTTPRoute is to be written"


def change_who_splits(view: View) -> Intent | None:
    """Where a gateway came or went in mid-canary, the weight goes back first, and the first step begins anew."""
    attempt = view.attempt
    if attempt is None or view.stable is None or attempt.gateway == view.gateway:
        return None
    way = "the HTTPRoute splits the traffic from now on" if view.gateway else "no gateway splits the traffic any more"
    message = f"{view.asked}: {way}; {meanwhile(view)}, and step 1 begins anew"
    if view.gateway and attempt.weight:
        return _at_first_step(view, message, attempts.waiting(attempt, view.now))
    if view.gateway and view.address == EVERY:
        return _at_first_step(view, message)
    return _at_first_step(view, message, attempts.moved(attempt, view))


def count_no_time_before_the_route_is_in_force(view: View) -> Intent | None:
    """A share that not every parent has confirmed is no trial; its time begins when they have."""
    attempt = view.attempt
    if attempt is None or view.stable is None or not attempt.gateway or not attempt.weight:
        return None
    if is_tight(view) and attempt.since and view.now >= attempts.time_of_step(attempt):
        return None  # what was in force for its time grows with the pods
    message = f"{view.asked} is to get {attempt.weight} % of the traffic"
    if _is_in_force(view):
        if attempt.since is not None:
            return None
        return Intent(
            EVERY,
            Stage.MOVING,
            Reason.CANARY_IN_PROGRESS,
            message,
            capacity=attempts.step_of(attempt),
            attempt=attempts.restarted(attempt, view.now),
        )
    record = attempts.unconfirmed(attempt) if attempt.since else None
    message = f"{message}; {_why(view)}"
    reason = Reason.ROUTE_NOT_ACCEPTED if _is_late(view) else Reason.CANARY_IN_PROGRESS
    return Intent(
        EVERY, Stage.MOVING, reason, message, capacity=attempts.step_of(attempt), attempt=record, wake_at=_late_at(view)
    )


def wait_for_the_route(view: View) -> Intent | None:
    """The pods are ready, and no request may go to them before every parent knows them, at weight 0."""
    holds_a_share = view.stable and view.weight
    if view.incumbent.revision == view.asked.revision or holds_a_share or not _has_its_pods(view):
        return None
    if view.by_gateway:
        known = view.route is not None and view.asked.revision in view.route.weights and view.route.accepted
        why, look_at = _why(view), _late_at(view)
    else:
        known, why = view.route is None, "the HTTPRoute is to go first"
        look_at = view.now + timedelta(seconds=ANSWER_SECONDS)
    if known:
        return None
    attempt = view.attempt
    record = attempts.at_rest(attempt, view.asked.pods, view.now) if attempt and attempt.since else None
    reason = Reason.ROUTE_NOT_ACCEPTED if view.by_gateway and _is_late(view) else Reason.ROLLOUT_IN_PROGRESS
    message = f"{view.asked}: {count(view.asked)}; {meanwhile(view)}; {why}"
    capacity = attempts.awaited_step(attempt) if attempt else EVERYTHING
    return Intent(
        view.incumbent.revision,
        Stage.MOVING,
        reason,
        message,
        capacity=capacity,
        attempt=record,
        wake_at=look_at,
    )


def say_that_the_route_is_not_accepted(view: View) -> Intent | None:
    """What was asked for serves, and those who come by the gateway do not find it."""
    if not view.asked_is_stable or not view.gateway or not is_whole(view.asked, view.size.least):
        return None
    if view.route and view.route.accepted:
        return None
    reason = Reason.ROUTE_NOT_ACCEPTED if _is_late(view) else Reason.ROLLOUT_IN_PROGRESS
    message = f"{view.asked} serves with {count(view.asked)}; {_why(view)}"
    return Intent(view.asked.revision, Stage.MOVING, reason, message, wake_at=_late_at(view))


def _at_first_step(view: View, message: str, record: Attempt | None = None) -> Intent:
    assert view.attempt is not None  # noqa: S101 - the caller looked
    capacity = attempts.awaited_step(view.attempt)
    return Intent(
        view.incumbent.revision,
        Stage.MOVING,
        Reason.ROLLOUT_IN_PROGRESS,
        message,
        capacity=capacity,
        attempt=record,
    )


def _has_its_pods(view: View) -> bool:
    """Return whether the asked revision could take its first share, or take over where it needs no steps."""
    if view.attempt:
        return has_pods_for_a_share(view, view.attempt)
    return is_whole(view.asked, capacity_to_take_over(view).least)


def _is_in_force(view: View) -> bool:
    attempt, route = view.attempt, view.route
    assert attempt is not None  # noqa: S101 - the caller looked
    if route is None or not route.accepted:
        return False
    return route.weights.get(view.asked.revision) == attempt.weight and route.stamp == attempts.stamp_of(attempt)


def _why(view: View) -> str:
    return view.route.says or "its HTTPRoute is to be written anew" if view.route else NOT_WRITTEN


def _is_late(view: View) -> bool:
    """Return whether the parents have had their time; what they said for good is worth a word at once."""
    route = view.route
    if route is None or route.accepted:
        return False
    return not route.pending or view.now >= route.written_at + timedelta(seconds=ANSWER_SECONDS)


def _late_at(view: View) -> datetime | None:
    """Return when to say that the parents take long."""
    if view.route is None or view.route.accepted or _is_late(view):
        return None
    return view.route.written_at + timedelta(seconds=ANSWER_SECONDS)
