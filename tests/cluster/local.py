"""The local cluster: bringing it up, asking how it is, loading images, and taking it down.

Called by `python -m tests.cluster` and by the pytest fixture `cluster`.
"""

import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cluster import addons, control_plane, forwarder, kernel, network, node, removal
from tests.cluster.addons import AddOns, condition
from tests.cluster.api import Api, ApiError
from tests.cluster.control_plane import ADMIN, ControlPlane, Options, Place
from tests.cluster.eventually import NotYetError, eventually
from tests.cluster.images import pause, pause_image
from tests.cluster.instance import DEFAULT, Instance
from tests.cluster.network import NodeNetwork
from tests.cluster.node import Node
from tests.cluster.parts import build_all, debian, ensure
from tests.cluster.parts.progress import step
from tests.cluster.processes import Launcher
from tests.cluster.state import State

API_PORT: Final = 16443
GATEWAY_PORT: Final = 18080
INNER_API_PORT: Final = 6443
PARTS: Final = (*control_plane.PARTS, "kube-scheduler", "kubectl", *node.PARTS, *addons.PARTS)
SCHEDULER: Final = "system:kube-scheduler"
OPTIONS: Final = Options(
    users=(
        (SCHEDULER, SCHEDULER),
        ("system:kube-proxy", "system:node-proxier"),
        ("system:node:node-1", "system:nodes"),
        ("system:node:node-2", "system:nodes"),
        *addons.USERS,
    ),
    controller_manager_flags=(
        "--node-monitor-period=1s",
        "--node-monitor-grace-period=20s",
        "--horizontal-pod-autoscaler-sync-period=2s",
        "--horizontal-pod-autoscaler-cpu-initialization-period=10s",
        "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
    ),
)


@dataclass(frozen=True)
class LocalCluster:
    """The cluster of one instance."""

    instance: Instance

    @property
    def networks(self) -> tuple[NodeNetwork, NodeNetwork]:
        return network.node_networks(self.instance.mark)

    def up(self) -> State:
        """Brings the cluster up, or finds it well; what is left of an earlier one is cleared away first."""
        parts = prepare()
        with self.instance.locked("up"):
            state = State.read(self.instance)
            if state is not None:
                trouble = self.ailment(state) or ("it is made of other parts" if state.parts != parts else None)
                if trouble is None:
                    return state
                step(f"clearing the cluster {self.instance.name} away: {trouble}")
            removal.clear(self.instance)
            try:
                return self._start(parts)
            except BaseException:
                removal.clear(self.instance)
                raise

    def down(self) -> None:
        with self.instance.locked("down"):
            removal.clear(self.instance)

    def ailment(self, state: State | None) -> str | None:
        """What is wrong with the cluster, or None when it is well."""
        if state is None:
            return "it is not up"
        if ended := [process.name for process in state.processes if not process.runs()]:
            return f"{', '.join(ended)} ended"
        try:
            nodes = self.api.find("v1", "Node")
        except (OSError, ApiError) as error:
            return f"its API server does not answer: {error}"
        if unready := [item["metadata"]["name"] for item in nodes if not condition(item, "Ready")]:
            return f"{', '.join(unready)} is not Ready"
        return None

    @property
    def api(self) -> Api:
        """The API server, as the administrator."""
        return Api.from_kubeconfig(self.instance.kubeconfig)

    def load_image(self, archive: Path) -> None:
        """Brings an image archive to both nodes."""
        for each in self._nodes(Launcher(self.instance.mark, self.instance.logs)):
            each.import_image(archive)

    def _start(self, parts: tuple[str, ...]) -> State:
        step(f"starting the cluster {self.instance.name}")
        launcher = Launcher(self.instance.mark, self.instance.logs)
        self.instance.run.mkdir(exist_ok=True)
        kernel.prepare()
        network.create(*self.networks)
        api_port, gateway_port = self._start_forwarder(launcher)
        self._start_everything(launcher, f"https://127.0.0.1:{api_port}")
        namespaces = tuple(each.namespace for each in self.networks)
        state = State(api_port, gateway_port, namespaces, tuple(launcher.started), parts)
        state.write(self.instance)
        step(f"the cluster {self.instance.name} is up")
        return state

    def _start_everything(self, launcher: Launcher, server: str) -> None:
        """In the order of need; containerd comes up while the API server does."""
        first = self.networks[0]
        nodes = self._nodes(launcher)
        runtimes = [each.start_runtime(pause.TAG) for each in nodes]
        place = Place(first.address, INNER_API_PORT, 2379, 2380, server, enter=first.enter)
        plane = ControlPlane(launcher, self.instance.data / "control-plane", place, OPTIONS)
        plane.start()
        plane.write_kubeconfig(self.instance.kubeconfig, ADMIN, server)
        scheduler = f"--kubeconfig={plane.inner_kubeconfig(SCHEDULER)}"
        launcher.start(
            "kube-scheduler",
            [*first.enter, ensure("kube-scheduler"), scheduler, "--leader-elect=false", "--secure-port=0"],
        )
        for each, runtime in zip(nodes, runtimes, strict=True):
            each.import_image(pause_image())
            each.start(plane, runtime)
        add_ons = AddOns(plane, first)
        add_ons.start()
        eventually(lambda: self._nodes_ready(launcher) and add_ons.ready(), 60, "nodes and add-ons are ready")

    def _nodes_ready(self, launcher: Launcher) -> bool:
        launcher.check()
        ready = [item["metadata"]["name"] for item in self.api.find("v1", "Node") if condition(item, "Ready")]
        if len(ready) < len(self.networks):
            raise NotYetError(f"Ready are {ready}")
        return True

    def _nodes(self, launcher: Launcher) -> Sequence[Node]:
        return [Node(number, self.instance, each, launcher) for number, each in enumerate(self.networks, start=1)]

    def _start_forwarder(self, launcher: Launcher) -> tuple[int, int]:
        address = self.networks[0].address
        preferred = (API_PORT, GATEWAY_PORT) if self.instance.name == DEFAULT else (0, 0)
        with ExitStack() as stack:
            api, gateway = (stack.enter_context(_listen(port)) for port in preferred)
            targets = [
                f"{api.fileno()}={address}:{INNER_API_PORT}",
                f"{gateway.fileno()}={address}:{addons.GATEWAY_PORT}",
            ]
            launcher.start(
                "forwarder",
                [*self.networks[0].enter, sys.executable, "-P", Path(forwarder.__file__), *targets],
                descriptors=(api.fileno(), gateway.fileno()),
            )
            return api.getsockname()[1], gateway.getsockname()[1]


def prepare() -> tuple[str, ...]:
    """Builds and installs what is missing, before anything is started; where each part lies tells its version."""
    debian.ensure(*node.DEBIAN_PACKAGES)
    return tuple(str(path) for path in build_all(PARTS))


def _listen(preferred: int) -> socket.socket:
    """A socket on the port that people know, or on a free one where another program has taken that."""
    try:
        return socket.create_server(("127.0.0.1", preferred), backlog=1024)
    except OSError:
        return socket.create_server(("127.0.0.1", 0), backlog=1024)
