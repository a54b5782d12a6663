"""`make install`: brings the operator's image to a cluster and the chart by helm. The demo and e2e tests call it too.

The cluster is the one of KUBECONFIG, or else the local one of this checkout, which is started if need be.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from tests.cluster import machine
from tests.cluster.backends import run_kubectl
from tests.cluster.images import build_image
from tests.cluster.images.content import content_of
from tests.cluster.images.project import DOCKERFILE, REQUIREMENTS, SOURCES
from tests.cluster.instance import CHECKOUT, Instance
from tests.cluster.local import LocalCluster
from tests.cluster.parts import NotBuiltError, ensure
from tests.cluster.parts.progress import step

CHART: Final = CHECKOUT / "charts/serinus"
NAMESPACE: Final = "serinus-system"
OWN_IMAGE: Final = "SERINUS_IMAGE"
OWN_MODEL_IMAGE: Final = "SERINUS_MODEL_IMAGE"
ELSEWHERE: Final = (
    "Or take a cluster that you have, one of kind for example: KUBECONFIG=FILE make install, "
    "or USE_KUBECONFIG=1 make demo."
)
WAIT: Final = "120s"
NAMESPACE_MANIFEST: Final = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
}


class Destination(Protocol):
    """A cluster that something is installed into; every test back end is one."""

    @property
    def kubeconfig(self) -> Path:
        """Return the file that leads there."""

    def load_image(self, archive: Path) -> None:
        """Bring an image archive to every node."""


@dataclass(frozen=True)
class Local:
    """The local cluster of this checkout."""

    cluster: LocalCluster

    @property
    def kubeconfig(self) -> Path:
        return self.cluster.instance.kubeconfig

    def load_image(self, archive: Path) -> None:
        self.cluster.load_image(archive)


@dataclass(frozen=True)
class Kind:
    """A kind cluster that is not of the tests' making."""

    kubeconfig: Path
    name: str

    def load_image(self, archive: Path) -> None:
        if shutil.which("kind") is None:
            raise NotBuiltError(f"The cluster {self.name} is one of kind, and there is no kind command to load images.")
        subprocess.run(["kind", "load", "image-archive", f"--name={self.name}", archive], check=True)


@dataclass(frozen=True)
class Remote:
    """A cluster whose nodes pull their images from a registry."""

    kubeconfig: Path
    context: str

    def load_image(self, archive: Path) -> None:
        raise NotBuiltError(
            f"The nodes of {self.context} pull their images, so the image must be where they can pull it: "
            f"push {archive} there and name it in {OWN_IMAGE}=REPOSITORY:TAG ({OWN_MODEL_IMAGE} for the demo's model)."
        )


def destination(kubeconfig: str | None, instance: Instance) -> Destination:
    """Return the cluster that a kubeconfig names, or else the local one, started if need be."""
    local = LocalCluster(instance)
    if kubeconfig is None or Path(kubeconfig).absolute() == local.instance.kubeconfig:
        if reason := machine.why_not():
            raise NotBuiltError(f"{reason}\n{ELSEWHERE}")
        local.up()
        return Local(local)
    if not any(Path(file).is_file() for file in kubeconfig.split(os.pathsep)):
        raise NotBuiltError(f"KUBECONFIG is {kubeconfig}, and there is no such file.")
    files = Path(kubeconfig)
    context = run_kubectl(files, ["config", "current-context"]).strip()
    name = context.removeprefix("kind-")
    return Kind(files, name) if name != context else Remote(files, context)


def install(cluster: Destination) -> None:
    """Bring the operator of this checkout to a cluster, or this version of it where another one runs."""
    image = os.environ.get(OWN_IMAGE) or bring(
        cluster, f"localhost/serinus:{content_of(DOCKERFILE, REQUIREMENTS, *SOURCES)[:12]}", build_image
    )
    repository, _, tag = image.rpartition(":")
    step(f"helm upgrade --install serinus, with the image {image}")
    run_kubectl(cluster.kubeconfig, ["apply", "--server-side", "--filename=-"], json.dumps(NAMESPACE_MANIFEST))
    # Definitions may be there from `kubectl apply` or from tests: the release takes them over.
    done = subprocess.run(
        [
            *(helm_program(), "upgrade", "--install", "serinus", CHART, f"--namespace={NAMESPACE}", "--take-ownership"),
            *("--set-string", f"image.repository={repository},image.tag={tag}", "--wait", f"--timeout={WAIT}"),
        ],
        env=os.environ | {"KUBECONFIG": str(cluster.kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotBuiltError(f"helm ended with {done.returncode}: {done.stderr.strip()}\n{state_of_operator(cluster)}")
    step("the operator is ready")


def bring(cluster: Destination, tag: str, build: Callable[[str], Path]) -> str:
    """Build an image, bring it to the cluster's nodes and return its name there."""
    archive = build(tag)
    step(f"loading {tag}, {archive.stat().st_size / 1e6:.0f} MB")
    cluster.load_image(archive)
    return tag


def main(instance: Instance) -> int:
    """Install, and say what went wrong in a sentence."""
    try:
        cluster = destination(os.environ.get("KUBECONFIG"), instance)
        install(cluster)
    except NotBuiltError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    file = cluster.kubeconfig
    shown = file.relative_to(CHECKOUT) if file.is_relative_to(CHECKOUT) else file
    sys.stdout.write(
        f"Serinus is installed.\n"
        f"  kubectl --kubeconfig {shown} --namespace {NAMESPACE} get pods\n"
        f"  kubectl --kubeconfig {shown} apply --filename examples/minimal.yaml\n"
    )
    return 0


def helm_program() -> Path:
    """Return the helm that this checkout builds, or the machine's own where there is no Go."""
    if shutil.which("go") is None and (own := shutil.which("helm")):
        return Path(own)
    return ensure("helm")


def state_of_operator(cluster: Destination) -> str:
    """Return what a person would look at next."""
    of_operator = [f"--namespace={NAMESPACE}", "--selector=app.kubernetes.io/name=serinus"]
    pods = run_kubectl(cluster.kubeconfig, ["get", "pods", "--output=wide", *of_operator])
    events = run_kubectl(
        cluster.kubeconfig, ["get", "events", f"--namespace={NAMESPACE}", "--field-selector=type=Warning"]
    )
    logs = run_kubectl(cluster.kubeconfig, ["logs", "--tail=20", "--prefix", "--ignore-errors", *of_operator])
    return f"{pods}{events}{logs}"
