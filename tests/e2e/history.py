"""What happened in a namespace, state by state, as the API server remembers it: for what must hold at every moment."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from serinus.api.names import API_VERSION, LABEL_REVISION, child_name
from serinus.render.snapshot import DRAIN_SECONDS
from tests.cluster.api import Api, Json
from tests.e2e import gateways

Event = tuple[str, Json]
"""ADDED, MODIFIED or DELETED, and the object."""

RESOURCES: Final = {
    "ModelDeployment": API_VERSION,
    "Deployment": "apps/v1",
    "Service": "v1",
    "Pod": "v1",
    "HTTPRoute": gateways.API_VERSION,
}


@dataclass(frozen=True)
class History:
    """Everything since a moment. The API server forgets after about a minute: look in time."""

    api: Api
    namespace: str
    since: str

    @classmethod
    def from_now(cls, api: Api, namespace: str) -> "History":
        """Begin here."""
        now: str = api.request("GET", "/api/v1/namespaces/default/services")["metadata"]["resourceVersion"]
        return cls(api, namespace, now)

    def of(self, *kinds: str) -> list[Event]:
        """Every change of these kinds, in the order in which they were written."""
        events = [event for kind in kinds for event in self._changes(kind)]
        return sorted(events, key=lambda event: int(event[1]["metadata"]["resourceVersion"]))

    def sizes(self, deployment: str) -> list[int]:
        """Every number of pods that a Deployment was ever to have, without repeats in a row."""
        sizes: list[int] = []
        for _, item in self.of("Deployment"):
            if item["metadata"]["name"] == deployment and sizes[-1:] != [item["spec"]["replicas"]]:
                sizes.append(item["spec"]["replicas"])
        return sizes

    def told_to_end(self, revision: str) -> datetime:
        """When the first pod of a revision was deleted."""
        pods = (item for _, item in self.of("Pod") if item["metadata"]["labels"].get(LABEL_REVISION) == revision)
        return min(_told_to_end_at(pod) for pod in pods if "deletionTimestamp" in pod["metadata"])

    def assert_always_served(self, name: str) -> None:
        """Whenever some pod was ready, the model's address led to a revision with a ready pod."""
        ready: dict[str, str] = {}
        selected = None
        for change, item in self.of("Service", "Pod"):
            metadata = item["metadata"]
            if item["kind"] == "Pod":
                ready.pop(metadata["uid"], None)
                if change != "DELETED" and _is_ready(item):
                    ready[metadata["uid"]] = metadata["labels"][LABEL_REVISION]
            elif metadata["name"] == name:
                selected = None if change == "DELETED" else item["spec"]["selector"].get(LABEL_REVISION)
            assert selected is None or not ready or selected in ready.values(), (
                f"at version {metadata['resourceVersion']} the address led to {selected}, while pods of "
                f"{sorted(set(ready.values()))} were ready"
            )

    def assert_route_always_leads_to_ready_pods(self, name: str) -> None:
        """Whenever some pod was ready, the route's weights summed to 100 and went to revisions with a ready pod."""
        ready: dict[str, str] = {}
        services: set[str] = set()
        weights: dict[str, int] = {}
        for change, item in self.of("HTTPRoute", "Service", "Pod"):
            metadata = item["metadata"]
            if item["kind"] == "Pod":
                ready.pop(metadata["uid"], None)
                if change != "DELETED" and _is_ready(item):
                    ready[metadata["uid"]] = metadata["labels"][LABEL_REVISION]
            elif item["kind"] == "Service":
                (services.discard if change == "DELETED" else services.add)(metadata["name"])
            elif metadata["name"] == name:
                weights = {} if change == "DELETED" else gateways.weights_of(name, item)
                assert not weights or sum(weights.values()) == 100, weights
            lost = [
                each
                for each, weight in weights.items()
                if weight and (each not in ready.values() or child_name(name, each) not in services)
            ]
            assert not lost or not ready, (
                f"at version {metadata['resourceVersion']} the route led to {lost} by {weights}, while pods of "
                f"{sorted(set(ready.values()))} were ready"
            )

    def assert_selects_ready_pods(self, name: str, *, besides: list[Json]) -> None:
        """Whatever a Service selected answered: a pod was ready, or the last one still had its time to drain.

        Pods are those that came since, and those `besides`.
        """
        ready = {pod["metadata"]["uid"]: pod["metadata"]["labels"] for pod in besides}
        selector: dict[str, str] = {}
        dry: datetime | None = None
        for change, item in self.of("Service", "Pod"):
            metadata = item["metadata"]
            if item["kind"] == "Pod":
                ready.pop(metadata["uid"], None)
                if change != "DELETED" and _is_ready(item):
                    ready[metadata["uid"]] = metadata["labels"]
            elif metadata["name"] == name:
                late = dry and _written_at(item) - dry >= timedelta(seconds=DRAIN_SECONDS)
                assert not late, f"since {dry} pods of {selector} were going; {metadata['resourceVersion']} is too late"
                selector = item["spec"].get("selector", {})
            if not selector or any(selector.items() <= labels.items() for labels in ready.values()):
                dry = None
            elif dry is None:
                assert "deletionTimestamp" in metadata, (
                    f"at version {metadata['resourceVersion']} the Service led to {selector}, while ready were "
                    f"{list(ready.values())}"
                )
                dry = _told_to_end_at(item)
        assert dry is None, f"in the end the Service leads to {selector}, of which nothing is there since {dry}"

    def _changes(self, kind: str) -> Iterator[Event]:
        path = self.api.path(RESOURCES[kind], kind, self.namespace)
        text = self.api.text(f"{path}?watch=true&timeoutSeconds=1&resourceVersion={self.since}")
        for line in text.splitlines():
            event = json.loads(line)
            assert event["type"] != "ERROR", event["object"]
            yield event["type"], event["object"]


def _written_at(item: Json) -> datetime:
    return max(datetime.fromisoformat(entry["time"]) for entry in item["metadata"]["managedFields"])


def _told_to_end_at(pod: Json) -> datetime:
    """When a pod was deleted: its deletionTimestamp is when it must have ended."""
    grace = timedelta(seconds=pod["metadata"]["deletionGracePeriodSeconds"])
    return datetime.fromisoformat(pod["metadata"]["deletionTimestamp"]) - grace


def _is_ready(pod: Json) -> bool:
    """Ready, and not on its way out: whoever is told to end is taken off the endpoints."""
    return "deletionTimestamp" not in pod["metadata"] and any(
        each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ())
    )
