"""`make test`: the checks and every test, while the parts of the cluster that come late are still being built.

Most tests wait more than they compute. So those that need a whole cluster run beside those that need a control plane.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

LOGS: Final = Path(".cluster/logs")
BUILD_LOG: Final = LOGS / "parts.log"
CLUSTER_LOG: Final = LOGS / "cluster-tests.log"
INTERRUPTED: Final = 130

CHECK: Final = ("make", "--no-print-directory", "check")
"""Runs the tests that need nothing, too."""
ON_CONTROL_PLANES: Final = (sys.executable, "-m", "pytest", "-m", "control_plane and not cluster")
ON_A_CLUSTER: Final = (sys.executable, "-m", "pytest", "-m", "cluster")


def main() -> int:
    """Runs the checks, then the tests; the first that fails ends it."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    started = time.monotonic()
    try:
        with _building_parts():
            code = _check(started) or _test(started)
    except KeyboardInterrupt:
        code = INTERRUPTED
    _say(started, f"failed with exit code {code}" if code else "all passed")
    return code


def _check(started: float) -> int:
    _say(started, " ".join(CHECK))
    with _running(CHECK) as process:
        return process.wait()


def _test(started: float) -> int:
    """One run is to be read while it goes on, and the other when both have ended."""
    LOGS.mkdir(parents=True, exist_ok=True)
    _say(started, f"{' '.join(ON_A_CLUSTER)} (what it says is in {CLUSTER_LOG}, and follows below)")
    with CLUSTER_LOG.open("w") as log, _running(ON_A_CLUSTER, log) as whole:
        _say(started, " ".join(ON_CONTROL_PLANES))
        with _running(ON_CONTROL_PLANES) as bare:
            codes = [bare.wait()]
        if whole.poll() is None:
            _say(started, "now waiting for the tests on a cluster")
        codes.append(whole.wait())
    _say(started, " ".join(ON_A_CLUSTER))
    sys.stdout.write(CLUSTER_LOG.read_text(errors="replace"))
    sys.stdout.flush()
    return next((code for code in codes if code), 0)


@contextmanager
def _running(command: tuple[str, ...], log: IO[str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A command that is told once to end, if this here is, and has the time to clear up.

    In a session of its own: a terminal interrupts everything in the foreground, and the second time pytest leaves all
    that it started behind.
    """
    process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        process.wait()


@contextmanager
def _building_parts() -> Iterator[None]:
    """Builds in the background; who needs a part before it is there waits for its lock."""
    LOGS.mkdir(parents=True, exist_ok=True)
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
