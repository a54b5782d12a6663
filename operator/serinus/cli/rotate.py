"""Gives the monitored models of a namespace a new key to sign with. Called by run.py."""

from http import HTTPStatus
from typing import Protocol

from kubernetes.client.exceptions import ApiException

from serinus.api.sidecars import KEYS_SECRET
from serinus.cli.failure import Failure
from serinus.monitor.receipts.keys import new_key


class Keyring(Protocol):
    """What this needs of the cluster."""

    @property
    def namespace(self) -> str:
        """The namespace it stands for."""

    def add_to_secret(self, name: str, content: dict[str, str]) -> None:
        """Write these keys of a Secret that is there."""


def rotate_key(cluster: Keyring) -> str:
    """Add a key, and return what that means. Those that were there stay: receipts of theirs are still to come back."""
    key_id, key = new_key()
    try:
        cluster.add_to_secret(KEYS_SECRET, {"current": key_id, f"key-{key_id}": key})
    except ApiException as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        raise Failure(
            f"namespace {cluster.namespace} has no Secret {KEYS_SECRET}: the operator makes it with the first model "
            "that has monitoring.mode Sidecar"
        ) from error
    return (
        f"key {key_id} signs the receipts of pods that start from now on; labels for older receipts count as before. "
        f"To end an older key, remove its entry from Secret {KEYS_SECRET} once no pod signs with it"
    )
