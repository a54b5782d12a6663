"""A model server of a few lines for real pods."""

from typing import Any, Final

from tests.cluster.api import Json
from tests.e2e.models import UNMONITORED

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
        "monitoring": UNMONITORED,
        "replicas": replicas,
        "rollout": {"steps": [], "scaleDownDelaySeconds": 3},
        **fields,
    }
