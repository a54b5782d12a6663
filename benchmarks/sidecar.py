"""`python -m benchmarks.sidecar ROLE FOLDER PORT...`: a sidecar under its keeper, as serinus.monitor.run starts it.

Folder and ports are told, where in a pod they are always the same. Started by watched_pod.py.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from benchmarks.load_program import LOOPBACK
from benchmarks.monitor import PROCESS
from serinus.api.sidecars import SERVING
from serinus.monitor.keeper import keep
from serinus.monitor.proxy import haproxy as proxy
from serinus.monitor.serving import read_serving


def main(role: str, folder: str, *numbers: str) -> int:
    """Run one until it is told to end."""
    ports = proxy.Ports(*map(int, numbers))
    if role == "proxy":
        serving = read_serving(os.environ[SERVING])
        return keep(lambda _: proxy.start(serving, LOOPBACK, keys=Path(folder), ports=ports), signal.SIGUSR1)
    monitor = [sys.executable, "-P", "-c", PROCESS, folder, str(ports.monitor), str(ports.ring)]
    return keep(lambda _: subprocess.Popen(monitor))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
