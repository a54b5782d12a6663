"""Constant load through a Gateway: paced requests on connections that stay, each kept with its time and its answer."""

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

CONNECTIONS: Final = 8
START_SECONDS: Final = 30
END_SECONDS: Final = 30
SIGMAS: Final = 4.5
"""How far a share may be from what it should be: by chance alone one in 150,000 is farther away."""

# A POST, for what a gateway's own client may send twice without a word are requests without a body.
CLIENT: Final = """
import http.client, json, sys, threading, time
host, rate, connections, work = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
ends = threading.Event()
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
        due += connections / rate
        asked = time.monotonic()
        status, text = answer_on(connection)
        seen.append((round(asked, 4), round(time.monotonic(), 4), status, text))
first, deadline = http.client.HTTPConnection(host, 80, timeout=5), time.monotonic() + float(sys.argv[5])
while answer_on(first)[0] != 200:
    if time.monotonic() > deadline:
        sys.exit(f"{host} does not answer")
    time.sleep(0.05)
print("it answers", flush=True)
seen, now = [[] for _ in range(connections)], time.monotonic()
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
    """One request: when it was sent, when its answer was there, by the machine's monotonic clock; and the answer."""

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
        good = Counter(each.text for each in self.answers if each.status // 100 == 2)
        return f"{len(self.answers)} requests in {seconds:.0f} s: answered {dict(good)}, failed {dict(failed)}"


@contextmanager
def constant_load(
    cluster: Backend, namespace: str, host: str, *, rate: float, work_milliseconds: int = 0
) -> Iterator[Load]:
    """Requests at a rate, from when the host first answers until the block is left."""
    settings = (host, str(rate), str(CONNECTIONS), str(work_milliseconds), str(START_SECONDS))
    command = cluster.command_in_network(CLIENT, *settings, namespace=namespace)
    load = Load()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        try:
            assert client.stdout
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


def now() -> float:
    """The clock of the client, which runs on this machine."""
    return time.monotonic()
