"""A control plane, nodes, an operator and the proxy between them: what one fault test works on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.cluster.bare import bare_control_plane
from tests.cluster.control_plane import ControlPlane
from tests.cluster.fixtures import apply_definitions
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.e2e import gateways
from tests.e2e.operator import OperatorProcess, prepared
from tests.faults.proxy import Proxy


@dataclass(frozen=True)
class Rig:
    """Everything runs; the operator sees the API server through the proxy alone, the test sees it as it is."""

    plane: ControlPlane
    nodes: SimulatedNodes
    proxy: Proxy
    operator: OperatorProcess

    def kill_and_restart(self) -> None:
        """SIGKILL, and the kubelet starts the container again; does not wait for it."""
        self.operator.kill()
        self.operator.start(until_ready=False)


@contextmanager
def new_rig(*flags: str, gateway: bool = False, environment: dict[str, str] | None = None) -> Iterator[Rig]:
    """A rig of one's own, whose operator has these flags and variables; with Gateway API, if need be."""
    with bare_control_plane() as plane, SimulatedNodes(plane) as nodes, Proxy(plane) as proxy:
        apply_definitions(plane.api)
        if gateway:
            gateways.install(plane.api)
        with prepared(plane, flags=flags, server=proxy.url, environment=environment) as operator:
            yield Rig(plane, nodes, proxy, operator)
