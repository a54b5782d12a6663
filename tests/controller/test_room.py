"""Whose turn it is when only so many rollouts may go on."""

from dataclasses import replace
from datetime import datetime

import pytest

from serinus.api.modelrelease import Result
from serinus.api.reasons import Reason
from serinus.cluster.cache import Cache
from serinus.cluster.objects import Identity, Key
from serinus.controller.room import Limits, Room
from serinus.rollout.attempt import begun
from serinus.rollout.intent import Intent, Stage
from serinus.rollout.view import View
from tests.cluster_layer import sightings
from tests.rollout.views import NOW, ago, revision, steps, view, with_attempt

A, B, C, D = (Key("risk", name) for name in "abcd")
ELSEWHERE = Key("ads", "e")
STABLE = revision("a", "2/2", promoted=ago(86_400))


class Office:
    """A Room, and whom it has called."""

    def __init__(self, everywhere: int = 0, in_a_namespace: int = 0) -> None:
        self.cache = Cache()
        self.called: list[Key] = []
        self.room = Room(Limits(everywhere, in_a_namespace), self.cache, wake=self.called.append)

    def asks(self, key: Key, since: datetime = NOW) -> bool:
        """Somebody asks for room; one that gets none waits."""
        crowd = self.room.crowd(key, since)
        self.goes_on(key) if not crowd else self.stands(key, rollout(since, queued=True), Stage.MOVING, Reason.QUEUED)
        return not crowd

    def goes_on(self, key: Key) -> None:
        self.stands(key, rollout(NOW), Stage.MOVING, Reason.CANARY_IN_PROGRESS)

    def pauses(self, key: Key) -> None:
        self.stands(key, rollout(NOW), Stage.PAUSED, Reason.AWAITING_APPROVAL)

    def ends(self, key: Key) -> None:
        self.stands(key, view(revision("b", promoted=NOW), STABLE), Stage.SETTLED, Reason.SERVING)

    def stands(self, key: Key, seen: View, stage: Stage, reason: Reason) -> None:
        self.called.clear()
        self.room.note(key, seen, Intent("a", stage, reason, "so it stands"))


def rollout(since: datetime, *, queued: bool = False) -> View:
    new = view(revision("b", "1/1"), STABLE, policy=steps(10), serving="a", new=True)
    return with_attempt(new, begun(new).model_copy(update={"started_at": since, "queued": queued}))


def test_without_limits_nobody_waits() -> None:
    office = Office()
    assert all(office.asks(key) for key in (A, B, C))


def test_who_has_waited_longest_is_called_when_one_ends() -> None:
    office = Office(everywhere=1)
    assert office.asks(A)
    assert not office.asks(B, ago(10))
    assert not office.asks(C, ago(20))
    office.ends(A)
    assert office.called == [C]
    assert not office.asks(B, ago(10)), "it is not its turn"
    assert office.asks(C, ago(20))


def test_a_namespace_that_is_full_keeps_no_other_one_waiting() -> None:
    office = Office(in_a_namespace=1)
    assert office.asks(A)
    assert office.room.crowd(B, ago(30)) == "1 rollouts go on in namespace risk, as many as may"
    assert not office.asks(B, ago(30))
    assert office.asks(ELSEWHERE)


def test_one_that_has_its_room_keeps_it() -> None:
    office = Office(everywhere=1)
    assert office.asks(A)
    assert office.asks(A)


@pytest.mark.parametrize("leave", [Office.pauses, Office.ends, lambda office, key: office.room.leave(key)])
def test_one_that_waits_for_a_person_has_ended_or_is_gone_takes_no_room(leave: object) -> None:
    office = Office(everywhere=1)
    office.asks(A)
    office.asks(B, ago(1))
    office.called.clear()
    assert callable(leave)
    leave(office, A)
    assert office.called == [B]


def test_two_that_ask_at_once_do_not_both_get_the_last_room() -> None:
    room = Office(everywhere=1).room
    assert [bool(room.crowd(key, NOW)) for key in (A, B)] == [False, True]


def test_after_a_start_what_is_on_record_counts_until_it_was_looked_at() -> None:
    office = Office(everywhere=1)
    release = sightings.release(version=1)
    identity = Identity("ModelRelease", "risk", "a-0123456789")
    office.cache.put(replace(release, identity=identity, deployment="a", result=Result.RUNNING))
    assert not office.asks(B)
    office.ends(A)
    assert office.called == [B]


def test_one_that_cannot_use_its_turn_is_not_called_for_ever() -> None:
    office = Office(everywhere=1)
    office.stands(A, rollout(NOW, queued=True), Stage.MOVING, Reason.SCALED_TO_ZERO)
    assert office.called == []
