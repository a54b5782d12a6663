"""What tests may do to a cluster that is not the local one, and what they are told where they may not."""

import shutil
from pathlib import Path

import pytest

from tests.cluster import other_backends
from tests.cluster.backends import Capability
from tests.cluster.other_backends import ExistingBackend, GuardedApi, KindBackend, existing_backend, kind_backend

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine"}}
FAKE_KIND = """#!/bin/sh
echo "$@" >> {calls}
case "$1 $2" in
"get clusters") cat {clusters} ;;
"create cluster") echo serinus >> {clusters}; printf '{kubeconfig}' > {folder}/.cluster/kind/kubeconfig ;;
esac
"""
KUBECONFIG = (
    r"""apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n"""
)
KUBECONFIG += r"""clusters: [{name: a, cluster: {server: "http://127.0.0.1:9"}}]\nusers: [{name: a, user: {}}]\n"""


def test_a_cluster_names_what_it_lacks() -> None:
    kind = KindBackend.__new__(KindBackend)

    assert kind.why_lacking(Capability.DRAIN) is None
    assert kind.why_lacking(Capability.GATEWAY) == "the kind cluster has no gateway: run this with --cluster=local"


@pytest.mark.parametrize(
    ("context", "told"), [(None, "needs --kubeconfig-context"), ("production", "allows staging-a staging-b")]
)
def test_an_existing_cluster_is_only_taken_when_named_and_allowed(
    context: str | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(other_backends.ALLOWED_CONTEXTS, "staging-a,staging-b")

    with pytest.raises(PermissionError, match=told), existing_backend(context):
        pytest.fail("it was taken")


@pytest.fixture
def existing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ExistingBackend:
    """An existing cluster that answers everything with the object it is sent."""

    def answer(_self: GuardedApi, _method: str, _target: str, data: str | None, _content_type: str) -> bytes:
        return (data or "{}").encode()

    monkeypatch.setattr(GuardedApi, "_exchange", answer)
    return ExistingBackend(tmp_path, GuardedApi("http://127.0.0.1:9"))


def test_on_an_existing_cluster_tests_write_only_in_namespaces_they_made(existing: ExistingBackend) -> None:
    existing.api.request("POST", "/api/v1/namespaces", NAMESPACE)

    existing.api.request("PATCH", "/apis/apps/v1/namespaces/mine/deployments/a", {})
    existing.api.request("GET", "/api/v1/namespaces/theirs/pods")
    for path in (
        "/api/v1/namespaces/theirs",
        "/apis/apps/v1/namespaces/theirs/deployments/a",
        "/api/v1/nodes/a",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/a",
    ):
        with pytest.raises(PermissionError, match="only in namespaces they made"):
            existing.api.request("PATCH", path, {})


@pytest.mark.parametrize(
    "arguments", [("drain", "node-1"), ("delete", "pods", "--all", "--namespace=theirs"), ("apply", "-f", "-")]
)
def test_on_an_existing_cluster_kubectl_changes_nothing_elsewhere(
    arguments: tuple[str, ...], existing: ExistingBackend
) -> None:
    existing.api.request("POST", "/api/v1/namespaces", NAMESPACE)

    with pytest.raises(PermissionError, match="was not run"):
        existing.kubectl(*arguments)


def test_on_an_existing_cluster_programs_run_only_in_namespaces_that_tests_made(existing: ExistingBackend) -> None:
    existing.api.request("POST", "/api/v1/namespaces", NAMESPACE)

    with pytest.raises(PermissionError, match="was run in namespace theirs"):
        existing.run_in_network("print(1)", namespace="theirs")


@pytest.mark.parametrize("ran_before", [False, True])
@pytest.mark.control_plane  # only because kubectl is built by then
def test_kind_runs_a_pinned_node_image_and_ends_only_what_was_started(
    ran_before: bool,  # noqa: FBT001 -- a parameter of the table
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    calls, clusters, program = tmp_path / "calls", tmp_path / "clusters", tmp_path / "kind"
    clusters.write_text("serinus\n" if ran_before else "")
    program.write_text(FAKE_KIND.format(calls=calls, clusters=clusters, folder=tmp_path, kubeconfig=KUBECONFIG))
    program.chmod(0o755)
    kubeconfig = tmp_path / ".cluster/kind/kubeconfig"
    kubeconfig.parent.mkdir(parents=True)
    kubeconfig.write_text(KUBECONFIG.replace(r"\n", "\n"))
    monkeypatch.setattr(other_backends, "CHECKOUT", tmp_path)
    monkeypatch.setattr(
        shutil, "which", lambda name, which=shutil.which: str(program) if name == "kind" else which(name)
    )
    monkeypatch.chdir(tmp_path)

    with kind_backend(end_always=False) as kind:
        kind.load_image(Path("image.tar"))

    called = calls.read_text()
    assert "load image-archive --name=serinus image.tar" in called
    assert ("--image=kindest/node:v1.34.0" in called) is not ran_before
    assert ("delete cluster" in called) is not ran_before
