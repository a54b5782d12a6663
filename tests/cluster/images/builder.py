"""Builds Dockerfiles into archives: with Docker where it runs, else with buildah on a base image of our own."""

import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Protocol

from tests.cluster.images.base import base_image, base_tag
from tests.cluster.parts import NotBuiltError, debian
from tests.cluster.parts.cache import root

WORKSHOP: Final = "image-builder"
"""Dockerfiles are built one at a time: they share a storage."""


class Builder(Protocol):
    """Something that builds Dockerfiles."""

    def base(self) -> str:
        """Return what tells the images it builds from those that others build."""

    def build(self, dockerfile: Path, context: Path, tag: str, archive: Path) -> None:
        """Build an image and save it to an archive under its tag."""


@dataclass(frozen=True)
class Docker:
    """The Docker of this machine, with the base image that the Dockerfile names."""

    def base(self) -> str:
        return "docker"

    def build(self, dockerfile: Path, context: Path, tag: str, archive: Path) -> None:
        _run("docker", "build", f"--file={dockerfile}", f"--tag={tag}", context)
        _run("docker", "save", f"--output={archive}", tag)


@dataclass(frozen=True)
class Buildah:
    """Buildah with a storage of its own, which leaves the user's alone."""

    packages: tuple[str, ...] = ()
    """What the base image holds beside Python, where the Docker image has it already."""

    def base(self) -> str:
        return base_tag(*self.packages)

    def build(self, dockerfile: Path, context: Path, tag: str, archive: Path) -> None:
        debian.ensure("buildah")
        _buildah("rm", "--all")  # what a killed build left
        if not _buildah("images", "--quiet", "--filter", f"reference={self.base()}").strip():
            _buildah("pull", "--quiet", f"docker-archive:{base_image(*self.packages)}")
        _buildah(
            "build",
            "--isolation=chroot",
            "--layers",
            "--force-rm",
            "--pull-never",
            f"--build-arg=BASE={self.base()}",
            f"--file={dockerfile}",
            f"--tag={tag}",
            context,
        )
        for name in _buildah("images", "--format={{.Name}}:{{.Tag}}").split():
            if name != tag and name.startswith(f"{tag.rpartition(':')[0]}:"):
                _buildah("rmi", name)  # superseded: else the storage would grow with every change
        _buildah("push", "--quiet", tag, f"docker-archive:{archive}:{tag}")
        _buildah("rmi", "--prune")


def chosen(*packages: str) -> Builder:
    """Return the builder that this machine has; its base image holds these Debian packages."""
    return Docker() if docker_runs() else Buildah(packages)


@cache
def docker_runs() -> bool:
    """Say whether a Docker daemon answers."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def _buildah(*arguments: str | Path) -> str:
    # Its mounts end with it, however it ends, and what a Dockerfile runs finds no network.
    storage = f"--root={root() / 'buildah/storage'}", f"--runroot={root() / 'buildah/run'}", "--storage-driver=overlay"
    return _run("unshare", "--mount", "--net", "buildah", *storage, *arguments)


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise NotBuiltError(f"{' '.join(str(word) for word in command)}\nended with {done.returncode}:\n{said}")
    return done.stdout
