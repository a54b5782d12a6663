"""What a test may ask of a cluster, whichever runs it: the local one, kind, or one that exists already."""

import os
import secrets
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Final

from tests.cluster.api import Api
from tests.cluster.parts import ensure

PYTHON_IMAGE: Final = "python:3.11-slim"


class Capability(StrEnum):
    """What not every cluster offers; a test that needs it says so: `@pytest.mark.requires("gateway")`."""

    DRAIN = "drain"
    """Nodes may be cordoned, drained and lost."""
    GATEWAY = "gateway"
    """A Gateway `public` in namespace `gateway` takes HTTPRoutes of every namespace."""
    LOAD_IMAGE = "load-image"
    """Images come in as archives, without a registry."""
    LOSE_NODE = "lose-node"
    """The second node can be cut off, as if it were gone."""
    METRICS = "metrics"
    """metrics.k8s.io answers, so autoscalers work."""
    SECOND_NODE = "second-node"


class Backend(ABC):
    """A running cluster."""

    name: ClassVar[str]
    capabilities: ClassVar[frozenset[Capability]]
    kubeconfig: Path
    api: Api

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints; a failure raises with what it says."""
        return run_kubectl(self.kubeconfig, arguments, stdin)

    @abstractmethod
    def load_image(self, archive: Path) -> None:
        """Brings an image archive to every node."""

    @abstractmethod
    def python_image(self) -> str:
        """The name of an image with Python in it that pods can run."""

    @property
    @abstractmethod
    def gateway_url(self) -> str:
        """Where the machine reaches the Gateway."""

    @abstractmethod
    def command_in_network(self, program: str, *arguments: str, namespace: str) -> list[str]:
        """The command that runs a Python program where Services and pods are reached and names are resolved.

        It has the standard library and nothing else; on other clusters than the local one it runs as a pod.
        """

    def run_in_network(
        self, program: str, *arguments: str, namespace: str, timeout: float = 60, stdin: str = ""
    ) -> str:
        """What such a program prints."""
        command = self.command_in_network(program, *arguments, namespace=namespace)
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode:
            raise RuntimeError(
                f"a program in the cluster's network ended with {done.returncode}:\n{done.stderr.strip()}"
            )
        return done.stdout

    def second_node_lost(self) -> AbstractContextManager[None]:
        """Inside, the second node neither reports nor is reached."""
        raise LookupError(self.why_lacking(Capability.LOSE_NODE))

    def why_lacking(self, capability: Capability) -> str | None:
        """The sentence for a test that needs more than there is."""
        if capability in self.capabilities:
            return None
        return f"the {self.name} cluster has no {capability}: run this with --cluster=local"


class PodNetwork(Backend):
    """A cluster whose network only its pods can enter."""

    def python_image(self) -> str:
        return PYTHON_IMAGE

    @property
    def gateway_url(self) -> str:
        raise LookupError(self.why_lacking(Capability.GATEWAY))

    def command_in_network(self, program: str, *arguments: str, namespace: str) -> list[str]:
        target = [
            "run",
            f"program-{secrets.token_hex(3)}",
            f"--namespace={namespace}",
            f"--image={self.python_image()}",
        ]
        options = ["--rm", "--stdin", "--quiet", "--restart=Never", f"--kubeconfig={self.kubeconfig}"]
        command = [str(kubectl_program()), *target, *options, "--command"]
        return [*command, "--", "python3", "-c", program, *arguments]


def kubectl_program() -> Path:
    """The kubectl that this checkout builds, or the machine's own where there is no Go."""
    if shutil.which("go") is None and (own := shutil.which("kubectl")):
        return Path(own)
    return ensure("kubectl")


def run_kubectl(kubeconfig: Path, arguments: Sequence[str], stdin: str | None = None) -> str:
    done = subprocess.run(
        [kubectl_program(), *arguments],
        env=os.environ | {"KUBECONFIG": str(kubeconfig)},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
