"""The operator as users run it: installed by helm, with real pods and real endpoints."""

from tests.cluster.backends import Backend
from tests.cluster.eventually import eventually
from tests.cluster.install import NAMESPACE
from tests.e2e.models import SECONDS, Model
from tests.e2e.real_model import load_on, real_spec

OPERATOR_LABELS = "app.kubernetes.io/name=serinus"
LOAD_SECONDS = 30
"""Longer than a takeover: the old pods answer for 3 s more, and go on for 10 s after they were told to end."""


def test_a_model_serves_and_the_columns_say_so(installed: Backend, model: Model, image: str) -> None:
    revision = model.apply(real_spec(image, "7"))
    model.settles(revision)
    header, row = installed.kubectl("get", "mdep", "--namespace", model.namespace).splitlines()
    assert header.split()[:3] == ["NAME", "READY", "REASON"]
    assert row.split()[:4] == ["fraud", "True", "Serving", revision]
    with load_on(installed, model.namespace, model.name, seconds=1) as load:
        answers = load.result()
    assert set(answers.by_version) == {"7"}
    assert not answers.failures


def test_a_new_revision_takes_over_without_a_failed_request(installed: Backend, model: Model, image: str) -> None:
    first = model.apply(real_spec(image, "7"))
    model.settles(first)
    with load_on(installed, model.namespace, model.name, LOAD_SECONDS) as load:
        second = model.apply(real_spec(image, "8"))
        model.settles(second)
        model.pods_come(first, 0)
        answers = load.result()
    assert not answers.failures
    assert answers.by_version["7"], "the load began before the takeover"
    assert answers.last == "8"


def test_a_rollout_by_steps_loses_no_request_and_its_share_is_that_of_the_answers(
    installed: Backend, model: Model, image: str
) -> None:
    first = model.apply(real_spec(image, "7"))
    model.settles(first)
    held = {"steps": [{"weight": 50, "minSeconds": 8}], "scaleDownDelaySeconds": 3}
    with load_on(installed, model.namespace, model.name, LOAD_SECONDS) as whole:
        second = model.apply(real_spec(image, "8", rollout=held))
        eventually(
            lambda: model.status().get("canary", {}).get("weightInForce") == 50, SECONDS, "both revisions answer"
        )
        with load_on(installed, model.namespace, model.name, seconds=3) as meanwhile:
            shares = meanwhile.result().by_version
        model.settles(second)
        model.pods_come(first, 0)
        answers = whole.result()
    assert not answers.failures
    assert answers.last == "8"
    assert 0.35 < shares["8"] / sum(shares.values()) < 0.65, shares


def test_a_container_that_crashes_is_reported_with_its_reason_and_recovers(model: Model, image: str) -> None:
    stable = model.apply(real_spec(image, "7"))
    model.settles(stable)
    model.apply(real_spec(image, "crashes"))
    told = model.reports("PodsFailing", "CrashLoopBackOff", "container model", "exit code 3")
    assert "goes on serving" in told["message"]
    assert model.serving() == stable
    good = model.apply(real_spec(image, "8"))
    model.settles(good)


def test_an_image_that_is_not_there_is_reported_and_recovers(model: Model, image: str) -> None:
    model.apply(real_spec("localhost/no-such-image:1", "7"))
    model.reports("PodsFailing", "ImagePullBackOff", "localhost/no-such-image:1")
    assert model.says("Available") == ("False", "NoReadyPods")
    good = model.apply(real_spec(image, "7"))
    model.settles(good)


def test_a_pod_that_is_lost_shows_and_is_replaced(installed: Backend, model: Model, image: str) -> None:
    revision = model.apply(real_spec(image, "7", replicas=1))
    model.settles(revision)
    (pod,) = model.pods_come(revision, 1)
    installed.kubectl("delete", "pod", pod, "--namespace", model.namespace, "--wait=false")
    model.reports("PodsNotReady", "0 of 1 pods ready")
    model.settles(revision)


def test_the_operator_killed_in_mid_takeover_goes_on(installed: Backend, model: Model, image: str) -> None:
    first = model.apply(real_spec(image, "7"))
    model.settles(first)
    second = model.apply(real_spec(image, "8"))
    eventually(lambda: model.child("Deployment", second), SECONDS, "the takeover began")
    installed.kubectl(
        *("delete", "pod", f"--namespace={NAMESPACE}", f"--selector={OPERATOR_LABELS}"),
        *("--grace-period=0", "--force", "--wait=false"),
    )
    eventually(lambda: model.serving() == second, 2 * SECONDS, "the new operator finishes what the old one began")
    model.settles(second)


def test_deleting_the_model_removes_everything(model: Model, image: str) -> None:
    model.settles(model.apply(real_spec(image, "7")))
    model.delete()
    model.is_gone()
