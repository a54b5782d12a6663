"""What the middleware adds to a request: processor time of the model's server, and waiting, beside the same without it.

Both servers run at once and take turns, and the best of their rounds count: the machine has others to serve.
"""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from benchmarks.figures import Conditions, Figure
from tests.cluster.eventually import eventually
from tests.cluster.parts.progress import step
from tests.cluster.ports import free_port
from tests.monitor.middleware.served import ADDRESS, monitored
from tests.monitor.profiles.samples import AMOUNT, PROFILE, encoded
from tests.monitor.servings import serving

FEATURES: Final = 30
ROUNDS: Final = 7
REQUESTS: Final = 3_000
LIMIT_MICROSECONDS: Final = 250
PROGRAM: Final = "import sys; from benchmarks.middleware import serve; serve(*sys.argv[1:])"


class Round(NamedTuple):
    """Microseconds a request."""

    processor: float
    waiting: float
    errors: int


class Server(NamedTuple):
    """A model that serves."""

    process: subprocess.Popen[bytes]
    port: int

    def processor_seconds(self) -> float:
        """Return how long its only thread has run."""
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0]) / 1e9


def run(*, quick: bool) -> list[Figure]:
    """Measure."""
    requests = REQUESTS // 10 if quick else REQUESTS
    with TemporaryDirectory() as folder, _server(folder, "") as bare, _server(folder, "monitored") as watched:
        step(f"{ROUNDS} rounds of {requests:,} requests, with the middleware and without it")
        _round(bare, 200), _round(watched, 200)
        rounds = [(_round(bare, requests), _round(watched, requests)) for _ in range(ROUNDS)]
    without, with_it = _best([bare for bare, _ in rounds]), _best([watched for _, watched in rounds])
    conditions = Conditions(
        f"uvicorn and Starlette, {FEATURES} profiled features, one sender; without: "
        f"{without.processor:.0f} us of processor, {without.waiting:.0f} us of waiting",
        errors=without.errors + with_it.errors,
        work=requests,
    )
    more = with_it.processor - without.processor
    waiting = with_it.waiting - without.waiting
    return [
        Figure("the middleware adds, processor", more, "us/request", conditions, LIMIT_MICROSECONDS),
        Figure("the middleware adds, waiting", waiting, "us/request", conditions),
    ]


def serve(port: str, folder: str, kind: str) -> None:
    """Serve the model: the program of the server's process."""
    app = Starlette(routes=[Route("/predict", _predict, methods=["POST"])])
    content, name = encoded(PROFILE | {"features": [AMOUNT | {"name": feature} for feature in _features()]})
    place = Path(folder)
    (place / "profile.json").write_bytes(content)
    told = serving(
        features="features", prediction="label", score="score", task="Binary", profile=name, warm_up_seconds=0
    )
    served = monitored(app, place, told) if kind else app
    uvicorn.run(served, host=ADDRESS, port=int(port), log_level="error", access_log=False)


async def _predict(request: Request) -> Response:
    features = (await request.json())["features"]
    score = sum(features.values()) / 1000
    return JSONResponse({"label": int(score > 0.5), "score": score})


def _features() -> list[str]:
    return [f"feature_{number}" for number in range(FEATURES)]


@contextmanager
def _server(folder: str, kind: str) -> Iterator[Server]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(port), folder, kind])
    try:
        server = Server(process, port)
        eventually(lambda: _round(server, 1).errors == 0, 20, "the model answers")
        yield server
    finally:
        process.terminate()
        process.wait()


def _round(server: Server, requests: int) -> Round:
    body = json.dumps({"features": {name: place / 4 for place, name in enumerate(_features())}}).encode()
    sender = http.client.HTTPConnection(ADDRESS, server.port)
    times, errors, before = [], 0, server.processor_seconds()
    for _ in range(requests):
        asked = time.perf_counter()
        try:
            sender.request("POST", "/predict", body, {"x-serinus-split": "3-00ff00ff00ff00ff"})
            answer = sender.getresponse()
            errors += answer.status != 200 or b"label" not in answer.read()
        except OSError:
            errors += 1
        times.append(time.perf_counter() - asked)
    sender.close()
    used = server.processor_seconds() - before
    return Round(used / requests * 1e6, median(times) * 1e6, errors)


def _best(rounds: list[Round]) -> Round:
    return Round(
        min(each.processor for each in rounds),
        min(each.waiting for each in rounds),
        sum(each.errors for each in rounds),
    )
