"""A history that lasts longer than the API server remembers: it is written down while it happens."""

import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Self

from tests.cluster.api import Api, ApiError
from tests.cluster.eventually import eventually
from tests.e2e.history import RESOURCES, Event, History

WATCH_SECONDS: Final = 20
CATCH_UP_SECONDS: Final = 20


@dataclass(frozen=True)
class Witness(History):
    """A context manager; from then on it knows what happens in its namespace, until the ModelDeployment is deleted."""

    kept: dict[str, list[Event]] = field(default_factory=lambda: {kind: [] for kind in RESOURCES})
    _ends: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        for kind in RESOURCES:
            threading.Thread(target=self._follow, args=(kind,), name=f"witness of {kind}", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """The watches end by themselves, soon; nobody waits for them."""
        self._ends.set()

    def assert_served_until_deleted(self, name: str) -> None:
        """To be called when everything has gone."""
        eventually(self._has_seen_all_go, CATCH_UP_SECONDS, "the witness has seen everything go")
        self.assert_always_served(name)
        self.assert_route_always_leads_to_ready_pods(name)

    def _has_seen_all_go(self) -> bool:
        left = [f"{kind} {name}" for kind in RESOURCES for name in _there(self.kept[kind])]
        assert not left, left
        return bool(self.kept["ModelDeployment"])

    def _changes(self, kind: str) -> Iterator[Event]:
        deleted = self.kept["ModelDeployment"][-1]
        return (event for event in self.kept[kind] if _version(event) < _version(deleted))

    def _follow(self, kind: str) -> None:
        since = self.since
        path = self.api.path(RESOURCES[kind], kind, self.namespace)
        query = f"watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}"
        while not self._ends.is_set():
            try:
                for line in self.api.lines(f"{path}?{query}&resourceVersion={since}"):
                    event = json.loads(line)
                    assert event["type"] != "ERROR", event["object"]
                    since = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        self.kept[kind].append((event["type"], event["object"]))
            except (OSError, ApiError, http.client.HTTPException):
                if not self._ends.wait(1):  # its end is nobody's concern any more
                    raise


def witnessed(api: Api, namespace: str) -> Witness:
    """A witness who begins now."""
    return Witness(api, namespace, History.from_now(api, namespace).since)


def _there(events: list[Event]) -> set[str]:
    """The UIDs of what came and did not go."""
    there: dict[str, bool] = {}
    for change, item in events:
        there[item["metadata"]["uid"]] = change != "DELETED"
    return {uid for uid, stays in there.items() if stays}


def _version(event: Event) -> int:
    return int(event[1]["metadata"]["resourceVersion"])
