"""The image whose one process holds a pod's namespaces, compiled here because no registry is asked for it."""

import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.cluster.images import archive as archives
from tests.cluster.images.archive import Image, architecture
from tests.cluster.images.content import content_of
from tests.cluster.parts import NotBuiltError, debian
from tests.cluster.parts.cache import Entry, obtain

TAG: Final = "localhost/serinus-pause:1"
SOURCE: Final = Path(__file__).with_name("pause.c")
COMPILER: Final = ("gcc", "-static", "-Os", "-s", "-Wall", "-Werror")


def pause_image() -> Path:
    """Return the archive of the image, made if need be."""
    entry = Entry("pause", "1", (content_of(SOURCE, Path(__file__), Path(archives.__file__)), architecture()))
    return obtain(entry, _build)


def _build(archive: Path) -> None:
    debian.ensure("gcc", "libc6-dev")
    with TemporaryDirectory(dir=archive.parent) as scratch:
        program, layer = Path(scratch, "pause"), Path(scratch, "layer.tar")
        done = subprocess.run([*COMPILER, f"-o{program}", SOURCE], capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotBuiltError(f"{COMPILER[0]} did not compile {SOURCE.name}:\n{done.stderr}")
        with tarfile.open(layer, "w") as content:
            content.add(program, arcname="pause")
        Image(TAG, [layer], entrypoint=["/pause"], user="65532:65532").write(archive)
