"""etcd, API server and controller manager: what a bare control plane is, and where a whole cluster begins."""

import base64
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from tests.cluster.api import Api, ApiError
from tests.cluster.certificates import Authority, Pair
from tests.cluster.eventually import NotYetError, eventually
from tests.cluster.parts import ensure
from tests.cluster.processes import Launcher

ADMIN: Final = "admin"
ADMINISTRATORS: Final = "system:masters"
CONTROLLER_MANAGER: Final = "system:kube-controller-manager"
PARTS: Final = ("kube-apiserver", "kube-controller-manager", "etcd")


@dataclass(frozen=True)
class Place:
    """Where a control plane listens, and how one gets there from the machine."""

    address: str
    api_port: int
    etcd_port: int
    etcd_peer_port: int
    server: str
    """The API server's address as the machine reaches it."""
    services: str = "198.18.48.0/20"
    service_address: str = "198.18.48.1"
    enter: tuple[str, ...] = ()
    """The command that runs another one inside the control plane's network."""

    @property
    def advertised(self) -> str:
        """The API server refuses to advertise loopback; where it listens there, no pod will ever ask for it."""
        return "198.18.0.1" if self.address.startswith("127.") else self.address

    @property
    def inner_server(self) -> str:
        return f"https://{self.address}:{self.api_port}"


@dataclass(frozen=True)
class Options:
    """What one control plane may have otherwise than the next."""

    api_server_flags: tuple[str, ...] = ()
    controller_manager_flags: tuple[str, ...] = ()
    etcd_quota_bytes: int = 2 * 1024**3
    durable: bool = False
    """Whether etcd waits for the disk: only a test that pulls the plug needs it."""
    users: tuple[tuple[str, str], ...] = ()
    """Further users, each with its group."""


class ControlPlane:
    """The three processes in a folder of their own; `start` returns when the API server is ready."""

    def __init__(self, launcher: Launcher, folder: Path, place: Place, options: Options) -> None:
        self.launcher = launcher
        self.folder = folder
        self.place = place
        self.options = options
        self.kubeconfig = folder / "kubeconfig"
        self.certificates = Authority.create(folder / "certificates", "serinus-test-authority")
        users = ((ADMIN, ADMINISTRATORS), (CONTROLLER_MANAGER, ADMINISTRATORS), *options.users)
        self._tokens = {user: secrets.token_hex(16) for user, _ in users}
        lines = [f'{self._tokens[user]},{user},{user},"{group}"\n' for user, group in users]
        _write_secret(folder / "tokens.csv", "".join(lines))
        self.write_kubeconfig(self.kubeconfig, ADMIN, place.server)
        self.api = self.api_as(ADMIN)

    @property
    def authority(self) -> Path:
        """The file of the authority that signed what the servers show."""
        return self.certificates.pair.certificate

    def token_of(self, user: str) -> str:
        return self._tokens[user]

    def api_as(self, user: str) -> Api:
        return Api(self.place.server, token=self._tokens[user], authority=self.authority.read_text())

    def start(self, timeout: float = 60) -> None:
        self.start_etcd()
        self.start_api_server(timeout)
        self.start_controller_manager()

    def kill(self, name: str) -> None:
        """Kills one of the three by its program's name; the `start_` methods bring it back with all it knew."""
        self.launcher.end(name)

    def write_kubeconfig(self, file: Path, user: str, server: str) -> Path:
        """A kubeconfig for one user; everything stands in the file, so it can be copied."""
        authority = base64.b64encode(self.authority.read_bytes()).decode()
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "serinus", "cluster": {"server": server, "certificate-authority-data": authority}}],
            "users": [{"name": user, "user": {"token": self._tokens[user]}}],
            "contexts": [{"name": "serinus", "context": {"cluster": "serinus", "user": user}}],
            "current-context": "serinus",
        }
        _write_secret(file, yaml.safe_dump(content, sort_keys=False))
        return file

    def inner_kubeconfig(self, user: str) -> Path:
        """A kubeconfig for a process inside the control plane's network."""
        return self.write_kubeconfig(
            self.folder / f"{user.replace(':', '-')}.kubeconfig", user, self.place.inner_server
        )

    def _ready(self) -> bool:
        self.launcher.check()
        try:
            return self.api.text("/readyz") == "ok"
        except (OSError, ApiError) as error:
            raise NotYetError(error) from error

    def start_etcd(self) -> None:
        place = self.place
        client = f"http://{place.address}:{place.etcd_port}"
        peer = f"http://{place.address}:{place.etcd_peer_port}"
        self._start(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            f"--quota-backend-bytes={self.options.etcd_quota_bytes}",
            "--log-level=warn",
            *(() if self.options.durable else ("--unsafe-no-fsync",)),
        )

    def start_api_server(self, timeout: float = 60) -> None:
        """Returns when it is ready."""
        place = self.place
        hosts = ("127.0.0.1", place.address, place.service_address, "localhost", "kubernetes.default.svc")
        serving = self.certificates.issue("kube-apiserver", hosts=hosts)
        to_kubelets = self.certificates.issue("kube-apiserver-kubelet-client", organization=ADMINISTRATORS)
        aggregator = self.certificates.issue("front-proxy-client")
        accounts = self.service_account_pair()
        self._start(
            "kube-apiserver",
            f"--etcd-servers=http://{place.address}:{place.etcd_port}",
            f"--bind-address={place.address}",
            f"--secure-port={place.api_port}",
            f"--advertise-address={place.advertised}",
            f"--service-cluster-ip-range={place.services}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--client-ca-file={self.authority}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            f"--kubelet-client-certificate={to_kubelets.certificate}",
            f"--kubelet-client-key={to_kubelets.key}",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={accounts.certificate}",
            f"--service-account-signing-key-file={accounts.key}",
            f"--requestheader-client-ca-file={self.authority}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={aggregator.certificate}",
            f"--proxy-client-key-file={aggregator.key}",
            "--enable-aggregator-routing=true",
            "--max-requests-inflight=1600",
            "--max-mutating-requests-inflight=800",
            *self.options.api_server_flags,
        )
        eventually(self._ready, timeout, "the API server is ready")

    def start_controller_manager(self) -> None:
        accounts = self.service_account_pair()
        self._start(
            "kube-controller-manager",
            f"--kubeconfig={self.inner_kubeconfig(CONTROLLER_MANAGER)}",
            "--leader-elect=false",
            "--secure-port=0",
            f"--root-ca-file={self.authority}",
            f"--service-account-private-key-file={accounts.key}",
            f"--cluster-signing-cert-file={self.authority}",
            f"--cluster-signing-key-file={self.certificates.pair.key}",
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
            *self.options.controller_manager_flags,
        )

    def service_account_pair(self) -> Pair:
        """The key that signs service accounts' tokens, and its public half."""
        file = self.certificates.folder / "service-accounts"
        pair = Pair(file.with_suffix(".crt"), file.with_suffix(".key"))
        return pair if pair.key.exists() else self.certificates.issue("service-accounts")

    def _start(self, name: str, *flags: str) -> None:
        self.launcher.start(name, [*self.place.enter, ensure(name), *flags])


def _write_secret(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(content)
