"""A model on loopback with the proxy and the monitor as they are shipped, each under its keeper, and a bare HAProxy."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from benchmarks.load_program import LOOPBACK, NUMBERED, start_model
from benchmarks.monitor_traffic import profile_of, serving_of
from serinus.api.sidecars import PATH_EVIDENCE, SERVING
from serinus.monitor.exchange import Outcome
from serinus.monitor.proxy.haproxy import PROGRAM, Ports
from tests.cluster.eventually import NotYetError, eventually
from tests.cluster.parts import debian
from tests.cluster.ports import free_port
from tests.monitor.keyring import write_keys

SECONDS: Final = 20
TOKEN: Final = "token"  # noqa: S105 - of benchmarks
BARE: Final = """
global
    nbthread 1
defaults
    mode http
    option http-no-delay
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend clients
    bind 127.0.0.1:{clients}
    default_backend model
backend model
    server model 127.0.0.1:{model}
"""


class Counted(NamedTuple):
    """What the monitor has counted."""

    requests: int
    numbers: float
    """The sum of those in the requests, see load_program.py."""


@dataclass(frozen=True)
class WatchedPod:
    """The ports that can be asked for predictions, and the processes."""

    direct: int
    bare: int
    ports: Ports
    model: int
    """The id of its process."""
    proxy_keeper: int
    monitor_keeper: int

    @property
    def proxy(self) -> int:
        """The id of HAProxy, which is another one after a restart."""
        return _child_of(self.proxy_keeper)

    @property
    def monitor(self) -> int:
        """The id of the monitor, which is another one after a restart."""
        return _child_of(self.monitor_keeper)

    def evidence(self) -> dict[str, Any]:
        """Return all that the monitor has counted since it began: nothing is ever acknowledged."""
        document: dict[str, Any] = json.loads(_get(self.ports.monitor, PATH_EVIDENCE))
        return document

    def counted(self) -> Counted:
        """Return what it has counted as answered."""
        counts = self.evidence()["counts"].get("")
        if counts is None:
            return Counted(0, 0.0)
        return Counted(counts["requests"][Outcome.ANSWERED.name], counts["features"][NUMBERED]["sum"])

    def counted_in_the_end(self, expected: int, timeout: float = SECONDS) -> Counted:
        """Return the same once all that is expected has come, or nothing comes any more."""
        with suppress(AssertionError):  # the figure says it
            eventually(lambda: self.counted().requests >= expected, timeout, "all requests are counted")
        return self.counted()


@contextmanager
def watched_pod() -> Iterator[WatchedPod]:
    """Yield one that is ready."""
    debian.ensure("haproxy")
    with TemporaryDirectory() as name, ExitStack() as running:
        folder = write_keys(Path(name), token=TOKEN)
        content, profile = profile_of(10)
        (folder / "profile.json").write_bytes(content)
        direct, bare = free_port(), free_port()
        ports = Ports(free_port(), free_port(), free_port(), free_port())
        (folder / "bare.cfg").write_text(BARE.format(clients=bare, model=direct))
        serving = json.dumps(serving_of("JSON", profile) | {"modelPort": direct})

        def sidecar(role: str) -> int:
            command = [sys.executable, "-m", "benchmarks.sidecar", role, name, *map(str, ports)]
            environment = os.environ | {SERVING: serving}
            return running.enter_context(_ended(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)))

        model = running.enter_context(_ended(start_model(direct)))
        running.enter_context(_ended(subprocess.Popen([PROGRAM, "-db", "-q", "-f", f"{folder}/bare.cfg"])))
        pod = WatchedPod(direct, bare, ports, model, sidecar("proxy"), sidecar("monitor"))
        eventually(lambda: _get(ports.health, "/ready") and _get(ports.monitor, "/healthz"), SECONDS, "all is ready")
        yield pod


def machine() -> str:
    """Return how busy the machine is, before it is asked for anything."""
    return f"load average before {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def described(failed: Mapping[str, int]) -> str:
    """Return what went wrong, for people."""
    return ", ".join(f"{number} {kind}" for kind, number in failed.items()) or "none failed"


@contextmanager
def _ended(process: "subprocess.Popen[bytes]") -> Iterator[int]:
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(SECONDS)


def _child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _get(port: int, path: str) -> str:
    request = urllib.request.Request(f"http://{LOOPBACK}:{port}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310 - of loopback
            return str(response.read().decode()) or "-"
    except OSError as error:
        raise NotYetError(error) from error
