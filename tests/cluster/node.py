"""One node of a local cluster: containerd, kubelet and kube-proxy, in a network and a mount namespace of their own.

In the mount namespace the node's folders lie at the places that everybody expects (/var/lib/kubelet, /run/containerd,
...), which two nodes on one machine could not share. Whatever is mounted there vanishes with the node's last process.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cluster.api import Json
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.instance import Instance
from tests.cluster.network import DNS_SERVICE, EVERYTHING, NodeNetwork
from tests.cluster.parts import ensure
from tests.cluster.processes import Launcher, Process

CNI_PLUGINS: Final = "/usr/lib/cni"
DEBIAN_PACKAGES: Final = (
    "containerd",
    "runc",
    "containernetworking-plugins",
    "nftables",
    "iproute2",
    "conntrack",
    "openssl",
)
PARTS: Final = ("kubelet", "kube-proxy")

PRIVATE_PLACES: Final = {
    "/run/containerd": "run",
    "/var/lib/containerd": "containerd",
    "/var/lib/kubelet": "kubelet",
    "/var/lib/cni": "cni",
    "/var/log": "log",
}
# From "slave", so that a namespace removed outside goes inside too; "shared" below, as containers may ask for it.
ENTER_PRIVATE_PLACES: Final = """set -e
mount --make-rshared /
while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done
shift
exec "$@"
"""


@dataclass(frozen=True)
class Node:
    """A node by its number, 1 or 2, and where it lives."""

    number: int
    instance: Instance
    network: NodeNetwork
    launcher: Launcher

    @property
    def name(self) -> str:
        return f"node-{self.number}"

    @property
    def socket(self) -> Path:
        return self._folder("run") / "containerd.sock"

    def start_runtime(self, pause_image: str) -> Process:
        """containerd needs no API server, so it comes up beside one."""
        self._write("containerd.toml", _containerd_config(self._folder("configuration"), pause_image))
        self._write("10-pods.conflist", json.dumps(_pod_network(self.network), indent=1))
        mounts: list[str] = []
        for place, folder in PRIVATE_PLACES.items():
            self._folder(folder).mkdir(parents=True, exist_ok=True)
            Path(place).mkdir(parents=True, exist_ok=True)
            mounts += [str(self._folder(folder)), place]
        unshare = ("unshare", "--mount", "--propagation=slave", "sh", "-c", ENTER_PRIVATE_PLACES, "sh", *mounts, "--")
        containerd = ("containerd", "--config", self._folder("configuration") / "containerd.toml")
        return self.launcher.start(f"containerd-{self.number}", (*self.network.enter, *unshare, *containerd))

    def import_image(self, archive: Path) -> None:
        """Waits until containerd answers, then brings an image archive in."""
        eventually(self._runtime_answers, 30, f"containerd of {self.name} answers")
        done = self._ctr("images", "import", "--all-platforms", str(archive))
        if done.returncode:
            raise RuntimeError(f"{self.name} did not take the image {archive}: {done.stderr.strip()}")

    def start(self, control_plane: ControlPlane, runtime: Process) -> None:
        """Starts kubelet and kube-proxy; the node registers itself and becomes Ready."""
        user = f"system:node:{self.name}"
        serving = control_plane.certificates.issue(f"kubelet-{self.number}", hosts=(self.network.address, self.name))
        kubelet = _kubelet_config(self, control_plane.authority)
        kubelet |= {"tlsCertFile": str(serving.certificate), "tlsPrivateKeyFile": str(serving.key)}
        proxy = _proxy_config(self.name, control_plane.inner_kubeconfig("system:kube-proxy"))
        self._write("resolv.conf", f"nameserver {DNS_SERVICE}\n")
        kubelet_command = (
            ensure("kubelet"),
            f"--config={self._write('kubelet.json', json.dumps(kubelet, indent=1))}",
            f"--kubeconfig={control_plane.inner_kubeconfig(user)}",
            f"--hostname-override={self.name}",
            f"--node-ip={self.network.address}",
        )
        proxy_command = (
            ensure("kube-proxy"),
            f"--config={self._write('kube-proxy.json', json.dumps(proxy, indent=1))}",
        )
        same_mounts = f"--mount=/proc/{runtime.pid}/ns/mnt"
        self.launcher.start(f"kubelet-{self.number}", (*self.network.enter, same_mounts, *kubelet_command))
        self.launcher.start(f"kube-proxy-{self.number}", (*self.network.enter, *proxy_command))

    def _runtime_answers(self) -> bool:
        self.launcher.check()
        return self._ctr("version").returncode == 0

    def _ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["ctr", "--address", str(self.socket), "--namespace", "k8s.io", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def _folder(self, name: str) -> Path:
        return (self.instance.run if name == "run" else self.instance.data) / self.name / name

    def _write(self, name: str, content: str) -> Path:
        file = self._folder("configuration") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        return file


def _containerd_config(configuration: Path, pause_image: str) -> str:
    return f"""version = 2
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause_image}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{CNI_PLUGINS}"
  conf_dir = "{configuration}"
"""


def _pod_network(network: NodeNetwork) -> Json:
    """Every pod on a link of its own: on a bridge, answers from a pod of the same node would bypass kube-proxy's
    rewriting unless br_netfilter is loaded."""
    ipam = {"type": "host-local", "ranges": [[{"subnet": network.pods}]], "routes": [{"dst": "0.0.0.0/0"}]}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "ptp", "ipam": ipam}]}


def _kubelet_config(node: Node, authority: Path) -> Json:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"x509": {"clientCAFile": str(authority)}},
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "enforceNodeAllocatable": [],
        "evictionHard": {"memory.available": "32Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "failCgroupV1": False,
        "failSwapOn": False,
        "featureGates": {"KubeletInUserNamespace": True},
        "healthzPort": 0,
        "imageGCHighThresholdPercent": 100,
        "kubeAPIBurst": 200,
        "kubeAPIQPS": 100,
        "localStorageCapacityIsolation": False,
        "maxPods": 250,
        "nodeLeaseDurationSeconds": 20,
        "nodeStatusUpdateFrequency": "5s",
        "resolvConf": str(node._folder("configuration") / "resolv.conf"),  # noqa: SLF001 -- the same module
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
    }


def _proxy_config(name: str, kubeconfig: Path) -> Json:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "clusterCIDR": EVERYTHING,
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpCloseWaitTimeout": "0s", "tcpEstablishedTimeout": "0s"},
        "hostnameOverride": name,
        "mode": "nftables",
        "nftables": {"minSyncPeriod": "100ms", "syncPeriod": "30s"},
    }
