"""The local cluster as the tests see it: everything they may ask for is there."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.cluster import network
from tests.cluster.api import Api
from tests.cluster.backends import Backend, Capability
from tests.cluster.images.base import base_image, base_tag
from tests.cluster.instance import Instance
from tests.cluster.local import LocalCluster
from tests.cluster.network import DNS_SERVICE
from tests.cluster.state import State

# What runs in the cluster's network resolves names as a pod does.
WITH_CLUSTER_DNS: Final = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
RESOLV_CONF: Final = "nameserver {server}\nsearch {namespace}.svc.cluster.local svc.cluster.local cluster.local\n"


class LocalBackend(Backend):
    """The cluster of this checkout, while it is up."""

    name = "local"
    capabilities = frozenset(Capability)

    def __init__(self, cluster: LocalCluster, state: State) -> None:
        self.cluster = cluster
        self.state = state
        self.kubeconfig = cluster.instance.kubeconfig
        self.api = Api.from_kubeconfig(self.kubeconfig)
        self._has_python = False

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.state.gateway_port}"

    def load_image(self, archive: Path) -> None:
        self.cluster.load_image(archive)

    @contextmanager
    def second_node_lost(self) -> Iterator[None]:
        first, second = self.cluster.networks
        network.disconnect(first)
        try:
            yield
        finally:
            network.connect(first, second)

    def python_image(self) -> str:
        if not self._has_python:
            self.load_image(base_image())
            self._has_python = True
        return base_tag()

    def command_in_network(self, program: str, *arguments: str, namespace: str) -> list[str]:
        return [*self.inside(namespace), sys.executable, "-c", program, *arguments]

    def inside(self, namespace: str) -> tuple[str, ...]:
        """The command that runs another one in the first node's network, with the names of this namespace."""
        resolver = self.cluster.instance.run / f"resolv-{namespace}.conf"
        resolver.write_text(RESOLV_CONF.format(server=DNS_SERVICE, namespace=namespace))
        enter = self.cluster.networks[0].enter
        return (*enter, "unshare", "--mount", "--propagation=private", "sh", "-c", WITH_CLUSTER_DNS, str(resolver))


@contextmanager
def local_backend(instance: Instance, *, end_always: bool) -> Iterator[LocalBackend]:
    """The local cluster, started if need be; one that ran before runs on, unless it is to end in any case."""
    cluster = LocalCluster(instance)
    ran_before = cluster.ailment(State.read(instance)) is None
    try:
        yield LocalBackend(cluster, cluster.up())
    finally:
        if end_always or not ran_before:
            cluster.down()
