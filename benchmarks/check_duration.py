"""How long `make check` takes on this machine, with nothing cached by ruff and mypy from an earlier run."""

import os
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.figures import Conditions, Figure
from tests.cluster.parts.progress import step

CHECKOUT: Final = Path(__file__).parents[1]
LIMIT_SECONDS: Final = 120


def run(*, quick: bool) -> list[Figure]:  # noqa: ARG001 - there is no smaller one
    """Measure."""
    step("running make check")
    with TemporaryDirectory() as empty:
        caches = {"MYPY_CACHE_DIR": f"{empty}/mypy", "RUFF_CACHE_DIR": f"{empty}/ruff"}
        started = time.monotonic()
        done = subprocess.run(
            ["make", "check"], cwd=CHECKOUT, env=os.environ | caches, capture_output=True, text=True, check=False
        )
        seconds = time.monotonic() - started
    if done.returncode:
        step("make check failed:\n" + "\n".join((done.stdout + done.stderr).splitlines()[-20:]))
    conditions = Conditions(f"no caches, {os.cpu_count()} cores", errors=int(done.returncode != 0))
    return [Figure("make check", seconds, "s", conditions, LIMIT_SECONDS)]
