"""Another version of the operator takes over in mid-canary: no pod moves, and no child is written."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from serinus import __version__
from serinus.api.names import API_VERSION
from tests.cluster.bare import bare_control_plane
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.fixtures import apply_definitions
from tests.cluster.instance import CHECKOUT
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.e2e.history import History
from tests.e2e.models import Model, spec
from tests.e2e.operator import OperatorProcess, prepared
from tests.e2e.test_canary import HELD_FOR_EVER, attempt, canary_spec, holds, serves
from tests.e2e.test_commands import give

pytestmark = pytest.mark.control_plane

NEW_VERSION = "9.9.9"
FLAGS = ("--sweep-seconds=1", "--lease-seconds=3")
SECONDS = 60
REST_SECONDS = 1


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with bare_control_plane() as plane, SimulatedNodes(plane):
        apply_definitions(plane.api)
        yield plane


@pytest.fixture
def new_code(tmp_path: Path) -> Path:
    """The package as a later version might be: of another number, and it would render every pod template otherwise."""
    package = tmp_path / "serinus"
    shutil.copytree(CHECKOUT / "operator" / "serinus", package, ignore=shutil.ignore_patterns("__pycache__"))
    _edit(package / "__init__.py", f'"{__version__}"', f'"{NEW_VERSION}"')
    _edit(package / "render" / "snapshot.py", "DRAIN_SECONDS: Final = 10", "DRAIN_SECONDS: Final = 11")
    return tmp_path


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{file} has no {old}"
    file.write_text(text.replace(old, new))


def test_an_upgrade_in_mid_canary_changes_nothing_and_the_rollout_goes_on(plane: ControlPlane, new_code: Path) -> None:
    model = Model.in_new_namespace(plane.api)
    history = History.from_now(plane.api, model.namespace)
    with prepared(plane, name="old", flags=FLAGS) as old:
        serves(model)
        second = model.apply(canary_spec("model:2", (25, HELD_FOR_EVER)))
        holds(model, second, 25)
        before, tried = _at_rest(model), attempt(model, second)
        with prepared(plane, name="new", flags=FLAGS, environment={"PYTHONPATH": str(new_code)}) as new:
            old.stop()
            _looks_at(new, model)

            other = Model.in_new_namespace(plane.api)
            revision = other.apply(spec())
            other.settles(revision)
            assert other.child_now("ModelRelease", revision)["spec"]["renderedBy"] == NEW_VERSION
            assert _drain(other, revision) == 11, "what it renders itself is otherwise"
            assert (_versions(model), attempt(model, second)) == (before, tried)
            assert _drain(model, second) == 10

            give(model, f"promote-full {second} 1")
            model.settles(second)
            assert _drain(model, second) == 10
            history.assert_always_served(model.name)


def _looks_at(operator: OperatorProcess, model: Model) -> None:
    """Wait until the operator leads, and looks at a model because something happened to it."""
    eventually(lambda: operator.metric("leader_election_master_status"), SECONDS, "it leads")
    looks = operator.metric("controller_runtime_reconcile_total")
    note = {"metadata": {"annotations": {"team": "risk"}}}
    model.api.patch(API_VERSION, "ModelDeployment", model.name, note, model.namespace)
    eventually(lambda: operator.metric("controller_runtime_reconcile_total") > looks, SECONDS, "it has looked")


def _at_rest(model: Model) -> dict[str, str]:
    """The versions of all that belongs to a model, when the cluster's own controllers have done with it."""
    seen: dict[str, str] = {}

    def rests() -> dict[str, str] | None:
        nonlocal seen
        before, seen = seen, _versions(model)
        return seen if seen == before else None

    return eventually(rests, SECONDS, "nobody writes any more", interval=REST_SECONDS) or {}


def _versions(model: Model) -> dict[str, str]:
    children = {name: item["metadata"]["resourceVersion"] for name, item in model.belongings().items()}
    return children | {f"pod {pod['metadata']['name']}": pod["metadata"]["uid"] for pod in model.pods()}


def _drain(model: Model, revision: str) -> int:
    [container] = model.child_now("Deployment", revision)["spec"]["template"]["spec"]["containers"]
    seconds: int = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    return seconds
