"""The operator's settings, from flags or from the environment. Read once by the entry point."""

import argparse
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from serinus.controller.room import Limits

ENVIRONMENT_PREFIX = "SERINUS_"


@dataclass(frozen=True, slots=True)
class Settings:
    """How this process runs."""

    namespace: str
    identity: str
    instance: str
    image: str
    port: int
    workers: int
    lease_seconds: int
    sweep_seconds: float
    obstacle_seconds: float
    limits: Limits
    log_level: str


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the operator's flags; each may also come from the environment, as SERINUS_WORKERS for --workers."""

    def flag(name: str, default: str, kind: Callable[[str], object], text: str) -> None:
        variable = ENVIRONMENT_PREFIX + name.removeprefix("--").replace("-", "_").upper()
        value = os.environ.get(variable, default)
        parser.add_argument(name, type=kind, default=value, help=f"{text} [{variable}, default: {default or 'none'}]")

    flag("--namespace", "serinus-system", str, "namespace of the Lease, the operator's own")
    flag("--pod-uid", "", str, "UID of this pod, by which it holds the Lease")
    flag("--pod-name", "", str, "name of this pod, as Events show it")
    flag("--image", "", str, "image of Serinus, for the sidecars of models")
    flag("--port", "8080", int, "port of /healthz, /readyz and /metrics")
    flag("--workers", "8", int, "ModelDeployments to reconcile at a time")
    flag("--lease-seconds", "15", int, "how long a Lease lasts that is not renewed")
    flag("--sweep-seconds", "300", float, "how often to compare the cache with the cluster")
    flag("--obstacle-seconds", "30", float, "when to try again what the API server or another's object refused")
    flag("--max-rollouts", "0", int, "rollouts that may go on at a time, 0 for no limit; the others wait")
    flag("--max-rollouts-per-namespace", "0", int, "the same for each namespace")
    flag("--log-level", "info", _level, "debug, info, warning or error")


def settings_from(flags: argparse.Namespace) -> Settings:
    """Return the settings that flags and environment give."""
    return Settings(
        namespace=flags.namespace,
        identity=flags.pod_uid or f"{socket.gethostname()}-{uuid4()}",
        instance=flags.pod_name or socket.gethostname(),
        image=flags.image,
        port=flags.port,
        workers=flags.workers,
        lease_seconds=flags.lease_seconds,
        sweep_seconds=flags.sweep_seconds,
        obstacle_seconds=flags.obstacle_seconds,
        limits=Limits(flags.max_rollouts, flags.max_rollouts_per_namespace),
        log_level=flags.log_level,
    )


def _level(name: str) -> str:
    if name.lower() not in ("debug", "info", "warning", "error"):
        raise argparse.ArgumentTypeError(f"'{name}' is none of debug, info, warning and error")
    return name
