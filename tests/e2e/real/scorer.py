"""A model that scores amounts, who asks it, and who later knows the truth: each keeps a ledger of its own.

The model says in its answer which version it is and which stamp the request had, so the ledger knows the revision and
the step of each prediction, and no counter is asked.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tests.cluster.api import Json
from tests.cluster.backends import Backend
from tests.e2e.real.model_server import PORT, real_spec

SERVER: Final = """
import http.server, json, os, signal
class Model(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # else Nagle holds each body back for 40 ms
    def do_POST(self):
        amount = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["amount"]
        prediction = "fraud" if amount > float(os.environ["LIMIT"]) else "fine"
        stamp, pod = self.headers.get("x-serinus-split", ""), os.environ["HOSTNAME"]
        self.answer({"prediction": prediction, "version": os.environ["VERSION"], "stamp": stamp, "pod": pod})
    def do_GET(self):
        self.answer({})
    def answer(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # the first process of a container has no default for it
http.server.ThreadingHTTPServer(("", 8080), Model).serve_forever()
"""

CALLER: Final = """
import http.client, json, random, sys, threading, time
host, hostname, rate, number, clients, seed = sys.argv[1:]
rate, number, clients = float(rate), int(number), int(clients)
start, kept = time.monotonic(), [[] for _ in range(clients)]
def ask(client):
    connection, draw = http.client.HTTPConnection(host, 80, timeout=10), random.Random(f"{seed} {client}")
    for place in range(client, number, clients):
        time.sleep(max(0, start + place / rate - time.monotonic()))
        amount = round(draw.uniform(0, 100), 2)
        connection.request("POST", "/score", json.dumps({"amount": amount}),
                           {"Host": hostname, "Content-Type": "application/json"})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        truth = "fraud" if amount > 50 else "fine"
        receipt = answer.headers["x-serinus-receipt"]
        kept[client].append([said["version"], said["stamp"], said["pod"], said["prediction"], truth, receipt])
threads = [threading.Thread(target=ask, args=(client,)) for client in range(clients)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps([each for one in kept for each in one]))
"""

TELLER: Final = """
import http.client, json, sys
host, hostname, token = sys.argv[1:]
items, results = json.load(sys.stdin), []
connection = http.client.HTTPConnection(host, 80, timeout=30)
for begin in range(0, len(items), 500):
    connection.request("POST", "/serinus/feedback", json.dumps(items[begin:begin + 500]),
                       {"Host": hostname, "Authorization": "Bearer " + token, "Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        sys.exit(f"{answer.status} {text}")
    results += [each["result"] for each in json.loads(text)]
print(json.dumps(results))
"""

COLLECTOR: Final = """
import http.client, json, sys, urllib.parse
token, stamps, pods = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
found = {}
for address, since in pods.items():
    connection = http.client.HTTPConnection(address, 15090, timeout=10)
    query = urllib.parse.urlencode([("since", since), *(("split", each) for each in stamps)])
    connection.request("GET", "/evidence?" + query, headers={"Authorization": "Bearer " + token})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        sys.exit(f"{answer.status} {text}")
    found[address] = json.loads(text)
print(json.dumps(found))
"""


def scoring_spec(image: str, version: str, *, limit: float = 50, **fields: Any) -> Json:  # noqa: ANN401 - JSON
    """A monitored model that calls amounts above its limit fraud; above 50 they are."""
    monitoring = {"mode": "Sidecar", "task": "Binary", "warmUpSeconds": 0, **fields.pop("monitoring", {})}
    spec = real_spec(image, version, monitoring=monitoring, **fields)
    (container,) = spec["template"]["spec"]["containers"]
    container["command"] = ["python3", "-c", SERVER]
    container["env"].append({"name": "LIMIT", "value": str(limit)})
    assert container["ports"] == [{"name": "http", "containerPort": PORT}]
    return spec


class Prediction(NamedTuple):
    """One answer, as its client keeps it, and the truth that it learns later."""

    version: str
    stamp: str
    pod: str
    prediction: str
    truth: str
    receipt: str


Place = tuple[str, str]
"""A version, and the stamp of the requests that it answered."""


@dataclass
class Clients:
    """Those who ask the model through an address, and tell it the truth later."""

    cluster: Backend
    namespace: str
    host: str
    hostname: str

    def ask(self, number: int, *, rate: float, seed: int = 1) -> list[Prediction]:
        """Ask at a rate; no request may fail."""
        settings = (self.host, self.hostname, rate, number, 8, seed)
        printed = self._run(CALLER, *map(str, settings), timeout=60 + number / rate)
        return [Prediction(*each) for each in json.loads(printed)]

    def tell(self, predictions: Iterable[Prediction], token: str) -> Counter[str]:
        """Tell the truth; returns how many labels had which result."""
        items = [{"receipt": each.receipt, "label": each.truth} for each in predictions]
        printed = self._run(TELLER, self.host, self.hostname, token, stdin=json.dumps(items), timeout=120)
        return Counter(json.loads(printed))

    def collect(self, token: str, stamps: list[str], watermarks: dict[str, str]) -> dict[str, Json]:
        """Return the evidence of pods by their addresses, each since its watermark."""
        found: dict[str, Json] = json.loads(
            self._run(COLLECTOR, token, json.dumps(stamps), json.dumps(watermarks), timeout=60)
        )
        return found

    def _run(self, program: str, *arguments: str, timeout: float, stdin: str = "") -> str:
        return self.cluster.run_in_network(program, *arguments, namespace=self.namespace, timeout=timeout, stdin=stdin)
