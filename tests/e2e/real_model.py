"""A model server of a few lines for real pods, and clients of its Service. Used by the tests in real/."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from tests.cluster.api import Json
from tests.cluster.backends import Backend

PORT: Final = 8080

SERVER: Final = """
import http.server, os, signal, sys, time
class Model(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # else Nagle holds each body back for 40 ms
    def do_POST(self):
        work = int(self.rfile.read(int(self.headers["Content-Length"]))) / 1000
        done = time.thread_time() + work
        while time.thread_time() < done:
            pass
        self.do_GET()
    def do_GET(self):
        answer = os.environ["VERSION"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *_):
        pass
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # the first process of a container has no default for it
if os.environ["VERSION"] == "crashes":
    sys.exit(3)
http.server.ThreadingHTTPServer(("", 8080), Model).serve_forever()
"""

CLIENT: Final = """
import collections, http.client, json, socket, sys, threading, time
host, clients, deadline = sys.argv[1], int(sys.argv[2]), time.monotonic() + float(sys.argv[3])
answers, failures, lock = [], collections.Counter(), threading.Lock()
def ask():
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(host, 80, timeout=5)
        try:
            connection.request("GET", "/")
            response = connection.getresponse()
            text = response.read().decode()
            with lock:
                if response.status == 200:
                    answers.append(text)
                else:
                    failures[str(response.status)] += 1
        except OSError as error:
            with lock:
                failures[repr(error)] += 1
        finally:
            connection.close()
        time.sleep(0.01)
def answers_at_all():
    try:
        socket.create_connection((host, 80), timeout=1).close()
    except OSError:
        return time.monotonic() >= deadline
    return True
# Nodes learn of a new address a moment after its pods are ready, and nobody tells when: failures count from then on.
while not answers_at_all():
    time.sleep(0.05)
threads = [threading.Thread(target=ask) for _ in range(clients)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"answers": collections.Counter(answers), "last": answers[-1], "failures": failures}))
"""


def real_spec(image: str, version: str, *, replicas: int = 2, **fields: Any) -> Json:  # noqa: ANN401 - JSON
    """A spec whose pods answer with their version; to a POST after as many milliseconds of work as its body says."""
    container = {
        "name": "model",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", SERVER],
        "env": [{"name": "VERSION", "value": version}],
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "50m"}},
    }
    return {
        "model": {"version": version},
        "template": {"spec": {"containers": [container]}},
        "replicas": replicas,
        "rollout": {"steps": [], "scaleDownDelaySeconds": 3},
        **fields,
    }


@dataclass(frozen=True)
class Answers:
    """What the clients saw."""

    by_version: dict[str, int]
    last: str
    failures: dict[str, int]


@contextmanager
def load_on(cluster: Backend, namespace: str, host: str, seconds: float) -> Iterator["Future[Answers]"]:
    """Four clients that ask without a pause for some seconds, each request on a connection of its own."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(_ask, cluster, namespace, host, seconds)


def _ask(cluster: Backend, namespace: str, host: str, seconds: float) -> Answers:
    printed = cluster.run_in_network(CLIENT, host, "4", str(seconds), namespace=namespace, timeout=seconds + 60)
    seen = json.loads(printed)
    return Answers(seen["answers"], seen["last"], seen["failures"])
