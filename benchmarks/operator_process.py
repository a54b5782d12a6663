"""The operator as a process of its own, and what the benchmarks read of it: memory, metrics, complaints."""

import json
import os
import re
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.processor import processor_seconds
from tests.cluster.api import Api, ApiError
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import NotYetError, eventually
from tests.cluster.parts.progress import step
from tests.cluster.ports import free_port
from tests.cluster.processes import ProcessEndedError

USER: Final = "serinus"
"""The user it is to the API server, and nobody else is."""
QUIET_SECONDS: Final = 5.0
"""An operator is at rest when it took nothing up for so long."""
SAMPLE_SECONDS: Final = 0.5
END_SECONDS: Final = 30


@dataclass(frozen=True)
class Memory:
    """Resident memory in MB (of 1,000,000 bytes)."""

    now: float
    peak: float
    """The most it ever was."""


class OperatorProcess:
    """Runs from the moment it is made until `stop` or `kill`."""

    def __init__(
        self,
        plane: ControlPlane,
        python_path: str,
        name: str,
        *flags: str,
        program: Sequence[str] = ("-P", "-m", "serinus"),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._log = plane.launcher.log_of(name)
        port = free_port()
        self._own = Api(f"http://127.0.0.1:{port}")
        self.started_at = time.monotonic()
        self._process = plane.launcher.start(
            name,
            # -S: Kopf imports every client library it finds, so what is installed beside this interpreter is hidden.
            [sys.executable, "-S", *program, "operator", f"--port={port}", *flags],
            environment={
                "KUBECONFIG": str(plane.inner_kubeconfig(USER)),
                "PYTHONPATH": python_path,
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONUNBUFFERED": "1",
                **(environment or {}),
            },
        )

    def wait_until_in_step(self, timeout: float) -> float:
        """Return how many seconds after its start it knew the whole cluster."""
        eventually(self._is_ready, timeout, "the operator is ready")
        return time.monotonic() - self.started_at

    def wait_until_at_rest(self, timeout: float, quiet_seconds: float = QUIET_SECONDS) -> None:
        """Return when there is nothing in its queue, and nothing came for a while."""
        seen, since = -1.0, time.monotonic()

        def rests() -> bool:
            nonlocal seen, since
            added = self.metric("workqueue_adds_total")
            busy = self.metric("workqueue_depth") + self.metric("controller_runtime_active_workers")
            if added != seen or busy:
                seen, since = added, time.monotonic()
            quiet = time.monotonic() - since
            if quiet < quiet_seconds:
                raise NotYetError(f"{added:.0f} keys taken up, {busy:.0f} waiting or in work, quiet for {quiet:.1f} s")
            return True

        eventually(rests, timeout, "the operator is at rest", interval=SAMPLE_SECONDS)

    def watch_memory(self, seconds: float) -> Memory:
        """Return the largest memory seen within some seconds, and the peak since its start."""
        samples = [self.memory()]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(SAMPLE_SECONDS)
            samples.append(self.memory())
        most = max(sample.now for sample in samples)
        return Memory(most, max(most, samples[-1].peak))  # the kernel brings its own peak up to date now and then

    def memory(self) -> Memory:
        """Return its resident memory."""
        self._check()
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        kilobytes = dict(re.findall(r"^(Vm\w+):\s+(\d+) kB$", status, re.MULTILINE))
        return Memory(now=int(kilobytes["VmRSS"]) * 1024 / 1e6, peak=int(kilobytes["VmHWM"]) * 1024 / 1e6)

    def processor_seconds(self) -> float:
        """Return the CPU time it has used."""
        self._check()
        return processor_seconds(self._process.pid)

    def metric(self, name: str) -> float:
        """Return one of its own metrics, summed over labels."""
        values = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", self.metrics(), re.MULTILINE)
        return sum(map(float, values))

    def metrics(self) -> str:
        """Return all its own metrics, as it exposes them."""
        self._check()
        return self._own.text("/metrics")

    def count_complaints(self) -> int:
        """Return how often it logged a warning or worse, which nothing in a benchmark gives it reason to."""
        lines = self._log.read_text(errors="replace").splitlines()
        complaints = [line for line in lines if not _is_calm(line)]
        for line in complaints:
            step(f"the operator complained: {line}")
        return len(complaints)

    def kill(self) -> None:
        """End it by SIGKILL, as the machine would."""
        self._check()
        self._process.kill()
        eventually(lambda: not self._process.runs(), END_SECONDS, "the operator has ended", interval=0.001)

    def stop(self) -> None:
        """Ask it to end and return when it has."""
        self._check()
        os.kill(self._process.pid, signal.SIGTERM)
        eventually(lambda: not self._process.runs(), END_SECONDS, "the operator has ended")

    def _is_ready(self) -> bool:
        self._check()
        try:
            return self._own.text("/readyz") == "ok\n"
        except (OSError, ApiError) as error:
            raise NotYetError(error) from error

    def _check(self) -> None:
        if not self._process.runs():
            lines = self._log.read_text(errors="replace").splitlines()[-20:]
            raise ProcessEndedError("the operator ended; its log closes with:\n  " + "\n  ".join(lines))


def _is_calm(line: str) -> bool:
    try:
        return json.loads(line)["level"] in ("debug", "info")
    except (ValueError, KeyError):
        return False
