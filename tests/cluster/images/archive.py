"""Image archives as `docker save` writes them: containerd, kind, buildah, podman and Docker all read these.

The images that are not built from a Dockerfile are written here.
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""What the machine calls its architecture, and what images call it."""


@dataclass(frozen=True)
class Image:
    """An image of given layers, each an uncompressed tar file, the lowest first."""

    tag: str
    layers: Sequence[Path]
    entrypoint: Sequence[str] = ()
    user: str = ""

    def write(self, archive: Path) -> None:
        """Write the image to an archive."""
        layers = [_digest(layer) for layer in self.layers]
        configuration = json.dumps(
            {
                "architecture": architecture(),
                "os": "linux",
                "config": {"Entrypoint": [*self.entrypoint], "User": self.user},
                "history": [{"created_by": "tests.cluster.images"} for _ in layers],
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}" for layer in layers]},
            }
        ).encode()
        name = f"{hashlib.sha256(configuration).hexdigest()}.json"
        manifest = {"Config": name, "RepoTags": [self.tag], "Layers": [f"{layer}.tar" for layer in layers]}
        with tarfile.open(archive, "w") as target:
            _add(target, "manifest.json", json.dumps([manifest]).encode())
            _add(target, name, configuration)
            for layer, path in zip(layers, self.layers, strict=True):
                target.add(path, arcname=f"{layer}.tar")


def architecture() -> str:
    """Return what images call this machine's architecture."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _add(target: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    target.addfile(entry, io.BytesIO(content))
