"""Ports on loopback for processes that are told where to listen.

The kernel gives a connection any port of its own range, also one that was free a moment ago and is about to be listened
on. So these come from below that range, and a lock keeps each for the process that asked for it.
"""

import fcntl
import random
import socket
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from tests.cluster.parts.cache import root

FIRST: Final = 20_000
KERNELS: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")

_held: list[IO[str]] = []


def free_port() -> int:
    """A port that nobody listens on, and that nobody else who asks here gets while this process lives."""
    folder = root() / "ports"
    folder.mkdir(parents=True, exist_ok=True)
    last = int(KERNELS.read_text().split()[0])
    for port in random.sample(range(FIRST, last), last - FIRST):
        lock = (folder / str(port)).open("a")
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.create_server(("127.0.0.1", port)):
                _held.append(lock)
                return port
        lock.close()
    raise OSError(f"no port from {FIRST} to {last} is free")
