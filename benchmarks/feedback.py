"""How long one pod takes for labels, through HTTP. The sender is a thread of the same process, and takes its part."""

import asyncio
import http.client
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.figures import Conditions, Figure
from serinus.api.sidecars import PATH_FEEDBACK
from tests.cluster.parts.progress import step
from tests.monitor.books import STAMP
from tests.monitor.pods import TOKEN, Pod, town

ADDRESS: Final = "127.0.0.1"
LABELS: Final = 50_000
A_SECOND: Final = 5_000
BATCHES: Final = (100, 10_000)


def run(*, quick: bool) -> list[Figure]:
    """Measure."""
    labels = LABELS // 5 if quick else LABELS
    return [asyncio.run(_measure(batch, labels)) for batch in BATCHES]


async def _measure(batch: int, labels: int) -> Figure:
    step(f"giving {labels:,} labels, {batch:,} at once")
    with TemporaryDirectory() as folder:
        async with town(Path(folder)) as pods:
            pod = await pods.pod(ADDRESS)
            bodies = [_body(pod, batch) for _ in range(labels // batch)]
            seconds, counted = await asyncio.to_thread(_send, pod.url.removeprefix("http://"), bodies)
    conditions = Conditions(f"{batch:,} labels a request, one sender", errors=labels - counted, work=counted)
    return Figure(f"{A_SECOND:,} labels in batches of {batch:,}", seconds / labels * A_SECOND, "s", conditions, 1.0)


def _body(pod: Pod, batch: int) -> bytes:
    return json.dumps([{"receipt": receipt, "label": 1} for receipt in pod.receipts(batch, STAMP)]).encode()


def _send(host: str, bodies: list[bytes]) -> tuple[float, int]:
    sender = http.client.HTTPConnection(host)
    started, counted = time.perf_counter(), 0
    for body in bodies:
        sender.request("POST", PATH_FEEDBACK, body, {"Authorization": f"Bearer {TOKEN}"})
        counted += sender.getresponse().read().count(b'"counted"')
    seconds = time.perf_counter() - started
    sender.close()
    return seconds, counted
