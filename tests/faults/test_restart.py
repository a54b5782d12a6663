"""What changes while the operator is down, and what an API server that lags tells it when it comes back."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from aiohttp import web

from tests.cluster.api import Json
from tests.cluster.eventually import eventually
from tests.e2e.history import History
from tests.e2e.models import spec
from tests.faults.proxy import Exchange, Fault, Request, delay
from tests.faults.rig import new_rig
from tests.faults.rollouts import FIRST, SECONDS, UNDISTURBED, Disturbance, Rollouts, Trial

pytestmark = pytest.mark.control_plane

THIRD = spec("model:3", model={"version": "3"}, rollout={"steps": [{"weight": 50, "minSeconds": 1}]})
LAG_SECONDS = 1.0


@pytest.fixture(scope="module")
def rollouts() -> Iterator[Rollouts]:
    with new_rig("--sweep-seconds=2") as rig:
        yield Rollouts(rig, hold=3)


@pytest.fixture
def trial(rollouts: Rollouts) -> Iterator[Trial]:
    """One whose first version serves."""
    trial = rollouts.begin(UNDISTURBED)
    history = History.from_now(rollouts.rig.plane.api, trial.model.namespace)
    trial.model.apply(FIRST)
    trial.is_promoted(FIRST)
    yield trial
    history.assert_always_served(trial.model.name)
    rollouts.weather = UNDISTURBED
    trial.model.delete()


def in_mid_canary(rollouts: Rollouts, trial: Trial) -> None:
    trial.model.apply(rollouts.second)
    trial.holds_its_share()


def test_there_and_back_unseen_is_as_if_nothing_had_been_written(rollouts: Rollouts, trial: Trial) -> None:
    in_mid_canary(rollouts, trial)
    pods = trial.model.pod_uids(trial.model.revision(FIRST))
    rollouts.rig.operator.kill()
    for wanted in (FIRST, THIRD, rollouts.second):
        trial.model.apply(wanted)
    assert trial.model.pod_uids(trial.model.revision(FIRST)) == pods
    rollouts.rig.operator.start()

    trial.is_promoted(rollouts.second)
    record = trial.model.child_now("ModelRelease", trial.model.revision(rollouts.second))
    assert [each["number"] for each in record["status"]["attempts"]] == [1]
    assert trial.model.child("ModelRelease", trial.model.revision(THIRD)) is None


def test_a_spec_that_was_replaced_unseen_was_never_tried(rollouts: Rollouts, trial: Trial) -> None:
    rollouts.rig.operator.kill()
    for wanted in (rollouts.second, THIRD):
        trial.model.apply(wanted)
    rollouts.rig.operator.start()

    trial.is_promoted(THIRD)
    assert trial.model.child("ModelRelease", trial.model.revision(rollouts.second)) is None


def test_another_spec_that_comes_unseen_in_mid_canary_supersedes_it(rollouts: Rollouts, trial: Trial) -> None:
    in_mid_canary(rollouts, trial)
    rollouts.rig.operator.kill()
    trial.model.apply(THIRD)
    rollouts.rig.operator.start()

    trial.is_promoted(THIRD)
    record = trial.model.child_now("ModelRelease", trial.model.revision(rollouts.second))
    assert record["status"]["result"] == "Ended"


def test_one_of_the_same_name_that_came_unseen_is_another_one(rollouts: Rollouts, trial: Trial) -> None:
    in_mid_canary(rollouts, trial)
    before = {trial.model.read()["metadata"]["uid"]}
    rollouts.rig.operator.kill()
    trial.model.delete()
    eventually(lambda: not trial.model.exists(), SECONDS, "it is gone")
    trial.model.apply(rollouts.second)
    rollouts.rig.operator.start()

    trial.is_promoted(rollouts.second)

    def all_its_own() -> bool:
        owners = {item["metadata"]["ownerReferences"][0]["uid"] for item in trial.model.belongings().values()}
        assert not owners & before, "what its namesake had is still there"
        return True

    eventually(all_its_own, SECONDS, "everything is the new one's own")
    trial.is_promoted(rollouts.second)


class Past:
    """The collections as they were: lists are answered from there, and the watches begin there, late."""

    def __init__(self, rollouts: Rollouts) -> None:
        self._rollouts = rollouts
        self._lists: dict[tuple[str, str], web.Response] = {}
        rollouts.weather = Disturbance(self._keep)

    def returns(self) -> None:
        """From now on it is then."""
        lists = dict(self._lists)

        def stale(request: Request) -> Fault | None:
            if request.method != "GET" or request.namespace or request.name:
                return None
            return delay(LAG_SECONDS) if request.watches else answer_from(lists)

        self._rollouts.weather = Disturbance(stale)

    def _keep(self, request: Request) -> Fault | None:
        if request.method != "GET" or request.namespace or request.name or request.watches:
            return None
        return self._remember

    async def _remember(self, exchange: Exchange) -> web.StreamResponse:
        response = await exchange.forward()
        assert isinstance(response, web.Response)
        self._lists[exchange.address] = response
        return response


def answer_from(lists: dict[tuple[str, str], web.Response]) -> Fault:
    """The first time; by the next one the API server is up to date."""

    async def answer(exchange: Exchange) -> web.StreamResponse:
        kept = lists.pop(exchange.address, None)
        if kept is None:
            return await exchange.forward()
        return web.Response(status=kept.status, body=kept.body, content_type="application/json")

    return answer


def _there_and_back(rollouts: Rollouts, trial: Trial) -> Json:
    """What drained as the lists were made serves again by now."""
    trial.model.apply(rollouts.second)
    trial.is_promoted(rollouts.second)
    trial.model.apply(FIRST)
    trial.is_promoted(FIRST)
    return FIRST


def _promoted(rollouts: Rollouts, trial: Trial) -> Json:
    trial.model.apply(rollouts.second)
    trial.is_promoted(rollouts.second)
    return rollouts.second


def _in_mid_canary(rollouts: Rollouts, trial: Trial) -> Json:
    in_mid_canary(rollouts, trial)
    return rollouts.second


def _scaled(_: Rollouts, trial: Trial) -> Json:
    trial.model.scale(3)
    eventually(lambda: trial.model.status()["readyReplicas"] == 3, SECONDS, "it is scaled")
    return {**FIRST, "replicas": 3}


@pytest.mark.parametrize("since", [_promoted, _there_and_back, _in_mid_canary, _scaled], ids=lambda each: each.__name__)
def test_lists_from_before_mislead_nobody(
    rollouts: Rollouts, trial: Trial, since: Callable[[Rollouts, Trial], Json]
) -> None:
    past = Past(rollouts)
    rollouts.rig.operator.restart()
    wanted = since(rollouts, trial)
    made = trial.objects.copy()

    past.returns()
    rollouts.rig.operator.restart()

    trial.is_promoted(wanted)
    more = trial.objects - made
    assert wanted == rollouts.second or not more, more


def test_a_record_that_is_read_as_it_was_before_takes_no_rollout_back(rollouts: Rollouts, trial: Trial) -> None:
    """A get may be answered by an API server that lags behind the one that the watch is from."""
    oldest: dict[str, web.Response] = {}

    def stale(name: str) -> Fault:
        async def answer(exchange: Exchange) -> web.StreamResponse:
            if name in oldest:
                kept = oldest[name]
                return web.Response(status=kept.status, body=kept.body, content_type="application/json")
            response = await exchange.forward()
            assert isinstance(response, web.Response)
            oldest[name] = response
            return response

        return answer

    answered: Counter[str] = Counter()

    def fault(request: Request) -> Fault | None:
        if request.plural != "modelreleases" or not request.name or request.part:
            return None
        if request.method == "PATCH":
            return stale(request.name) if request.name not in oldest else None
        answered[request.name] += 1
        return stale(request.name) if answered[request.name] <= 3 else None

    trial.disturbance = Disturbance(fault)
    in_mid_canary(rollouts, trial)
    revision = trial.model.revision(rollouts.second)
    [before] = trial.model.child_now("ModelRelease", revision)["status"]["attempts"]
    rollouts.rig.operator.restart()

    trial.is_promoted(rollouts.second)
    assert answered[f"{trial.model.name}-{revision}"] > 1
    [after] = trial.model.child_now("ModelRelease", revision)["status"]["attempts"]
    assert (after["startedAt"], after["held"][0]["since"]) == (before["startedAt"], before["since"])
