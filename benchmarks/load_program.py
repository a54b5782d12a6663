"""Asks a model for predictions at a steady rate, by the Go program in benchmarks/load, which is also the model."""

import json
import subprocess
from pathlib import Path
from typing import Final

import msgspec

from tests.cluster.parts.cache import Entry, obtain
from tests.cluster.parts.golang import FLAGS, run_go, toolchain

LOOPBACK: Final = "127.0.0.1"
SOURCES: Final = Path(__file__).with_name("load")
NUMBERED: Final = "feature0"
"""The feature that is another number in each request, so that the sum of those counted tells which were counted."""
FEATURES: Final = {f"feature{number}": number / 4 - 1.1234 for number in range(1, 10)}
"""The others, near the middle of the profile of monitor_traffic.py."""
BODY: Final = json.dumps({"features": {NUMBERED: "NUMBER", **FEATURES}}).replace('"NUMBER"', "NUMBER")


class Report(msgspec.Struct, frozen=True):
    """What became of the requests, as benchmarks/load/report.go has it."""

    sent: int
    numbers: float
    """The sum of those in the requests."""
    answered: int
    receipts: int
    """Answers that carry one."""
    failed: dict[str, int]
    connections: int
    microseconds: dict[str, int]
    """p50, p90, p99 and max, each from the moment at which the request was due."""
    processor: float

    @property
    def failures(self) -> int:
        """How many requests were not answered as they should be."""
        return sum(self.failed.values())


class Load:
    """Requests that are being sent."""

    def __init__(self, port: int, rate: int, seconds: float, seed: int = 1) -> None:
        told = {"rate": rate, "seconds": seconds, "seed": seed, "body": BODY}
        self._process = subprocess.Popen(_command("send", port, **told), stdout=subprocess.PIPE)

    def report(self) -> Report:
        """Return what became of them, once all are answered."""
        found, _ = self._process.communicate()
        return msgspec.json.decode(found, type=Report)


def ask(port: int, rate: int, seconds: float, seed: int = 1) -> Report:
    """Ask for so long. The same seed makes the same arrivals."""
    return Load(port, rate, seconds, seed).report()


def start_model(port: int) -> "subprocess.Popen[bytes]":
    """Start the model."""
    return subprocess.Popen(_command("model", port))


def _command(role: str, port: int, **flags: object) -> list[str]:
    return [
        str(_program()),
        role,
        f"-address={LOOPBACK}:{port}",
        *(f"-{name}={value}" for name, value in flags.items()),
    ]


def _program() -> Path:
    def build(program: Path) -> None:
        run_go(module, "build", *FLAGS, f"-o={program}", ".")

    module = str(SOURCES)
    recipe = (toolchain(module), *(file.read_text() for file in sorted(SOURCES.iterdir())), *FLAGS)
    return obtain(Entry("load", "v1", recipe, workshop="go"), build)
