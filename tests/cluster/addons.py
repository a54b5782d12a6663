"""What a cluster has beside nodes: DNS, the Gateway and resource metrics.

They run as plain processes in the first node's network; a Service with an EndpointSlice of its own leads to each.
"""

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from tests.cluster.api import APPLY, Api, ApiError, Json
from tests.cluster.control_plane import ADMINISTRATORS, ControlPlane
from tests.cluster.eventually import NotYetError, eventually
from tests.cluster.network import DNS_SERVICE, NodeNetwork
from tests.cluster.parts import ensure

PARTS: Final = ("coredns", "gateway-api", "traefik", "metrics-server")
USERS: Final = tuple((name, ADMINISTRATORS) for name in ("coredns", "traefik", "metrics-server"))
GATEWAY_PORT: Final = 80
METRICS_PORT: Final = 4443

# Two servers on one port, for `template` would answer before `kubernetes` does.
COREFILE: Final = """cluster.local:53 in-addr.arpa:53 {{
    bind {address}
    errors
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {kubeconfig}
        ttl 1
    }}
}}
.:53 {{
    bind {address}
    template ANY ANY . {{
        rcode NXDOMAIN
    }}
}}
"""


@dataclass(frozen=True)
class AddOns:
    """The three processes and the objects that belong to them."""

    control_plane: ControlPlane
    network: NodeNetwork

    def start(self) -> None:
        api = self.control_plane.api
        for file in sorted(ensure("gateway-api").glob("*.yaml")):
            apply_definitions(api, file)
        for manifest in _manifests(self.network.address):
            eventually(lambda: _applied(api, manifest), 30, f"the API server takes {manifest['kind']} objects")  # noqa: B023 -- called at once
        self._start_dns()
        self._start_metrics()
        self._start_gateway()

    def ready(self) -> bool:
        api = self.control_plane.api
        gateway = api.read("gateway.networking.k8s.io/v1", "Gateway", "public", "gateway")
        metrics = api.read("apiregistration.k8s.io/v1", "APIService", "v1beta1.metrics.k8s.io")
        if not condition(gateway, "Programmed"):
            raise NotYetError(f"Gateway public: {gateway and gateway.get('status')}")
        if not condition(metrics, "Available"):
            raise NotYetError(f"APIService for metrics: {metrics and metrics.get('status')}")
        return True

    def _start_dns(self) -> None:
        corefile = self.control_plane.folder / "Corefile"
        kubeconfig = self.control_plane.inner_kubeconfig("coredns")
        corefile.write_text(COREFILE.format(address=self.network.address, kubeconfig=kubeconfig))
        self._start("coredns", f"-conf={corefile}")

    def _start_gateway(self) -> None:
        self._start(
            "traefik",
            f"--entrypoints.web.address={self.network.address}:{GATEWAY_PORT}",
            "--providers.kubernetesgateway=true",
            f"--providers.kubernetesgateway.statusaddress.ip={self.network.address}",
            "--providers.providersthrottleduration=100ms",
            "--global.checknewversion=false",
            "--global.sendanonymoususage=false",
            "--log.level=INFO",
        )

    def _start_metrics(self) -> None:
        serving = self.control_plane.certificates.issue("metrics-server", hosts=(self.network.address,))
        kubeconfig = self.control_plane.inner_kubeconfig("metrics-server")
        self._start(
            "metrics-server",
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            f"--bind-address={self.network.address}",
            f"--secure-port={METRICS_PORT}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--kubelet-certificate-authority={self.control_plane.authority}",
            "--kubelet-preferred-address-types=InternalIP",
            "--metric-resolution=10s",
            "--kubelet-request-timeout=5s",
        )

    def _start(self, name: str, *flags: str) -> None:
        kubeconfig = self.control_plane.inner_kubeconfig(name)
        command = (*self.network.enter, str(ensure(name)), *flags)
        self.control_plane.launcher.start(name, command, environment={"KUBECONFIG": str(kubeconfig)})


def condition(item: Json | None, kind: str) -> bool:
    """Whether the object says True to this condition."""
    conditions = ((item or {}).get("status") or {}).get("conditions") or []
    return any(entry["type"] == kind and entry["status"] == "True" for entry in conditions)


def _applied(api: Api, manifest: Json) -> Json:
    """A definition is served a moment after it was applied."""
    try:
        return api.apply(manifest)
    except ApiError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            raise NotYetError(error) from error
        raise


def apply_definitions(api: Api, file: Path) -> None:
    """Applies a file of definitions as it is: reading megabytes of YAML in Python takes longer than the rest."""
    for document in file.read_text().split("\n---\n"):
        name = next((line[8:] for line in document.splitlines() if line.startswith("  name: ")), None)
        if name and "\nkind: CustomResourceDefinition\n" in f"\n{document}":
            path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
            api.request("PATCH", path, document, content_type=APPLY, query={"fieldManager": "tests", "force": "true"})


def _manifests(address: str) -> list[Json]:
    return [
        *_leading_to(address, "kube-system", "kube-dns", {"dns": 53, "dns-tcp": 53}, cluster_address=DNS_SERVICE),
        *_leading_to(address, "kube-system", "metrics-server", {"https": METRICS_PORT}),
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": {"namespace": "kube-system", "name": "metrics-server", "port": METRICS_PORT},
            },
        },
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gateway"}},
        *_leading_to(address, "gateway", "public", {"http": GATEWAY_PORT}),
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "GatewayClass",
            "metadata": {"name": "traefik"},
            "spec": {"controllerName": "traefik.io/gateway-controller"},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {"name": "public", "namespace": "gateway"},
            "spec": {
                "gatewayClassName": "traefik",
                "listeners": [
                    {
                        "name": "http",
                        "protocol": "HTTP",
                        "port": GATEWAY_PORT,
                        "allowedRoutes": {"namespaces": {"from": "All"}},
                    }
                ],
            },
        },
    ]


def _leading_to(
    address: str, namespace: str, name: str, ports: dict[str, int], *, cluster_address: str | None = None
) -> list[Json]:
    """A Service whose one endpoint is a process in the node's network."""
    listed = [
        {"name": port, "port": number, "protocol": "UDP" if port == "dns" else "TCP"} for port, number in ports.items()
    ]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ports": listed} | ({"clusterIP": cluster_address} if cluster_address else {}),
    }
    slice_ = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": listed,
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
    }
    return [service, slice_]
