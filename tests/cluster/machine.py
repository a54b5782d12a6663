"""Whether this machine can run the local cluster, and what to do where it cannot."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ELSEWHERE: Final = (
    "use kind where Docker runs (pytest --cluster=kind), "
    "or a cluster you have (pytest --cluster=existing --kubeconfig-context=NAME)"
)
HIERARCHIES: Final = Path("/sys/fs/cgroup")


def why_not() -> str | None:
    """None where the local cluster can run, else one sentence that says what is missing and what to do instead."""
    return next((f"The local cluster {lack}: {remedy}." for met, lack, remedy in _needs() if not met), None)


def _needs() -> Iterator[tuple[bool, str, str]]:
    """Each need in order: whether it is met, what to say where it is not, and what to do then."""
    yield platform.system() == "Linux", f"runs on Linux only and this is {platform.system()}", ELSEWHERE
    yield os.geteuid() == 0, "needs root, for it makes network namespaces and containers", f"use sudo, or {ELSEWHERE}"
    has_go, has_apt = shutil.which("go") is not None, shutil.which("apt-get") is not None
    yield has_go, "is built with Go and there is no go command", f"install Go 1.24 or newer, or {ELSEWHERE}"
    yield has_apt, "takes containerd from Debian or Ubuntu packages and there is no apt-get", ELSEWHERE
    yield os.access(HIERARCHIES, os.W_OK), f"needs control groups and {HIERARCHIES} cannot be written", ELSEWHERE
    namespaces = subprocess.run(["unshare", "--mount", "--net", "true"], capture_output=True, check=False)
    yield namespaces.returncode == 0, "needs namespaces and root may not make them here", ELSEWHERE


def docker_runs() -> bool:
    """Whether there is a Docker that kind could use."""
    return (
        shutil.which("docker") is not None
        and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    )
