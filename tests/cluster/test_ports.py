"""Ports for processes that are told where to listen."""

import subprocess
import sys

from tests.cluster.ports import FIRST, KERNELS, free_port

TAKES_MANY = "from tests.cluster.ports import free_port; print(*[free_port() for _ in range(200)])"


def test_none_is_given_twice_to_processes_that_live() -> None:
    takers = [
        subprocess.Popen([sys.executable, "-c", f"{TAKES_MANY}; input()"], stdin=-1, stdout=-1, text=True)
        for _ in range(3)
    ]
    lines = [taker.stdout.readline() for taker in takers if taker.stdout]
    ports = [*(int(port) for line in lines for port in line.split()), *(free_port() for _ in range(200))]
    for taker in takers:
        taker.communicate("\n")
    assert len(set(ports)) == 800


def test_the_kernel_gives_none_of_them_to_a_connection() -> None:
    assert FIRST <= free_port() < int(KERNELS.read_text().split()[0])
