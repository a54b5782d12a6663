"""The cluster that the kubeconfig leads to, as the user sees it: the only file of the CLI that talks to it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from serinus.api import modeldeployment, modelrelease
from serinus.api.names import GROUP, LABEL_DEPLOYMENT, VERSION
from serinus.cli.failure import Failure, one_line

Document = dict[str, Any]

SECONDS: Final = (5, 15)
"""To connect, and for an answer."""
BUSY: Final = urllib3.Retry(
    total=3, connect=0, read=0, redirect=0, other=0, status=3, allowed_methods=None, raise_on_status=False
)
"""A server that says "later" (429 or 503 with Retry-After) is asked again; nothing else is repeated."""
MERGE: Final = "application/merge-patch+json"

_BROKEN: Final = (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError)
"""What the client's loader raises, depending on where a kubeconfig is not what it expects."""


@dataclass(frozen=True)
class Cluster:
    """Reads and commands the models of a namespace."""

    api: client.ApiClient
    namespace: str

    def model(self, name: str) -> Document:
        """Return a ModelDeployment."""
        custom = client.CustomObjectsApi(self.api)
        return self._plain(
            custom.get_namespaced_custom_object(
                GROUP, VERSION, self.namespace, modeldeployment.PLURAL, name, _request_timeout=SECONDS
            )
        )

    def releases(self, name: str) -> list[Document]:
        """Return the ModelReleases of a ModelDeployment."""
        custom = client.CustomObjectsApi(self.api)
        answer = custom.list_namespaced_custom_object(
            GROUP,
            VERSION,
            self.namespace,
            modelrelease.PLURAL,
            label_selector=f"{LABEL_DEPLOYMENT}={name}",
            _request_timeout=SECONDS,
        )
        items: list[Document] = self._plain(answer)["items"]
        return items

    def pods(self, name: str) -> list[Document]:
        """Return the pods of a ModelDeployment."""
        answer = client.CoreV1Api(self.api).list_namespaced_pod(
            self.namespace, label_selector=f"{LABEL_DEPLOYMENT}={name}", _request_timeout=SECONDS
        )
        items: list[Document] = self._plain(answer)["items"]
        return items

    def annotate(self, name: str, resource_version: str, annotations: dict[str, str]) -> None:
        """Annotate a ModelDeployment, unless it changed since it had that resourceVersion."""
        client.CustomObjectsApi(self.api).patch_namespaced_custom_object(
            GROUP,
            VERSION,
            self.namespace,
            modeldeployment.PLURAL,
            name,
            {"metadata": {"resourceVersion": resource_version, "annotations": annotations}},
            _content_type=MERGE,
            _request_timeout=SECONDS,
        )

    def add_to_secret(self, name: str, content: dict[str, str]) -> None:
        """Write these keys of a Secret that is there; its others stay, and none is read."""
        client.CoreV1Api(self.api).patch_namespaced_secret(
            name, self.namespace, {"stringData": content}, _content_type=MERGE, _request_timeout=SECONDS
        )

    def user(self) -> str | None:
        """Return who the API server takes the user for, where it says so."""
        try:
            review = client.AuthenticationV1Api(self.api).create_self_subject_review(
                client.V1SelfSubjectReview(), _request_timeout=SECONDS
            )
        except ApiException:
            return None  # what speaks against the user will speak against the next request, too
        name = self._plain(review).get("status", {}).get("userInfo", {}).get("username")
        return str(name) if name else None

    def _plain(self, answer: object) -> Document:
        """Return an answer of the client as the JSON that the server sent."""
        document: Document = self.api.sanitize_for_serialization(answer)
        return document


def connect(context: str | None, namespace: str | None) -> Cluster:
    """Return the cluster of a context, and the namespace in it."""
    urllib3.disable_warnings()  # a kubeconfig that asks for no verification gets it, as from kubectl
    configuration = client.Configuration()
    with _complaints_as_failures():
        try:
            config.load_kube_config(context=context, client_configuration=configuration)
            if not configuration.host.startswith(("https://", "http://")):
                raise Failure(f'the kubeconfig names as server "{configuration.host}", which is no URL')
            configuration.retries = BUSY
            return Cluster(client.ApiClient(configuration), namespace or _namespace_of(context))
        except config.ConfigException as error:
            raise Failure(f"no cluster to talk to: {one_line(error)}") from error
        except _BROKEN as error:
            message = f"the kubeconfig cannot be used: {type(error).__name__}: {one_line(error)}"
            raise Failure(message) from error


def _namespace_of(context: str | None) -> str:
    contexts, current = config.list_kube_config_contexts()
    chosen = next((entry for entry in contexts if entry["name"] == context), current)
    return str(chosen["context"].get("namespace") or "default")


class _Complaints(logging.Handler):
    """What the client's loader has to say: it logs that a credential plugin failed, and goes on without."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.sentences: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.sentences.append(one_line(record.getMessage()))


@contextmanager
def _complaints_as_failures() -> Iterator[None]:
    complaints = _Complaints()
    logging.getLogger().addHandler(complaints)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(complaints)
    if complaints.sentences:
        raise Failure(f"no credentials for the cluster: {complaints.sentences[0]}")
