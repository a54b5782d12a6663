"""What runs as a sidecar: the proxy or the monitor, each under a keeper. Called by serinus.__main__.

A keeper holds what it needs for the next start and no more. The proxy's has all it needs for a new configuration: while
the proxy is away requests fail.
"""

import os
import signal
import subprocess
import sys
from typing import Final

from serinus.monitor.keeper import keep

RESTARTS: Final = "SERINUS_RESTARTS"
"""Tells the monitor how often it was started before."""
MONITOR: Final = (sys.executable, "-P", "-m", "serinus.monitor")


def run(role: str) -> int:
    """Run a sidecar until it is told to end."""
    return _run_proxy() if role == "proxy" else keep(_start_monitor)


def _start_monitor(before: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(MONITOR, env={**os.environ, RESTARTS: str(before)})  # noqa: S603 - our own


def _run_proxy() -> int:
    from serinus.api.sidecars import POD_ADDRESS, SERVING  # noqa: PLC0415
    from serinus.monitor.proxy import haproxy as proxy  # noqa: PLC0415
    from serinus.monitor.serving import read_serving  # noqa: PLC0415

    try:
        serving, address = read_serving(os.environ.get(SERVING, "")), os.environ[POD_ADDRESS]
    except (ValueError, KeyError) as error:
        sys.stderr.write(f"serinus proxy: {SERVING} and {POD_ADDRESS} are what the operator sets them to: {error}\n")
        return 1
    return keep(lambda _: proxy.start(serving, address), signal.SIGUSR1)
