"""Images of model servers for examples and tests: a folder of Python files, with the packages that they ask for."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.cluster.images import builder, packages
from tests.cluster.images.content import content_of
from tests.cluster.parts.cache import Entry, obtain

DOCKERFILE: Final = Path(__file__).with_name("model.Dockerfile")
PACKAGES: Final = ("libstdc++6",)
"""What numpy and its like ask of a system."""


def model_image(folder: Path, tag: str) -> Path:
    """Return the archive of an image that runs the folder's `server.py` with the packages of its `requirements.txt`.

    A `train.py` is run once, while the image is built.
    """
    chosen = builder.chosen(*PACKAGES)
    recipe = (tag, chosen.base(), content_of(DOCKERFILE, folder))

    def build(archive: Path) -> None:
        with TemporaryDirectory(dir=archive.parent) as context:
            packages.install(folder / "requirements.txt", Path(context, "dependencies"))
            shutil.copytree(folder, Path(context, "model"), ignore=shutil.ignore_patterns("__pycache__"))
            chosen.build(DOCKERFILE, Path(context), tag, archive)

    return obtain(Entry(f"model-{folder.name}", "image", recipe, builder.WORKSHOP), build)
