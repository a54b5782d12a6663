"""The operator as tests run it: a real process, with a kubeconfig and a log, that can be killed at any moment."""

import http.client
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

import yaml

from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.instance import CHECKOUT
from tests.cluster.ports import free_port
from tests.cluster.processes import MARK

MANIFESTS: Final = CHECKOUT / "manifests" / "install.yaml"
IDENTITY: Final = ("Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
"""What of an installation says who the operator is and what it may do."""
NAMESPACE: Final = "serinus-system"
SERVICE_ACCOUNT: Final = "serinus"
START_SECONDS: Final = 60
STOP_SECONDS: Final = 20
OBSTACLE_SECONDS: Final = 1
IMAGE: Final = "serinus:test"
"""Of sidecars; simulated nodes run any."""
LOG_LINES: Final = 60

_METRIC: Final = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")


@dataclass
class OperatorProcess:
    """One replica. As a context manager it starts, and ends with its log in the traceback if the test failed.

    `pod_uid` stays the same over restarts, as it does for a container that restarts in its pod.
    """

    plane: ControlPlane
    kubeconfig: Path
    log: Path
    flags: tuple[str, ...] = ()
    pod_uid: str = field(default_factory=lambda: str(uuid4()))
    port: int = field(default_factory=free_port)
    program: tuple[str, ...] = ("-m", "serinus")
    """What the interpreter runs."""
    environment: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if not self.runs():
            self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        # In good order, so that the next one on this control plane need not wait for the Lease to run out.
        if self.runs():
            self.thaw()
            self.stop()
        if error:
            error.add_note(f"end of {self.log}:\n{self.log_tail()}")

    def start(self, *, until_ready: bool = True) -> None:
        """Start the process; its log goes on where the one before it ended."""
        assert not self.runs(), "this operator runs already"
        command = [sys.executable, *self.program, "operator", f"--port={self.port}", f"--pod-uid={self.pod_uid}"]
        # With the plane's mark it ends with the plane, also where the tests themselves were killed.
        environment = {"PATH": os.environ["PATH"], "KUBECONFIG": str(self.kubeconfig), MARK: self.plane.launcher.mark}
        environment |= self.environment
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *command,
                    f"--namespace={NAMESPACE}",
                    f"--obstacle-seconds={OBSTACLE_SECONDS}",
                    f"--image={IMAGE}",
                    *self.flags,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )
        if until_ready:
            self.wait_until_ready()

    def kill(self) -> None:
        """End it by SIGKILL, as the machine would; nothing happens where it has ended."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End it by SIGTERM, as a kubelet does; returns the exit code."""
        return self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Let it do nothing, as a machine does that is starved or a guest that is moved."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """Kill it and start it again in the same pod."""
        self.kill()
        self.start()

    def runs(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Wait for /readyz."""
        eventually(self._is_ready, START_SECONDS, f"the operator is ready; its log: {self.log}")

    def complaint(self) -> str:
        """What /readyz says; empty where the operator is ready or does not answer yet."""
        try:
            status, text = self._answer("/readyz")
        except OSError:
            return ""
        return "" if status == http.HTTPStatus.OK else text

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over all series that have these labels."""
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        lines = (match for line in self._answer("/metrics")[1].splitlines() if (match := _METRIC.match(line)))
        return sum(
            float(value)
            for found, given, value in (line.groups() for line in lines)
            if found == name and wanted <= set((given or "").split(","))
        )

    def log_tail(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_LINES:])

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._signal(how)
        try:
            return self._process.wait(STOP_SECONDS)
        finally:
            self._process.kill()

    def _signal(self, which: signal.Signals) -> None:
        assert self._process, "this operator was never started"
        self._process.send_signal(which)

    def _is_ready(self) -> bool:
        assert self.runs(), f"the operator ended:\n{self.log_tail()}"
        try:
            status, text = self._answer("/readyz")
        except OSError as error:
            raise AssertionError(error) from error
        assert status == http.HTTPStatus.OK, text
        return True

    def _answer(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


def prepared(
    plane: ControlPlane,
    *,
    name: str = "operator",
    flags: tuple[str, ...] = (),
    server: str | None = None,
    environment: dict[str, str] | None = None,
) -> OperatorProcess:
    """An operator for a control plane, not yet started; it has the rights that an installed one has, and no more.

    `server` is where it finds the API server, if not where that listens.
    """
    for manifest in yaml.safe_load_all(MANIFESTS.read_text()):
        if manifest["kind"] in IDENTITY:
            plane.api.apply(manifest)
    content = yaml.safe_load(plane.kubeconfig.read_text())
    content["users"][0]["user"] = {"token": _token(plane)}
    content["clusters"][0]["cluster"]["server"] = server or plane.place.server
    kubeconfig = plane.folder / f"{name}.kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(content))
    log = plane.folder / "logs" / f"{name}.log"
    return OperatorProcess(plane, kubeconfig, log, flags, environment=environment or {})


def _token(plane: ControlPlane) -> str:
    path = plane.api.path("v1", "ServiceAccount", NAMESPACE, SERVICE_ACCOUNT) + "/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86_400}}
    answer = plane.api.request("POST", path, request)
    return str(answer["status"]["token"])
