"""`kubectl explain` is the manual that everybody has: every field is in it, with a sentence."""

from collections.abc import Iterator

import pytest

from tests.api.schema_walk import kinds, parts
from tests.cluster.backends import run_kubectl
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually


def explained_places() -> Iterator[str]:
    """Every part that has fields of its own, as kubectl names it."""
    for kind, schema in kinds().items():
        for path, part in parts(schema):
            if path.startswith(("spec", "status")) and (part.get("properties") or path in ("spec", "status")):
                yield f"{kind.lower()}.{path.replace('[0]', '')}"


@pytest.mark.parametrize("place", list(explained_places()))
def test_no_field_goes_without_a_description(control_plane: ControlPlane, place: str) -> None:
    explained = explain(control_plane, place)
    assert "FIELDS:" in explained
    assert "<no description>" not in explained


@pytest.mark.parametrize("kind", list(kinds()))
def test_the_overview_has_every_field(control_plane: ControlPlane, kind: str) -> None:
    spec = kinds()[kind]["properties"]["spec"]
    names = {name for _, part in parts(spec) for name in part.get("properties", ())}
    lines = explain(control_plane, f"{kind.lower()}.spec", "--recursive").splitlines()
    shown = {line.split()[0] for line in lines if line.startswith("  ") and "<" in line}
    assert names <= shown


def test_a_field_is_explained_with_its_default(control_plane: ControlPlane) -> None:
    words = " ".join(explain(control_plane, "mdep.spec.rollout").split())
    assert (
        "progressDeadlineSeconds <integer> How long a revision may wait for its pods to be ready, all its waits "
        "together. After that a new revision is rolled back; a first one is reported as stalled. Default: 600."
    ) in words


def explain(control_plane: ControlPlane, *command: str) -> str:
    """What kubectl prints, as soon as the API server publishes the new kinds' schema."""
    return eventually(lambda: _explain(control_plane, *command), 20, f"kubectl explains {command[0]}")


def _explain(control_plane: ControlPlane, *command: str) -> str:
    try:
        return run_kubectl(control_plane.kubeconfig, ("explain", *command))
    except RuntimeError as error:
        raise AssertionError(error) from error
