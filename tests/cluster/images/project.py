"""The image of operator and monitor: the Dockerfile at the root of the checkout, and what it copies."""

import shutil
from pathlib import Path
from typing import Final

from tests.cluster.images import builder, packages
from tests.cluster.images.content import content_of
from tests.cluster.parts.cache import Entry, obtain

CHECKOUT: Final = Path(__file__).parents[3]
DOCKERFILE: Final = CHECKOUT / "Dockerfile"
REQUIREMENTS: Final = CHECKOUT / "requirements/operator.txt"
SOURCES: Final = (CHECKOUT / "operator", CHECKOUT / "pyproject.toml")
PACKAGES: Final = ("haproxy",)
"""What the Dockerfile installs where the base image has none."""
INPUTS: Final = CHECKOUT / "build/image"


def build_image(tag: str) -> Path:
    """Return the archive of the image, made anew if what goes into it has changed."""
    chosen = builder.chosen(*PACKAGES)
    recipe = (tag, chosen.base(), content_of(DOCKERFILE, REQUIREMENTS, *SOURCES))

    def build(archive: Path) -> None:
        prepare_inputs()
        chosen.build(DOCKERFILE, CHECKOUT, tag, archive)

    return obtain(Entry("serinus", "image", recipe, builder.WORKSHOP), build)


def prepare_inputs() -> Path:
    """Put what the Dockerfile copies below build/image, so that any builder can build it."""
    dependencies = Entry("dependencies", packages.PYTHON, (content_of(REQUIREMENTS),))
    unpacked = obtain(dependencies, lambda folder: packages.install(REQUIREMENTS, folder))
    shutil.rmtree(INPUTS, ignore_errors=True)
    shutil.copytree(unpacked, INPUTS / "dependencies")
    packages.install_project(CHECKOUT, INPUTS / "serinus")
    return INPUTS
