"""The operator as its image holds it: exactly its pinned dependencies and the project, compiled, in folders."""

import compileall
import platform
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

from tests.cluster.parts.cache import Entry, NotBuiltError, obtain

CHECKOUT: Final = Path(__file__).parents[1]
REQUIREMENTS: Final = CHECKOUT / "requirements/operator.txt"
SOURCES: Final = CHECKOUT / "operator/serinus"
INSTALLED: Final = CHECKOUT / "build/benchmarks"
"""The operator as it was when the benchmarks began: editing goes on meanwhile."""


def install() -> str:
    """Return the PYTHONPATH of the operator's sources as they are now, and of its dependencies."""
    python = f"{platform.python_implementation()}-{platform.python_version()}".lower()
    recipe = sha256(REQUIREMENTS.read_bytes()).hexdigest()
    dependencies = obtain(Entry("operator-dependencies", python, (recipe,)), _install_dependencies)
    shutil.rmtree(INSTALLED, ignore_errors=True)
    shutil.copytree(SOURCES, INSTALLED / "serinus", ignore=shutil.ignore_patterns("__pycache__"))
    _compile(INSTALLED)
    return f"{INSTALLED}:{dependencies}"


def _install_dependencies(folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    wanted = ["--require-hashes", f"--requirement={REQUIREMENTS}", f"--target={folder}"]
    done = subprocess.run([*pip, *wanted], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotBuiltError(f"pip install ended with {done.returncode}:\n{done.stderr}")
    _compile(folder)


def _compile(folder: Path) -> None:
    compileall.compile_dir(folder, quiet=2)
