"""Who may change what decides a rollout, as the API server says when the chart's policy is in force."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import pytest

from tests.api.samples import ABSENT, changed, full_deployment
from tests.chart.policies import (
    CREATIONS,
    EDITOR,
    PROMOTER,
    UPDATES,
    Guarded,
    Way,
    apply,
    patch,
    refusal,
    replace,
    ways,
)

DECIDING: Final[Mapping[str, object]] = {
    "rollout.steps": [{"weight": 5, "minSeconds": 300}],
    "rollout.approval": "Required",
    "rollout.deadlineSeconds": 300,
    "rollout.onInconclusive": "Rollback",
    "rollout.progressDeadlineSeconds": 300,
    "endpoint.protocol": "JSON",
    "endpoint.prediction": "label",
    "monitoring": {"mode": "Sidecar"},
}
"""The fields that decide a rollout, each with a value that is not its default."""
FREE: Final = {
    "model",
    "template",
    "endpoint.port",
    "endpoint.features",
    "endpoint.score",
    "replicas",
    "autoscaling",
    "traffic",
    "rollout.scaleDownDelaySeconds",
    "rollout.surge",
    "rollout.history",
    "paused",
}
STEPS: Final = [{"weight": 10, "minSeconds": 60, "pause": False}, {"weight": 50, "minSeconds": 60, "pause": False}]
"""Those of a model that names none."""
OPENED: Final = {"rollout", "endpoint"}
"""Parts of the spec of which each field was judged for itself."""


@pytest.fixture(scope="module")
def own_deadline(guarded: Guarded) -> Guarded:
    """A model whose deadline is not the default."""
    model = guarded.another("own-deadline")
    patch(model, PROMOTER, {"spec.rollout.progressDeadlineSeconds": 300}, dry=False)
    return model


def fields(spec: Mapping[str, Any]) -> Iterator[str]:
    for name, value in spec.items():
        yield from (f"{name}.{inner}" for inner in value) if name in OPENED else (name,)


def test_every_field_was_judged() -> None:
    assert set(fields(full_deployment()["spec"])) == FREE | DECIDING.keys()


@ways(*UPDATES)
@pytest.mark.parametrize("field", DECIDING)
def test_what_decides_a_rollout_is_changed_by_whoever_may_promote(guarded: Guarded, way: Way, field: str) -> None:
    changes = {f"spec.{field}": DECIDING[field]}
    assert refusal(lambda: way(guarded, EDITOR, changes)) == (
        f"eve may not change spec.{field}, by which rollouts are decided: that needs the right "
        '"promote" on modeldeployments of group serinus.dev, as ClusterRole serinus-promoter gives it; '
        "ask an administrator"
    )
    assert refusal(lambda: way(guarded, PROMOTER, changes)) == ""


def test_no_other_right_will_do(guarded: Guarded) -> None:
    changes = {f"spec.{field}": value for field, value in DECIDING.items()}
    guarded.grant("ada", "promote-full", "abort", "pause", "resume", "retry")
    assert "ada may not change spec.rollout" in refusal(lambda: patch(guarded, "ada", changes))
    guarded.grant("ada", "promote", name="other")
    assert "ada may not change spec.rollout" in refusal(lambda: patch(guarded, "ada", changes))
    guarded.grant("ada", "promote", name=guarded.name)
    assert refusal(lambda: patch(guarded, "ada", changes)) == ""


@ways(apply, replace)
def test_whatever_decides_nothing_is_changed_by_whoever_may_edit(guarded: Guarded, way: Way) -> None:
    """All of it at once, and what decides a rollout left out, as most files leave it."""
    spec = changed(full_deployment()["spec"], dict.fromkeys(DECIDING, ABSENT))
    answer = way(guarded, EDITOR, {"spec": spec})
    defaults = {
        "rollout.steps": STEPS,
        "rollout.approval": "NotRequired",
        "rollout.onInconclusive": "Hold",
        "rollout.progressDeadlineSeconds": 600,
    }
    assert answer["spec"] == changed(spec, defaults)


@ways(*UPDATES)
def test_a_default_that_is_written_out_changes_nothing(guarded: Guarded, way: Way) -> None:
    assert refusal(lambda: way(guarded, EDITOR, {"spec.rollout.progressDeadlineSeconds": 600})) == ""


@pytest.mark.parametrize("field", ["spec.rollout", "spec.rollout.progressDeadlineSeconds"])
def test_returning_to_the_default_is_a_change(own_deadline: Guarded, field: str) -> None:
    for way, nothing in ((replace, ABSENT), (patch, None)):
        refused = refusal(partial(way, own_deadline, EDITOR, {field: nothing}))
        assert "eve may not change spec.rollout.progressDeadlineSeconds" in refused


@ways(*CREATIONS)
def test_whoever_creates_a_model_decides_how_it_is_rolled_out(guarded: Guarded, way: Way) -> None:
    spec = full_deployment()["spec"]
    assert way(guarded, EDITOR, {"spec": spec})["spec"] == spec


def test_neither_size_nor_status_are_asked_about(guarded: Guarded) -> None:
    guarded.grant("operator", "patch", resource="modeldeployments/status")
    assert patch(guarded, EDITOR, {"spec.replicas": 3}, part="scale")["spec"]["replicas"] == 3
    report = {"spec.rollout.progressDeadlineSeconds": 1, "status": {"observedGeneration": 7}}
    answer = patch(guarded, "operator", report, part="status")
    assert answer["status"]["observedGeneration"] == 7
    assert answer["spec"]["rollout"]["progressDeadlineSeconds"] == 600
