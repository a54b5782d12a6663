"""Debian packages that the local cluster and its images need, installed by apt-get when they are missing."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.cluster.parts.cache import NotBuiltError, lock
from tests.cluster.parts.progress import step

APT_GET: Final = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", "-o", "APT::Get::Assume-Yes=true")
INIT_RUNS: Final = Path("/run/systemd/system")
"""Where a package's scripts look for a systemd to start its services with."""
SOURCES: Final = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
HIDING_INIT: Final = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run/systemd && exec "$@"', "sh")


def ensure(*packages: str) -> None:
    """Install those of the packages that are missing; start none of their services."""
    if not missing(packages):
        return
    with lock("debian", " ".join(packages)):
        if absent := missing(packages):
            _install(absent)


def missing(packages: tuple[str, ...]) -> list[str]:
    """Return the packages that are not installed."""
    if shutil.which("dpkg-query") is None:
        raise NotBuiltError(
            f"The Debian packages {' '.join(packages)} are needed and this is neither Debian nor Ubuntu: "
            "use kind where Docker runs (--cluster=kind), or a cluster you have (--cluster=existing)"
        )
    asked = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    known = dict(line.split() for line in asked.stdout.splitlines())
    return [package for package in packages if known.get(package) != "installed"]


def _install(packages: list[str]) -> None:
    if os.geteuid() != 0:
        raise NotBuiltError(f"As root, install what is missing: apt-get install {' '.join(packages)}")
    step(f"installing {' '.join(packages)}")
    _run_apt("update")
    _run_apt("install", "--no-install-recommends", *packages)


def _run_apt(*arguments: str) -> None:
    # Systemd is hidden from the packages' scripts, so that they start nothing; this ends with the command, whatever
    # ends it, where a policy-rc.d could stay behind.
    hidden = HIDING_INIT if INIT_RUNS.exists() else ()
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        [*hidden, *APT_GET, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        last_lines = "\n".join(done.stdout.splitlines()[-20:])
        raise NotBuiltError(f"apt-get {arguments[0]} ended with {done.returncode}:\n{last_lines}")


def sources_of(suite: str) -> list[str]:
    """Return this machine's own package sources where they are of that suite: it may have mirrors nearer than ours."""
    if f"VERSION_CODENAME={suite}\n" not in Path("/etc/os-release").read_text():
        return []
    return [str(path) for path in SOURCES if path.is_file() and path.stat().st_size][:1]
