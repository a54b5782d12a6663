"""Where benchmarks of the operator take place: a control plane of its own, simulated nodes, and our definitions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from benchmarks.installation import install
from benchmarks.operator_process import USER, OperatorProcess
from benchmarks.traffic import Traffic
from tests.cluster.bare import WITHOUT_NODES, bare_control_plane
from tests.cluster.control_plane import ControlPlane, Options
from tests.cluster.eventually import eventually
from tests.cluster.fixtures import apply_definitions
from tests.cluster.parts.progress import step
from tests.cluster.simulated_nodes import SimulatedNodes
from tests.e2e import judged_operator

NAMESPACE: Final = "benchmark"
NODES: Final = 10
GIBIBYTE: Final = 1024**3


@dataclass(frozen=True)
class Setting:
    """A control plane in which everything is ready but the operator."""

    plane: ControlPlane
    nodes: SimulatedNodes
    traffic: Traffic
    _python_path: str
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def start_operator(self, *flags: str) -> OperatorProcess:
        """Start an operator, as a user of the API server that nobody else is."""
        name = f"operator-{next(self._numbers)}"
        return OperatorProcess(self.plane, self._python_path, name, f"--namespace={NAMESPACE}", *flags)

    def start_judged_operator(self, port: int) -> OperatorProcess:
        """Start one that believes the verdicts it is told at a port."""
        return OperatorProcess(
            self.plane,
            self._python_path,
            "judged-operator",
            f"--namespace={NAMESPACE}",
            program=judged_operator.PROGRAM,
            environment={judged_operator.PORT: str(port)},
        )


@contextmanager
def setting(etcd_quota_bytes: int = 2 * GIBIBYTE) -> Iterator[Setting]:
    """Everything starts with it and ends with it."""
    python_path = install()
    step("starting a control plane")
    options = Options(
        controller_manager_flags=(WITHOUT_NODES,),
        etcd_quota_bytes=etcd_quota_bytes,
        users=((USER, "operators"),),
    )
    with bare_control_plane(options) as plane, SimulatedNodes(plane, count=NODES) as nodes:
        apply_definitions(plane.api)
        _admit(plane)
        yield Setting(plane, nodes, Traffic(plane, USER), python_path)


def _admit(plane: ControlPlane) -> None:
    api = plane.api
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": USER},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
    }
    api.create(binding)
    eventually(
        lambda: api.read("v1", "ServiceAccount", "default", NAMESPACE), 20, "the namespace has its service account"
    )
