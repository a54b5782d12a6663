"""Clusters that are not ours: kind where Docker runs, and one that exists already."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest_kind.cluster
import yaml

from tests.cluster.api import Api, Json
from tests.cluster.backends import Capability, PodNetwork, kubectl_program, run_kubectl
from tests.cluster.instance import CHECKOUT

KIND_NAME: Final = "serinus"
KIND_VERSION: Final = "v0.30.0"
"""Fetched by pytest-kind where no kind is on the PATH; its own default knows no Kubernetes of today."""
NODE_IMAGE: Final = "kindest/node:v1.34.0"
KIND_NODES: Final = {
    "kind": "Cluster",
    "apiVersion": "kind.x-k8s.io/v1alpha4",
    "nodes": [{"role": "control-plane"}, {"role": "worker"}, {"role": "worker"}],
}
ALLOWED_CONTEXTS: Final = "SERINUS_TEST_CONTEXTS"
READING: Final = ("get", "describe", "logs", "top", "wait", "explain", "version", "api-resources", "auth", "events")


class KindBackend(PodNetwork):
    """A cluster whose nodes are Docker containers."""

    name = "kind"
    capabilities = frozenset({Capability.DRAIN, Capability.LOAD_IMAGE, Capability.SECOND_NODE})

    def __init__(self, cluster: pytest_kind.cluster.KindCluster, api: Api) -> None:
        self.cluster = cluster
        self.kubeconfig = cluster.kubeconfig_path
        self.api = api

    def load_image(self, archive: Path) -> None:
        command = [self.cluster.kind_path, "load", "image-archive", f"--name={self.cluster.name}", archive]
        subprocess.run(command, check=True)


class GuardedApi(Api):
    """Reads everything, but writes only in namespaces that were made through it."""

    def __init__(self, server: str) -> None:
        super().__init__(server)
        self.made: set[str] = set()

    def request(
        self,
        method: str,
        path: str,
        body: Json | str | None = None,
        *,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Json:
        namespace = re.match(r"/apis?/.*?namespaces/([^/]+)", path)
        makes_namespace = method == "POST" and path == "/api/v1/namespaces"
        if method != "GET" and not makes_namespace and not (namespace and namespace[1] in self.made):
            raise PermissionError(
                f"{method} {path} was not sent: on an existing cluster tests write only in namespaces they made"
            )
        answer = super().request(method, path, body, content_type=content_type, query=query)
        if makes_namespace:
            self.made.add(answer["metadata"]["name"])
        return answer


class ExistingBackend(PodNetwork):
    """A cluster that is there for others too: nothing is changed in it but in the namespaces made by the tests."""

    name = "existing"
    capabilities = frozenset()

    def __init__(self, kubeconfig: Path, api: GuardedApi) -> None:
        self.kubeconfig = kubeconfig
        self.api: GuardedApi = api

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        ours = {f"--namespace={name}" for name in self.api.made}
        if arguments[0] not in READING and ours.isdisjoint(arguments):
            raise PermissionError(
                f"kubectl {' '.join(arguments)} was not run: on an existing cluster tests change only namespaces they "
                "made, named by --namespace=NAME"
            )
        return super().kubectl(*arguments, stdin=stdin)

    def command_in_network(self, program: str, *arguments: str, namespace: str) -> list[str]:
        if namespace not in self.api.made:
            raise PermissionError(
                f"no program was run in namespace {namespace}: on an existing cluster it must be ours"
            )
        return super().command_in_network(program, *arguments, namespace=namespace)

    def load_image(self, archive: Path) -> None:
        raise LookupError(f"{self.why_lacking(Capability.LOAD_IMAGE)} ({archive.name} was not loaded)")


@contextmanager
def kind_backend(*, end_always: bool) -> Iterator[KindBackend]:
    """A kind cluster, made if need be; one that ran before runs on, unless it is to end in any case."""
    pytest_kind.cluster.KIND_VERSION = KIND_VERSION
    folder = CHECKOUT / ".cluster" / "kind"
    folder.mkdir(parents=True, exist_ok=True)
    nodes = folder / "nodes.yaml"
    nodes.write_text(yaml.safe_dump(KIND_NODES))
    on_path = shutil.which("kind")
    cluster = pytest_kind.cluster.KindCluster(
        KIND_NAME, folder / "kubeconfig", NODE_IMAGE, Path(on_path) if on_path else None, kubectl_program()
    )
    cluster.ensure_kind()
    listed = subprocess.run([cluster.kind_path, "get", "clusters"], capture_output=True, text=True, check=True)
    ran_before = KIND_NAME in listed.stdout.split()
    try:
        cluster.create(nodes)
        with _proxied(cluster.kubeconfig_path) as server:
            yield KindBackend(cluster, Api(server))
    finally:
        if end_always or not ran_before:
            cluster.delete()


@contextmanager
def existing_backend(context: str | None) -> Iterator[ExistingBackend]:
    """The cluster of a kubeconfig's context that the user both named and allowed."""
    allowed = os.environ.get(ALLOWED_CONTEXTS, "").replace(",", " ").split()
    if context is None:
        raise PermissionError("--cluster=existing needs --kubeconfig-context=NAME: no cluster is taken by accident")
    if context not in allowed:
        raise PermissionError(
            f"the context {context} may not be used for tests: {ALLOWED_CONTEXTS} allows {' '.join(allowed) or 'none'}"
        )
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = Path(folder, "kubeconfig")
        # A copy of this one context: nothing that a test does can reach another.
        view = ["config", "view", "--raw", "--minify", "--flatten", f"--context={context}"]
        source = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(run_kubectl(source, view))
        with _proxied(kubeconfig) as server:
            yield ExistingBackend(kubeconfig, GuardedApi(server))


@contextmanager
def _proxied(kubeconfig: Path) -> Iterator[str]:
    """The API server's address through `kubectl proxy`, which knows every way to log in."""
    command = (kubectl_program(), "proxy", "--port=0")
    environment = os.environ | {"KUBECONFIG": str(kubeconfig)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as proxy:
        try:
            said = proxy.stdout.readline() if proxy.stdout else ""
            address = re.search(r"127\.0\.0\.1:\d+", said)
            if address is None:
                raise RuntimeError(f"kubectl proxy did not start: {said}")
            yield f"http://{address[0]}"
        finally:
            proxy.terminate()
