"""Whether this machine can run the local cluster, and what to do where it cannot."""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ELSEWHERE: Final = (
    "use kind where Docker runs (pytest --cluster=kind), "
    "or a cluster you have (pytest --cluster=existing --kubeconfig-context=NAME)"
)
HIERARCHIES: Final = Path("/sys/fs/cgroup")
KERNEL: Final = Path("/proc/sys")
SET_BY_KUBELETS: Final = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)


def why_not() -> str | None:
    """None where the local cluster can run, else one sentence that says what is missing and what to do instead."""
    if platform.system() != "Linux":
        return f"The local cluster needs Linux and this is {platform.system()}: {ELSEWHERE}."
    if os.geteuid() != 0:
        return f"The local cluster needs root, for it makes network namespaces and containers: use sudo, or {ELSEWHERE}."
    if shutil.which("go") is None:
        return f"The local cluster is built with Go, and there is no go command: install Go 1.24 or newer, or {ELSEWHERE}."
    if shutil.which("apt-get") is None:
        return f"The local cluster takes containerd from Debian or Ubuntu packages, and there is no apt-get: {ELSEWHERE}."
    if not os.access(HIERARCHIES, os.W_OK):
        return f"The local cluster needs control groups, and {HIERARCHIES} cannot be written here: {ELSEWHERE}."
    if subprocess.run(["unshare", "--mount", "--net", "true"], capture_output=True, check=False).returncode:
        return f"This machine does not let root make namespaces (a container without privileges?): {ELSEWHERE}."
    return None


def docker_runs() -> bool:
    """Whether there is a Docker that kind could use."""
    return (
        shutil.which("docker") is not None
        and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    )


def kernel_settings() -> dict[str, str]:
    """What a kubelet will set for the whole machine, as it is now."""
    return {name: (KERNEL / name).read_text().strip() for name in SET_BY_KUBELETS}


def restore_kernel_settings(settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        if (KERNEL / name).read_text().strip() != value:
            (KERNEL / name).write_text(value)
