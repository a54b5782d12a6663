"""The monitor beside a model: time to count a request, memory, and how long /metrics keeps the loop to itself."""

import asyncio
import gc
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from benchmarks.figures import Conditions, Figure
from benchmarks.monitor_traffic import SPLIT, profile_of, records, serving_of
from serinus.api.sidecars import SERVING
from serinus.monitor.core import Core, ProfileState
from serinus.monitor.endpoints.exposition import Exposition, Family, Sample, Slices
from serinus.monitor.records.record import read_record
from serinus.monitor.records.ring import Ring
from serinus.monitor.serving import Protocol, read_serving
from tests.cluster.eventually import NotYetError, eventually
from tests.cluster.parts.progress import step

LIMIT_MICROSECONDS: Final = 8
LIMIT_MB: Final = 60
LIMIT_SLICE_MS: Final = 5
SERIES: Final = 10_000
AT_ONCE: Final = 200
ROUNDS: Final = 5
PAUSE_SECONDS: Final = 0.5
"""Between rounds, so that they do not all fall into a time in which the machine has other work."""
Item = TypeVar("Item")
PROCESS: Final = """
import sys
from pathlib import Path
from serinus.monitor.process import Place, main
folder, port, ring_port = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
sys.exit(main(place=Place(folder, folder / "profile.json", port, ring_port)))
"""


def run(*, quick: bool) -> list[Figure]:
    """Measure."""
    count = 2_000 if quick else 20_000
    return [
        *_counting("JSON", count, LIMIT_MICROSECONDS),
        *_counting("OpenInferenceV2", count, None),
        _memory(count),
        _longest_slice(),
    ]


def _counting(protocol: Protocol, count: int, limit: float | None) -> list[Figure]:
    step(f"counting {count} requests of protocol {protocol}")
    messages = records(protocol, 10, count)
    exchanges = [exchange for message in messages if (exchange := read_record(message))]
    with TemporaryDirectory() as folder:
        core = _core(protocol, Path(folder))
    ring = Ring(core.count, time.monotonic)
    counting = _microseconds(core.count, exchanges)
    whole = _microseconds(ring.take, messages)
    conditions = Conditions(
        "10 features and a profile, the best of many runs of 200",
        errors=core.faults + ring.unreadable + int(core.profile_state != ProfileState.LOADED),
        work=core.ledger.total(SPLIT).checked,
    )
    return [
        Figure(f"counting a request, {protocol}", counting, "us", conditions, limit),
        Figure(f"reading its record and counting it, {protocol}", whole, "us", conditions),
    ]


def _core(protocol: Protocol, folder: Path) -> Core:
    content, name = profile_of(10)
    (folder / "profile.json").write_bytes(content)
    serving = read_serving(json.dumps(serving_of(protocol, name)))
    core = Core(serving, folder / "profile.json", "bench", time.monotonic)
    core.ledger.collect("", [SPLIT])
    return core


def _microseconds(do: Callable[[Item], None], items: Sequence[Item]) -> float:
    best = float("inf")
    gc.collect()
    gc.freeze()
    for _ in range(ROUNDS):
        for start in range(0, len(items), AT_ONCE):
            part = items[start : start + AT_ONCE]
            before = time.perf_counter()
            for item in part:
                do(item)
            best = min(best, (time.perf_counter() - before) / len(part))
        time.sleep(PAUSE_SECONDS)
    gc.unfreeze()
    return best * 1e6


def _memory(count: int) -> Figure:
    step(f"a monitor that counts {count} requests with 50 features")
    with TemporaryDirectory() as name:
        folder = Path(name)
        content, profile = profile_of(50)
        (folder / "profile.json").write_bytes(content)
        (folder / "token").write_text("token")
        ports = _free_port(), _free_port()
        process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, name, *map(str, ports)],
            env=os.environ | {SERVING: json.dumps(serving_of("JSON", profile))},
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually(lambda: _get(ports[0], "/healthz"), 20, "the monitor answers")
            _get(ports[0], f"/evidence?split={SPLIT}")
            with socket.create_connection(("127.0.0.1", ports[1])) as ring:
                for message in records("JSON", 50, count):
                    ring.sendall(b"%d %b" % (len(message), message))
                eventually(lambda: f'what="read"}} {count}\n' in _get(ports[0], "/metrics"), 60, "all are counted")
            watermark = json.loads(_get(ports[0], f"/evidence?split={SPLIT}"))["watermark"]
            _get(ports[0], f"/evidence?split={SPLIT}&since={watermark}")
            status = Path(f"/proc/{process.pid}/status").read_text()
        finally:
            process.kill()
            process.wait()
    kilobytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    conditions = Conditions(f"50 features and a profile, {count} requests, peak", work=count)
    return Figure("memory of the monitor", kilobytes / 1024, "MB", conditions, LIMIT_MB)


def _longest_slice() -> Figure:
    names = [(f"feature{number // 20}", str(number % 20)) for number in range(SERIES)]
    samples = [Sample((("feature", name), ("bin", place)), 1 / 3) for name, place in names]
    exposition = Exposition((("namespace", "bench"), ("deployment", "model"), ("revision", "3f9a0c11d2")))
    families = [Family("bench_total", "counter", "Nothing.", samples)]
    gc.collect()
    gc.freeze()
    slices = [asyncio.run(_slices(exposition, families)) for _ in range(5)]
    gc.unfreeze()
    conditions = Conditions(f"{SERIES:,} series, the median of 5 answers", work=len(slices))
    return Figure("longest slice of /metrics", sorted(map(max, slices))[2] * 1e3, "ms", conditions, LIMIT_SLICE_MS)


async def _slices(exposition: Exposition, families: Sequence[Family]) -> list[float]:
    turns = [time.perf_counter()]

    async def take_turns() -> None:
        while True:
            turns.append(time.perf_counter())
            await asyncio.sleep(0)

    others = asyncio.create_task(take_turns())
    await exposition.write(families, Slices())
    turns.append(time.perf_counter())
    others.cancel()
    return [after - before for before, after in pairwise(turns)]


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def _get(port: int, path: str) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": "Bearer token"})
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310 - of loopback
            return str(response.read().decode())
    except OSError as error:
        raise NotYetError(error) from error
