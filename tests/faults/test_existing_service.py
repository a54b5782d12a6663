"""The operator killed before and after it takes over a user's Service, and before and after it puts that back."""

from collections.abc import Callable, Iterator

import pytest

from tests.cluster.eventually import eventually
from tests.e2e.existing import is_put_back, is_taken, their_pods, their_ready_pods, their_service
from tests.e2e.history import History
from tests.e2e.models import SECONDS, Model, spec
from tests.faults.proxy import Fault, Request, after, before
from tests.faults.rig import Rig, new_rig

pytestmark = pytest.mark.control_plane


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with new_rig() as rig:
        yield rig


@pytest.mark.parametrize("moment", [before, after])
def test_killed_at_a_takeover_and_at_its_end_it_goes_on(
    rig: Rig, moment: Callable[[Callable[[], None]], Fault]
) -> None:
    model = Model.in_new_namespace(rig.plane.api)
    their_pods(model)
    theirs = their_service(model)
    history = History.from_now(rig.plane.api, model.namespace)
    taken = _kill_at_next_write(rig, model, moment)
    revision = model.apply(spec())
    model.settles(revision)
    assert is_taken(model, revision)
    put_back = _kill_at_next_write(rig, model, moment)
    model.delete()

    eventually(lambda: is_put_back(model, theirs), SECONDS, "the Service is as it was")
    model.is_gone()
    assert (len(taken), len(put_back)) == (1, 1), "the operator was not killed"
    history.assert_selects_ready_pods(model.name, besides=their_ready_pods(model))


def _kill_at_next_write(rig: Rig, model: Model, moment: Callable[[Callable[[], None]], Fault]) -> list[Request]:
    """The operator dies at its next write to the Service; returns where that will be noted."""
    met: list[Request] = []

    def strike(request: Request) -> Fault | None:
        at_address = (request.namespace, request.plural, request.name) == (model.namespace, "services", model.name)
        if met or not request.writes or not at_address:
            return None
        met.append(request)
        return moment(rig.kill_and_restart)

    rig.proxy.fault = strike
    return met
