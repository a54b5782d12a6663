"""What runs as a sidecar: the proxy or the monitor, each under a keeper. Called by serinus.__main__."""

import os
import signal
import subprocess
import sys
from typing import Final

import msgspec

from serinus.api.sidecars import POD_ADDRESS, SERVING
from serinus.monitor.keeper import keep
from serinus.monitor.serving import read_serving

RESTARTS: Final = "SERINUS_RESTARTS"
"""Tells the monitor how often it was started before."""
MONITOR: Final = (sys.executable, "-P", "-m", "serinus.monitor.process")


def run(role: str) -> int:
    """Run a sidecar until it is told to end."""
    try:
        serving = read_serving(os.environ.get(SERVING, ""))
        address = os.environ[POD_ADDRESS]
    except (msgspec.DecodeError, KeyError) as error:
        sys.stderr.write(f"serinus {role}: {SERVING} and {POD_ADDRESS} are what the operator sets them to: {error}\n")
        return 1
    if role == "proxy":
        from serinus.monitor import proxy  # noqa: PLC0415 - the keeper of the monitor needs none of it

        return keep(lambda _: proxy.start(serving, address), signal.SIGUSR1)
    return keep(lambda before: subprocess.Popen(MONITOR, env={**os.environ, RESTARTS: str(before)}))  # noqa: S603 - ours
