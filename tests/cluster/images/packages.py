"""Python packages, put into folders that a Dockerfile copies: on the machine, for an image build has no network."""

import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.cluster.parts import NotBuiltError

PYTHON: Final = "3.11"
"""The Python of the images, whichever runs here."""


def install(requirements: Path, folder: Path) -> None:
    """Unpack what a requirements file asks for, as the image's Python and system need it."""
    machine = {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    _run_pip(
        "install",
        "--no-compile",
        "--only-binary=:all:",
        "--implementation=cp",
        f"--python-version={PYTHON}",
        *(f"--platform={system}_{machine}" for system in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")),
        f"--target={folder}",
        f"--requirement={requirements}",
    )
    # Commands beside the packages begin with the path of this machine's interpreter.
    shutil.rmtree(folder / "bin", ignore_errors=True)


def install_project(project: Path, folder: Path) -> None:
    """Unpack the project's own wheel."""
    with TemporaryDirectory() as scratch:
        _run_pip("wheel", "--no-deps", f"--wheel-dir={scratch}", str(project))
        [wheel] = Path(scratch).iterdir()
        with zipfile.ZipFile(wheel) as content:
            content.extractall(folder)


def _run_pip(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotBuiltError(f"pip {arguments[0]} ended with {done.returncode}:\n{done.stderr}")
