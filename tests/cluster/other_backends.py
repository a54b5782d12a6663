"""Clusters that are not ours: kind where Docker runs, and one that exists already."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest_kind.cluster
import yaml

from tests.cluster.api import Api
from tests.cluster.backends import Capability, PodNetwork, run_kubectl
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


class ExistingBackend(PodNetwork):
    """A cluster that is there for others too: nothing is changed in it but in the namespaces made by the tests."""

    name = "existing"
    capabilities = frozenset()

    def __init__(self, kubeconfig: Path, server: str) -> None:
        self.kubeconfig = kubeconfig
        self.api = GuardedApi(server)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        ours = {f"--namespace={name}" for name in self.api.made} & set(arguments)
        if arguments[0] not in READING and not ours:
            raise PermissionError(
                f"kubectl {' '.join(arguments)} was not run: on an existing cluster tests change only namespaces they "
                "made, named by --namespace=NAME"
            )
        return super().kubectl(*arguments, stdin=stdin)

    def load_image(self, archive: Path) -> None:
        raise LookupError(str(self.why_lacking(Capability.LOAD_IMAGE)))
