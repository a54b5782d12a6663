"""`make test`: the checks and every test, while the parts of the cluster that come late are still being built."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

BUILD_LOG: Final = Path(".cluster/logs/parts.log")


def main() -> int:
    """Runs the checks, then the tests; the first that fails ends it."""
    started = time.monotonic()
    with _building_parts():
        for command in (["make", "--no-print-directory", "check"], [sys.executable, "-m", "pytest", *_after_check()]):
            _say(started, " ".join(command))
            if code := subprocess.run(command, check=False).returncode:
                _say(started, f"failed with exit code {code}")
                return code
    _say(started, "all passed")
    return 0


def _after_check() -> list[str]:
    """`make check` has run the tests that need nothing; these are the others."""
    return ["-m", "control_plane or cluster"]


@contextmanager
def _building_parts() -> Iterator[None]:
    """Builds in the background; who needs a part before it is there waits for its lock."""
    BUILD_LOG.parent.mkdir(parents=True, exist_ok=True)
    with BUILD_LOG.open("w") as log:
        command = [sys.executable, "-m", "tests.cluster.parts"]
        builder = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            yield
        finally:
            if builder.poll() is None:
                os.killpg(builder.pid, signal.SIGTERM)  # the compilers it started, too
            builder.wait()


def _say(started: float, text: str) -> None:
    sys.stderr.write(f"[{time.monotonic() - started:4.0f} s] {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
