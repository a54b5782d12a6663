"""The network of a local cluster: two namespaces joined by a veth pair, from which no route leads out.

Addresses come from the range kept for benchmarks (198.18.0.0/15). Every cluster has namespaces of its own, so the
same addresses serve all of them.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SERVICES: Final = "198.18.48.0/20"
API_SERVICE: Final = "198.18.48.1"
DNS_SERVICE: Final = "198.18.48.10"
EVERYTHING: Final = "198.18.0.0/15"
DEAD_END: Final = "dead-end"
"""A bridge without ports. It holds the node's address and makes service addresses routable until kube-proxy
rewrites them; what is not rewritten ends here."""


@dataclass(frozen=True)
class NodeNetwork:
    """What is one node's in the network."""

    namespace: str
    address: str
    pods: str

    @property
    def enter(self) -> tuple[str, ...]:
        """The command that runs another one in this network. (`ip netns exec` would hide the control groups.)"""
        return ("nsenter", f"--net={self.file}")

    @property
    def file(self) -> Path:
        return Path("/run/netns", self.namespace)


def node_networks(mark: str) -> tuple[NodeNetwork, NodeNetwork]:
    return (
        NodeNetwork(f"{mark}-1", "198.18.0.1", "198.18.16.0/20"),
        NodeNetwork(f"{mark}-2", "198.18.0.2", "198.18.32.0/20"),
    )


def create(first: NodeNetwork, second: NodeNetwork) -> None:
    for node in (first, second):
        _run("ip", "netns", "add", node.namespace)
        _ip(node, "link set lo up")
        _ip(node, f"link add {DEAD_END} type bridge")
        _ip(node, f"address add {node.address}/32 dev {DEAD_END}")
        _ip(node, f"link set {DEAD_END} up")
        _ip(node, f"route add {SERVICES} dev {DEAD_END} src {node.address}")
        _run(*node.enter, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
    _ip(first, f"link add to-node-2 type veth peer name to-node-1 netns {second.namespace}")
    connect(first, second)


def connect(first: NodeNetwork, second: NodeNetwork) -> None:
    for node, device, other in ((first, "to-node-2", second), (second, "to-node-1", first)):
        _ip(node, f"link set {device} up")
        _ip(node, f"route replace {other.address} dev {device} src {node.address}")
        _ip(node, f"route replace {other.pods} via {other.address} dev {device} onlink src {node.address}")


def disconnect(first: NodeNetwork) -> None:
    """To each node it is as if the other one were gone."""
    _ip(first, "link set to-node-2 down")


def remove(*nodes: NodeNetwork) -> None:
    """Removes what is there of the namespaces; all processes in them must have ended."""
    for node in nodes:
        if node.file.exists():
            _run("ip", "netns", "delete", node.namespace)


def _ip(node: NodeNetwork, arguments: str) -> None:
    _run("ip", "-netns", node.namespace, *arguments.split())


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
