"""What is counted beside real models is what their clients know: per revision, per step, and for each label."""

import base64
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

import pytest

from tests.cluster.api import Json
from tests.cluster.backends import Backend
from tests.cluster.eventually import eventually
from tests.e2e.models import SECONDS, Model
from tests.e2e.real.load import in_force
from tests.e2e.real.scorer import Clients, Place, Prediction, scoring_spec
from tests.e2e.real.test_monitoring import KILL

pytestmark = [pytest.mark.requires("gateway")]

HOSTNAME: Final = "scored.example.com"
TRAFFIC: Final = {
    "gateway": {
        "parentRefs": [{"name": "public", "namespace": "gateway"}],
        "hostnames": [HOSTNAME],
    }
}
GATEWAY_HOST: Final = "public.gateway"
RATE: Final = 400
ONE_TRIAL: Final = 720_720


def spec(image: str, version: str, limit: float, *steps: tuple[int, int]) -> Json:
    held = [{"weight": weight, "minSeconds": seconds} for weight, seconds in steps]
    rollout = {"steps": held, "scaleDownDelaySeconds": 600}
    return scoring_spec(image, version, limit=limit, traffic=TRAFFIC, rollout=rollout)


@dataclass
class Collector:
    """Follows the watermarks of all pods of a model, as the operator is to do, and sums what it gets."""

    clients: Clients
    model: Model
    token: str
    stamps: list[str] = field(default_factory=list)
    watermarks: dict[str, str] = field(default_factory=dict)
    requests: Counter[Place] = field(default_factory=Counter)
    outcomes: dict[Place, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    processes: Json = field(default_factory=dict)
    """What each pod said of itself last."""

    began_anew: set[str] = field(default_factory=set)
    """Addresses of pods that had forgotten what was not collected."""

    def look(self, *, lost: bool = False) -> None:
        """Ask all pods once; an answer that is lost on its way is not stored, and asked for again later."""
        for attempt in self._attempts():
            for split in range(attempt.get("split", 0) + 1):
                stamp = f"{split}-{attempt['nonce']}"
                if stamp not in self.stamps:
                    self.stamps.append(stamp)
        addresses = {pod["status"]["podIP"] for pod in self.model.pods() if pod["status"].get("podIP")}
        since = {address: self.watermarks.get(address, "") for address in addresses}
        for address, document in self.clients.collect(self.token, self.stamps, since).items():
            if lost:
                continue
            if since[address] not in ("", document["since"]):
                self.began_anew.add(address)
            self.watermarks[address], self.processes[address] = document["watermark"], document
            for stamp, counts in document["counts"].items():
                place = document["revision"], stamp
                self.requests[place] += sum(counts.get("requests", {}).values())
                outcomes = counts.get("outcomes", {})
                self.outcomes[place].update({name: outcomes.get(name, 0) for name in ("trials", "errors", "late")})

    def _attempts(self) -> list[Json]:
        releases = self.model.api.find("serinus.dev/v1alpha1", "ModelRelease", self.model.namespace)
        attempts = [each for release in releases for each in release.get("status", {}).get("attempts", ())]
        return [attempt for attempt in attempts if "nonce" in attempt]


def watched(cluster: Backend, model: Model) -> tuple[Clients, Collector, str]:
    """Who asks the model, who collects, and the token by which labels are given."""
    clients = Clients(cluster, model.namespace, GATEWAY_HOST, HOSTNAME)
    collector = Collector(clients, model, secret(model, "serinus-keys", "token"))
    return clients, collector, secret(model, "fraud-feedback", "token")


def secret(model: Model, name: str, key: str) -> str:
    found = model.api.read("v1", "Secret", name, model.namespace)
    assert found, f"no Secret {name}"
    return base64.b64decode(found["data"][key]).decode()


def ledger(predictions: list[Prediction], revisions: dict[str, str]) -> Counter[Place]:
    """The requests by revision and stamp."""
    return Counter((revisions[each.version], each.stamp) for each in predictions)


def test_the_evidence_is_what_clients_and_labels_say(installed: Backend, model: Model, image: str) -> None:
    first = model.apply(spec(image, "7", 50))
    model.settles(first)
    clients, collector, feedback = watched(installed, model)
    predictions = clients.ask(1_000, rate=RATE, seed=0)

    second = model.apply(spec(image, "8", 40, (20, 15), (50, 15)))
    in_force(model, 20)
    predictions += clients.ask(3_000, rate=RATE, seed=1)
    collector.look(lost=True)
    in_force(model, 50)
    collector.look()
    predictions += clients.ask(3_000, rate=RATE, seed=2)
    collector.look()
    model.settles(second)
    predictions += clients.ask(3_000, rate=RATE, seed=3)
    revisions = {"7": first, "8": second}

    # Labels come after the weight has changed, through the same gateway, whose pod is seldom the one that issued.
    results = clients.tell(predictions, feedback)
    assert results == {"counted": len(predictions)}
    assert clients.tell(predictions[:100], feedback) == {"duplicate": 100}
    collector.look()
    collector.look()

    assert not collector.began_anew
    wanted = ledger(predictions, revisions)
    assert {place: number for place, number in collector.requests.items() if number} == wanted
    assert {stamp for _, stamp in wanted} > {""}, "some were split"
    trials = {place: counts["trials"] for place, counts in collector.outcomes.items() if counts["trials"]}
    assert trials == {place: number * ONE_TRIAL for place, number in wanted.items()}
    wrong = ledger([each for each in predictions if each.prediction != each.truth], revisions)
    errors = {place: counts["errors"] for place, counts in collector.outcomes.items() if counts["errors"]}
    assert errors == {place: number * ONE_TRIAL for place, number in wrong.items()}


def test_what_dies_takes_along_what_was_not_collected_and_no_more(installed: Backend, model: Model, image: str) -> None:
    """A pod with all that is in it, and a monitor alone, which its keeper starts again."""
    revision = model.apply(spec(image, "7", 50))
    model.settles(revision)
    clients, collector, feedback = watched(installed, model)
    doomed, restarted = model.pods(revision)
    collected = clients.ask(600, rate=RATE, seed=0)
    collector.look()

    lost = clients.ask(600, rate=RATE, seed=1)
    name = doomed["metadata"]["name"]
    installed.kubectl("delete", "pod", name, f"--namespace={model.namespace}", "--grace-period=0", "--force")
    installed.kubectl(
        *("exec", restarted["metadata"]["name"], f"--namespace={model.namespace}", "--container=serinus-monitor"),
        *("--", "python3", "-c", KILL),
    )
    model.pods_come(revision, 2)
    model.settles(revision)
    eventually(lambda: _looks(collector), SECONDS, "all pods answer")
    after = clients.ask(600, rate=RATE, seed=2)
    collector.look()

    assert collector.requests[revision, ""] == len(collected) + len(after)
    assert collector.began_anew == {restarted["status"]["podIP"]}
    # Whether a label of theirs was counted nobody knows any more: it is shown, and not used.
    results = clients.tell(collected + lost, feedback)
    assert results == {"reissued": len(collected + lost)}
    assert clients.tell(after, feedback) == {"counted": len(after)}
    collector.look()
    assert collector.outcomes[revision, ""]["trials"] == len(after) * ONE_TRIAL


def _looks(collector: Collector) -> bool:
    try:
        collector.look()
    except RuntimeError as error:  # a monitor is not there yet
        raise AssertionError(error) from error
    return True
