"""Constant load on an address: paced requests, each kept with its time and its answer.

Where a gateway splits them connections stay; where a Service does, every request comes on a connection of its own.
"""

import json
import math
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tests.cluster.backends import Backend
from tests.cluster.eventually import eventually
from tests.e2e.models import SECONDS, Model

CLIENTS: Final = 8
START_SECONDS: Final = 30
END_SECONDS: Final = 30
LOOK_SECONDS: Final = 0.2
SIGMAS: Final = 4.5
"""How far a share may be from what it should be: by chance alone one in 150,000 is farther away."""

# A POST, for what a gateway's own client may send twice without a word are requests without a body.
CLIENT: Final = """
import http.client, json, sys, threading, time
host, rate, clients, work, patience, fresh = sys.argv[1:]
rate, clients, ends = float(rate), int(clients), threading.Event()
sys.stdin.readline()  # from then on what it prints is heard, also where it runs as a pod
def answer_on(connection):
    try:
        connection.request("POST", "/", body=work)
        response = connection.getresponse()
        return response.status, response.read().decode()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return 0, repr(error)
def ask(due, seen):
    connection = http.client.HTTPConnection(host, 80, timeout=5)
    while not ends.wait(max(0, due - time.monotonic())):
        due += clients / rate
        asked = time.time()
        status, text = answer_on(connection)
        seen.append((round(asked, 4), round(time.time(), 4), status, text))
        if fresh == "True":
            connection.close()
# Nodes learn of a new address a moment after its pods are ready, and nobody tells when: failures count from then on.
first, deadline = http.client.HTTPConnection(host, 80, timeout=5), time.monotonic() + float(patience)
while answer_on(first)[0] != 200:
    if time.monotonic() > deadline:
        sys.exit(f"{host} does not answer")
    time.sleep(0.05)
first.close()
print("it answers", flush=True)
seen, now = [[] for _ in range(clients)], time.monotonic()
threads = [threading.Thread(target=ask, args=(now + i / rate, each)) for i, each in enumerate(seen)]
for thread in threads:
    thread.start()
sys.stdin.read()
ends.set()
for thread in threads:
    thread.join()
print(json.dumps([answer for each in seen for answer in each]))
"""


class Answer(NamedTuple):
    """One request: when it was sent, when its answer was there, and the answer."""

    asked: float
    answered: float
    status: int
    """0 where the connection failed."""
    text: str
    """The version that answered, or what went wrong."""


class Span(NamedTuple):
    """A time in which a version held a share of the requests, in percent."""

    version: str
    weight: int
    begin: float
    end: float


@dataclass
class Load:
    """What came of all requests; complete when the load has ended."""

    answers: list[Answer] = field(default_factory=list)

    @property
    def failures(self) -> list[Answer]:
        """Every request without an answer of 2xx."""
        return [answer for answer in self.answers if answer.status // 100 != 2]

    @property
    def versions(self) -> Counter[str]:
        """How many requests each version answered."""
        return Counter(answer.text for answer in self.answers if answer.status // 100 == 2)

    @property
    def last(self) -> str:
        """The version, or the failure, that came last."""
        return max(self.answers, key=lambda answer: answer.answered).text

    def assert_split(self, span: Span) -> None:
        """The version answered its share of the requests that were sent and answered in this time."""
        within = [each.text for each in self.answers if span.begin <= each.asked and each.answered <= span.end]
        share, wanted = within.count(span.version) / max(1, len(within)), span.weight / 100
        bound = SIGMAS * math.sqrt(wanted * (1 - wanted) / max(1, len(within)))
        told = f"{share:.2%} of {len(within)} requests went to {span.version}, should be {span.weight} % +- {bound:.2%}"
        print(told)  # noqa: T201 - shown with a failure, and by -s
        assert abs(share - wanted) <= bound < wanted, told

    def told(self) -> str:
        """The counts for people."""
        if not self.answers:
            return "no request"
        seconds = max(each.answered for each in self.answers) - min(each.asked for each in self.answers)
        failed = Counter(f"{each.status} {each.text}" for each in self.failures)
        return f"{len(self.answers)} requests in {seconds:.0f} s: answered {dict(self.versions)}, failed {dict(failed)}"


@contextmanager
def constant_load(
    cluster: Backend, namespace: str, host: str, *, rate: float, work_milliseconds: int = 0, fresh: bool = False
) -> Iterator[Load]:
    """Requests at a rate, from when the host first answers until the block is left."""
    settings = (host, rate, CLIENTS, work_milliseconds, START_SECONDS, fresh)
    command = cluster.command_in_network(CLIENT, *map(str, settings), namespace=namespace)
    load = Load()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        try:
            assert client.stdin
            assert client.stdout
            client.stdin.write("begin\n")
            client.stdin.flush()
            assert client.stdout.readline().strip() == "it answers", f"{host} does not answer"
            yield load
        finally:
            load.answers += _answers_of(client)
            print(load.told())  # noqa: T201 - shown with a failure, and by -s


def _answers_of(client: "subprocess.Popen[str]") -> list[Answer]:
    """End the client by closing its input, and return what it saw."""
    try:
        printed, _ = client.communicate(timeout=END_SECONDS)
    finally:
        client.kill()
    return [Answer(*each) for each in json.loads(printed or "[]")]


def share(model: Model) -> int | None:
    """The canary's share as the status has it."""
    weight: int | None = model.status().get("canary", {}).get("weightInForce")
    return weight


def in_force(model: Model, weight: int) -> float:
    """Wait until a canary's share is in force; return when it was, for certain."""
    eventually(lambda: share(model) == weight, SECONDS, f"{weight} % are in force")
    return time.time()


def time_in_force(model: Model, version: str, weight: int) -> Span:
    """Wait until a canary's share is in force and over; return when it was in force for certain."""
    begin = end = in_force(model, weight)

    def is_over() -> bool:
        nonlocal end
        asked = time.time()
        if share(model) != weight:
            return True
        end = asked
        return False

    eventually(is_over, SECONDS, f"the time of {weight} % is over", interval=LOOK_SECONDS)
    return Span(version, weight, begin, end)
