"""The operator as users run it: installed by helm, with real pods and real endpoints."""

from contextlib import AbstractContextManager

from tests.cluster.backends import Backend
from tests.cluster.eventually import eventually
from tests.cluster.install import NAMESPACE
from tests.e2e.models import SECONDS, Model
from tests.e2e.real.load import Load, constant_load, time_in_force
from tests.e2e.real.model_server import real_spec

OPERATOR_LABELS = "app.kubernetes.io/name=serinus"
RATE = 200


def load_on(cluster: Backend, model: Model) -> AbstractContextManager[Load]:
    """Load on the model's Service."""
    return constant_load(cluster, model.namespace, model.name, rate=RATE, fresh=True)


def test_a_model_serves_and_the_columns_say_so(installed: Backend, model: Model, image: str) -> None:
    revision = model.apply(real_spec(image, "7"))
    model.settles(revision)
    with load_on(installed, model) as load:
        header, row = installed.kubectl("get", "mdep", "--namespace", model.namespace).splitlines()
    assert header.split()[:3] == ["NAME", "READY", "REASON"]
    assert row.split()[:4] == ["fraud", "True", "Serving", revision]
    assert set(load.versions) == {"7"}
    assert not load.failures


def test_a_new_revision_takes_over_without_a_failed_request(installed: Backend, model: Model, image: str) -> None:
    first = model.apply(real_spec(image, "7"))
    model.settles(first)
    with load_on(installed, model) as load:
        second = model.apply(real_spec(image, "8"))
        model.settles(second)
        model.pods_come(first, 0)
    assert not load.failures
    assert load.versions["7"], "the load began before the takeover"
    assert load.last == "8"


def test_a_rollout_by_steps_loses_no_request_and_its_share_is_that_of_the_answers(
    installed: Backend, model: Model, image: str
) -> None:
    first = model.apply(real_spec(image, "7"))
    model.settles(first)
    held = {"steps": [{"weight": 50, "minSeconds": 6}], "scaleDownDelaySeconds": 3}
    with load_on(installed, model) as load:
        second = model.apply(real_spec(image, "8", rollout=held))
        both = time_in_force(model, "8", 50)
        model.settles(second)
        model.pods_come(first, 0)
    assert not load.failures
    assert load.last == "8"
    load.assert_split(both)


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
