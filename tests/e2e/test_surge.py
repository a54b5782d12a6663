"""`surge: 0`: a cluster without room for a second revision gets one all the same, pod by pod."""

from collections.abc import Iterator

import pytest

from tests.cluster.api import Json
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually
from tests.e2e import gateways
from tests.e2e.gateways import TRAFFIC, Parent
from tests.e2e.history import History
from tests.e2e.models import SECONDS, Model, spec
from tests.e2e.test_canary import HELD_FOR_EVER
from tests.e2e.test_commands import give

pytestmark = pytest.mark.control_plane

SIZE = 4


@pytest.fixture(params=["by a gateway", "by numbers of pods"])
def traffic(request: pytest.FixtureRequest, model: Model, control_plane: ControlPlane) -> Iterator[Json]:
    """The fields of a spec that say how requests are split."""
    if request.param == "by numbers of pods":
        yield {}
        return
    gateways.install(control_plane.api)
    with Parent(model):
        yield {"traffic": TRAFFIC}


def tight(image: str, traffic: Json, *steps: tuple[int, int]) -> Json:
    held = [{"weight": weight, "minSeconds": seconds} for weight, seconds in steps]
    return spec(image, replicas=SIZE, rollout={"steps": held, "surge": 0}, **traffic)


def in_all(history: History) -> list[int]:
    """How many pods all Deployments together were to have, each time that changed."""
    wanted: dict[str, int] = {}
    sums: list[int] = []
    for change, item in history.of("Deployment"):
        wanted[item["metadata"]["name"]] = 0 if change == "DELETED" else item["spec"]["replicas"]
        if sums[-1:] != [sum(wanted.values())]:
            sums.append(sum(wanted.values()))
    return sums


def test_pods_change_hands_one_at_a_time_there_and_back(model: Model, traffic: Json) -> None:
    first = model.apply(tight("model:1", traffic))
    model.settles(first)
    history = History.from_now(model.api, model.namespace)
    second = model.apply(tight("model:2", traffic, (25, 0), (75, HELD_FOR_EVER)))

    def at_the_last_step() -> bool:
        canary = model.status().get("canary", {})
        assert (canary.get("weightInForce"), canary.get("readyReplicas")) == (75, 3), canary
        return True

    eventually(at_the_last_step, SECONDS, "the canary holds 75 %")
    assert history.sizes(f"fraud-{first}") == [3, 2, 1]
    assert history.sizes(f"fraud-{second}") == [1, 2, 3]

    give(model, f"abort {second} 1")
    model.reports("Aborted")
    model.pods_come(second, 0)
    assert history.sizes(f"fraud-{first}") == [3, 2, 1, 2, 3, 4]
    assert history.sizes(f"fraud-{second}") == [1, 2, 3, 2, 1]
    assert set(in_all(history)) <= {3, SIZE}
    history.assert_always_served(model.name)


def test_a_promotion_ends_with_the_last_pod(model: Model, traffic: Json) -> None:
    first = model.apply(tight("model:1", traffic))
    model.settles(first)
    history = History.from_now(model.api, model.namespace)
    second = model.apply(tight("model:2", traffic, (50, 0)))
    model.settles(second)
    assert history.sizes(f"fraud-{first}") == [3, 2, 1]
    assert history.sizes(f"fraud-{second}") == [1, 2, 3, 4]
    assert set(in_all(history)) <= {3, SIZE}
