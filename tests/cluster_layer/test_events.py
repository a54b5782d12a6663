"""Events: named by what they say, sent once in a while, and never in the way."""

from typing import Any

import pytest

from serinus.api.reasons import Reason
from serinus.cluster.client import Client
from serinus.cluster.errors import ApiError, ConflictError, ForbiddenError, NotFoundError, Retry
from serinus.cluster.events import NOTE_LIMIT, QUIET_SECONDS, REMEMBERED, Events
from serinus.cluster.resources import Resource
from tests.cluster_layer.clock import Clock
from tests.cluster_layer.sightings import KEY, MODEL_UID, model

Document = dict[str, Any]


class Server(Client):
    """Keeps Events by name."""

    def __init__(self) -> None:
        self.events: dict[str, Document] = {}
        self.requests = 0
        self.refusal: Exception | None = None

    async def create(self, resource: Resource, namespace: str | None, body: Document) -> Document:
        assert (resource.plural, namespace) == ("events", KEY.namespace)
        self.requests += 1
        if self.refusal:
            raise self.refusal
        name = body["metadata"]["name"]
        if name in self.events:
            raise ConflictError(409, "AlreadyExists", name)
        self.events[name] = body
        return body

    async def get(self, resource: Resource, namespace: str, name: str) -> Document:
        del resource, namespace
        if name not in self.events:
            raise NotFoundError(404, "NotFound", name)
        return self.events[name]

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Document) -> Document:
        del resource, namespace
        self.events[name] = {**self.events[name], **patch}
        return self.events[name]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def events(server: Server, clock: Clock) -> Events:  # noqa: ARG001 - before the Events look at it
    return Events(server, "serinus-0")


async def say(events: Events, note: str = "3 of 3 pods ready", *, uid: str = MODEL_UID, warning: bool = False) -> None:
    await events.send(model(uid=uid), "Reconcile", Reason.SERVING, note, warning=warning)


async def test_an_event_says_what_about_whom_and_by_whom(events: Events, server: Server) -> None:
    await say(events)
    ((name, event),) = server.events.items()
    assert name.startswith("fraud.")
    assert event["regarding"].items() >= {"name": "fraud", "namespace": "risk", "uid": MODEL_UID}.items()
    assert (event["action"], event["reason"], event["note"]) == ("Reconcile", "Serving", "3 of 3 pods ready")
    assert (event["reportingInstance"], event["type"]) == ("serinus-0", "Normal")
    assert "series" not in event


async def test_a_warning_is_one(events: Events, server: Server) -> None:
    await say(events, warning=True)
    assert [event["type"] for event in server.events.values()] == ["Warning"]


async def test_what_differs_has_another_name(events: Events, server: Server) -> None:
    await say(events)
    await say(events, "2 of 3 pods ready")
    await say(events, uid="of-a-namesake")
    assert len(server.events) == 3


async def test_the_same_is_not_said_again_soon(events: Events, server: Server, clock: Clock) -> None:
    await say(events)
    await clock.advance(QUIET_SECONDS - 1)
    await say(events)
    assert server.requests == 1


async def test_the_same_said_later_makes_a_series_of_one_event(events: Events, server: Server, clock: Clock) -> None:
    for count in (None, 2, 3):
        await say(events)
        (event,) = server.events.values()
        assert event.get("series", {}).get("count") == count
        await clock.advance(QUIET_SECONDS + 1)
    assert event["series"]["lastObservedTime"] >= event["eventTime"]


async def test_another_process_continues_the_series(events: Events, server: Server) -> None:
    await say(events)
    await say(Events(server, "serinus-1"))
    assert [event["series"]["count"] for event in server.events.values()] == [2]


@pytest.mark.parametrize(
    "error", [Retry("busy"), ForbiddenError(403, "Forbidden", "no"), ApiError(418, "", "")], ids=repr
)
async def test_an_event_that_cannot_be_sent_stops_nobody(
    events: Events, server: Server, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    server.refusal = error
    await say(events)
    assert "an Event could not be sent" in caplog.text


async def test_an_event_that_ends_between_two_requests_stops_nobody(events: Events, server: Server) -> None:
    server.refusal = ConflictError(409, "AlreadyExists", "it is there")
    await say(events)
    assert server.events == {}


async def test_a_long_note_is_cut_to_what_an_event_holds(events: Events, server: Server) -> None:
    await say(events, "x" * 5000)
    (event,) = server.events.values()
    assert len(event["note"]) == NOTE_LIMIT
    assert event["note"].endswith("x...")


@pytest.mark.parametrize("before", range(4))
async def test_a_note_is_counted_in_bytes_as_the_server_does(events: Events, server: Server, before: int) -> None:
    await say(events, "x" * before + "🐤" * 300)
    (event,) = server.events.values()
    assert NOTE_LIMIT - 4 < len(event["note"].encode()) <= NOTE_LIMIT
    assert event["note"].endswith("🐤...")


async def test_what_was_said_is_not_remembered_without_end(events: Events, server: Server) -> None:
    await say(events, "first")
    for number in range(REMEMBERED):
        await say(events, f"{number}")
    requests = server.requests
    await say(events, "first")
    assert server.requests == requests + 1
