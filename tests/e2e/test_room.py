"""Only so many rollouts go on at a time, where the administrator says so."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.cluster.control_plane import ControlPlane
from tests.e2e.models import Model
from tests.e2e.operator import OperatorProcess, prepared
from tests.e2e.test_canary import HELD_FOR_EVER, canary_spec, holds, serves
from tests.e2e.test_commands import give

pytestmark = pytest.mark.control_plane


@pytest.fixture(scope="module")
def operator(control_plane: ControlPlane) -> Iterator[OperatorProcess]:
    with prepared(control_plane, name="crowded", flags=("--max-rollouts-per-namespace=1",)) as process:
        yield process


def test_the_others_wait_in_order_of_age_and_go_on_by_themselves(model: Model, operator: OperatorProcess) -> None:
    models = [model, replace(model, name="second"), replace(model, name="third")]
    for each in models:
        serves(each)
    first, *others = models
    revision = first.apply(canary_spec("model:2", (25, HELD_FOR_EVER)))
    holds(first, revision, 25)
    later = []
    for each in others:
        later.append(each.apply(canary_spec("model:2", (25, HELD_FOR_EVER))))
        each.reports("Queued", "waits for its turn", "1 rollouts go on in namespace")
        assert each.child("Deployment", later[-1]) is None

    operator.restart()
    give(first, f"abort {revision} 1")
    holds(others[0], later[0], 25)
    assert others[1].says("Ready") == ("False", "Queued")
    give(others[0], f"pause {later[0]} 1")
    holds(others[1], later[1], 25)
    for each in others:
        each.delete()
