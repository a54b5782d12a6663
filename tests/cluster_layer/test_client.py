"""The client, against a server that answers as a test says."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from serinus.cluster.client import METADATA, PAGE_SIZE, Client
from serinus.cluster.credentials import REFRESH_SECONDS, Credentials, NoCredentialsError
from serinus.cluster.errors import (
    ApiError,
    ConflictError,
    ExpiredError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    Retry,
)
from serinus.cluster.resources import DEPLOYMENT, POD
from tests.cluster_layer.clock import Clock
from tests.cluster_layer.sightings import child

Document = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

MANIFEST: Document = {"kind": "Deployment", "metadata": {"namespace": "risk", "name": "fraud"}, "spec": {}}
PATH = "/apis/apps/v1/namespaces/risk/deployments/fraud"


class Server:
    """Notes requests, and answers with what comes next; the last answer is given for ever."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.bodies: list[Any] = []
        self.answers: list[Answer] = [answer({})]
        self.closing = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        text = await request.text()
        self.bodies.append(json.loads(text) if text else None)
        chosen = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await chosen(request)

    async def hang(self, _: web.Request) -> web.StreamResponse:
        await self.closing.wait()
        return web.Response()


class Fence:
    """Lets writes pass for as long as a test says."""

    def __init__(self) -> None:
        self.left = 100.0

    def seconds_left(self) -> float:
        return self.left


def answer(body: object, status: int = 200, **headers: str) -> Answer:
    async def respond(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return respond


def failure(status: int, reason: str = "", message: str = "", **headers: str) -> Answer:
    return answer({"kind": "Status", "reason": reason, "message": message}, status, **headers)


def stream(*chunks: bytes) -> Answer:
    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        return response

    return respond


def write_kubeconfig(path: Path, server: str, token: str) -> None:
    """Write a kubeconfig; JSON is YAML."""
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": token}}],
    }
    path.write_text(json.dumps(config))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    yield (served := Server())
    served.closing.set()


@pytest.fixture
async def url(server: Server) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.handle)
    test_server = TestServer(application)
    await test_server.start_server()
    yield str(test_server.make_url("")).rstrip("/")
    server.closing.set()
    await test_server.close()


@pytest.fixture
def kubeconfig(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, url, "first")
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


@pytest.fixture
def fence() -> Fence:
    return Fence()


@pytest.fixture
def answered() -> list[tuple[str, int]]:
    return []


@pytest.fixture
async def client(kubeconfig: Path, fence: Fence, answered: list[tuple[str, int]]) -> AsyncIterator[Client]:
    del kubeconfig  # the credentials find it
    credentials = Credentials()
    yield Client(credentials, fence, lambda method, code: answered.append((method, code)))
    await credentials.close()


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


async def test_an_apply_names_manager_force_and_nothing_else(client: Client, server: Server) -> None:
    await client.apply(MANIFEST, manager="somebody", force=False)
    (request,) = server.requests
    assert (request.method, request.path) == ("PATCH", PATH)
    assert dict(request.query) == {"fieldManager": "somebody", "force": "false"}
    assert request.headers["Content-Type"] == "application/apply-patch+yaml"
    assert request.headers["Authorization"] == "Bearer first"
    assert server.bodies == [MANIFEST]


async def test_a_status_is_written_into_the_object_that_was_seen(client: Client, server: Server) -> None:
    found = child("Deployment", version=7, name="fraud")
    await client.patch_status(DEPLOYMENT, found, {"replicas": None})
    (request,) = server.requests
    assert (request.method, request.path) == ("PATCH", f"{PATH}/status")
    metadata = {"uid": found.uid, "resourceVersion": "7"}
    assert server.bodies == [{"metadata": metadata, "status": {"replicas": None}}]


async def test_every_answer_is_noted(client: Client, server: Server, answered: list[tuple[str, int]]) -> None:
    server.answers = [answer({}), failure(503)]
    await client.get(DEPLOYMENT, "risk", "fraud")
    with pytest.raises(Retry):
        await client.apply(MANIFEST)
    assert answered == [("GET", 200), ("PATCH", 503)]


WRITES: dict[str, Callable[[Client], Awaitable[object]]] = {
    "apply": lambda client: client.apply(MANIFEST),
    "patch_status": lambda client: client.patch_status(DEPLOYMENT, child("Deployment"), {}),
    "merge": lambda client: client.merge(DEPLOYMENT, "risk", "fraud", {}),
    "create": lambda client: client.create(DEPLOYMENT, "risk", MANIFEST),
    "delete": lambda client: client.delete(DEPLOYMENT, "risk", "fraud", "uid"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("left", [0.0, -5.0])
async def test_who_does_not_lead_writes_nothing(
    client: Client, server: Server, fence: Fence, write: Callable[[Client], Awaitable[object]], left: float
) -> None:
    fence.left = left
    with pytest.raises(Retry, match="does not lead") as retry:
        await write(client)
    assert retry.value.after == 1
    assert server.requests == []


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_no_write_is_waited_for_beyond_the_end_of_the_lease(
    client: Client, server: Server, fence: Fence, write: Callable[[Client], Awaitable[object]]
) -> None:
    server.answers = [server.hang]
    fence.left = 0.05
    async with within(3):
        with pytest.raises(Retry, match="TimeoutError"):
            await write(client)


async def test_who_does_not_lead_may_read_and_ask_for_the_lease(client: Client, server: Server, fence: Fence) -> None:
    fence.left = 0
    await client.get(DEPLOYMENT, "risk", "fraud")
    await client.unfenced("PUT", "/lease", {})
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (410, ExpiredError),
        (422, InvalidError),
    ],
)
async def test_each_error_has_its_kind_and_the_servers_words(
    client: Client, server: Server, status: int, kind: type[ApiError]
) -> None:
    server.answers = [failure(status, "SomeReason", "some words")]
    with pytest.raises(kind) as error:
        await client.get(DEPLOYMENT, "risk", "fraud")
    assert type(error.value) is kind
    assert (error.value.status, error.value.reason, error.value.message) == (status, "SomeReason", "some words")


async def test_an_error_that_is_not_json_has_its_kind_too(client: Client, server: Server) -> None:
    async def plain(_: web.Request) -> web.StreamResponse:
        return web.Response(status=404, text="404 page not found\n")

    server.answers = [plain]
    with pytest.raises(NotFoundError, match="Not Found"):
        await client.get(DEPLOYMENT, "risk", "fraud")


async def test_an_apply_with_an_unknown_field_is_invalid_whatever_the_code(client: Client, server: Server) -> None:
    server.answers = [
        failure(500, "", "failed to create typed patch object (risk/fraud; apps/v1, Kind=Deployment): no field colour")
    ]
    with pytest.raises(InvalidError) as error:
        await client.apply(MANIFEST)
    assert error.value.message.endswith("no field colour")


@pytest.mark.parametrize(
    ("refusal", "after"),
    [
        (failure(429, "TooManyRequests", "later", Retry_After="7"), 7.0),
        (failure(503, "ServiceUnavailable", "starting", Retry_After="1"), 1.0),
        (failure(429, "TooManyRequests", "later"), None),
        (failure(429, "TooManyRequests", "later", Retry_After="Sat, 21 Nov 2026 12:00:00 GMT"), None),
        (failure(500, "InternalError", "etcdserver: request timed out"), None),
        (failure(401, "Unauthorized", "the token is not valid yet"), None),
    ],
    ids=["429", "503", "429 without a time", "429 with a date", "500", "401"],
)
async def test_what_may_pass_is_tried_again_when_the_server_says(
    client: Client, server: Server, refusal: Answer, after: float | None
) -> None:
    server.answers = [refusal]
    with pytest.raises(Retry) as retry:
        await client.apply(MANIFEST)
    assert retry.value.after == after


async def test_a_server_that_is_not_there_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fence: Fence
) -> None:
    write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:9", "first")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    credentials = Credentials()
    client = Client(credentials, fence, lambda _method, _code: None)
    with pytest.raises(Retry):
        await client.get(DEPLOYMENT, "risk", "fraud")
    await credentials.close()


async def test_what_is_gone_needs_no_deletion(client: Client, server: Server) -> None:
    server.answers = [failure(404)]
    await client.delete(DEPLOYMENT, "risk", "fraud", "its-uid")
    assert server.bodies == [{"propagationPolicy": "Background", "preconditions": {"uid": "its-uid"}}]


async def test_what_is_another_by_now_is_looked_at_again(client: Client, server: Server) -> None:
    server.answers = [failure(409)]
    with pytest.raises(Retry):
        await client.delete(DEPLOYMENT, "risk", "fraud", "its-uid")


async def test_a_collection_comes_page_by_page(client: Client, server: Server) -> None:
    server.answers = [
        answer({"metadata": {"continue": "a b+c"}, "items": [1]}),
        answer({"metadata": {"continue": ""}, "items": [2]}),
    ]
    items = [page["items"] async for page in client.pages(POD, METADATA, "serinus.dev/deployment")]
    assert items == [[1], [2]]
    assert [request.query.get("continue") for request in server.requests] == [None, "a b+c"]
    for request in server.requests:
        assert (request.query["limit"], request.query["labelSelector"]) == (str(PAGE_SIZE), "serinus.dev/deployment")
        assert request.headers["Accept"] == METADATA


@pytest.mark.parametrize(("items", "found"), [([{"metadata": {}}], {"metadata": {}}), ([], None), (None, None)])
async def test_one_object_is_found_by_the_right_to_list(
    client: Client, server: Server, items: list[Document] | None, found: Document | None
) -> None:
    server.answers = [answer({"metadata": {}, "items": items})]
    assert await client.find(POD, "risk", "fraud-x") == found
    (request,) = server.requests
    assert request.path == "/api/v1/namespaces/risk/pods"
    assert request.query["fieldSelector"] == "metadata.name=fraud-x"


async def events(client: Client) -> list[Document]:
    return [event async for event in client.watch(POD, METADATA, "10", lambda: None)]


async def test_events_come_however_the_lines_are_cut(client: Client, server: Server) -> None:
    sent = [{"type": "ADDED", "object": {"name": f"pod-{number}"}} for number in range(3)]
    text = b"".join(json.dumps(event).encode() + b"\n" for event in sent)
    server.answers = [stream(*(text[at : at + 7] for at in range(0, len(text), 7)))]
    assert await events(client) == sent
    (request,) = server.requests
    assert (request.query["resourceVersion"], request.query["allowWatchBookmarks"]) == ("10", "true")


async def test_a_line_may_be_as_long_as_an_object(client: Client, server: Server) -> None:
    event = {"type": "ADDED", "object": {"data": "x" * 3_000_000}}
    server.answers = [stream(json.dumps(event).encode() + b"\n")]
    assert await events(client) == [event]


async def test_a_watch_that_cannot_go_on_says_so(client: Client, server: Server) -> None:
    server.answers = [failure(410, "Expired", "too old resource version")]
    with pytest.raises(ExpiredError):
        await events(client)


async def test_a_watch_that_breaks_off_is_tried_again(client: Client, server: Server) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"type": "ADD')
        assert request.transport
        request.transport.abort()
        return response

    server.answers = [broken]
    with pytest.raises(Retry, match="watching pods"):
        await events(client)


async def test_a_token_that_was_replaced_is_used_within_a_minute(
    clock: Clock, client: Client, server: Server, kubeconfig: Path, url: str
) -> None:
    write_kubeconfig(kubeconfig, url, "second")
    await client.get(DEPLOYMENT, "risk", "fraud")
    clock.now += REFRESH_SECONDS + 1
    await client.get(DEPLOYMENT, "risk", "fraud")
    tokens = [request.headers["Authorization"] for request in server.requests]
    assert tokens == ["Bearer first", "Bearer second"]


def test_who_has_no_credentials_is_told_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(NoCredentialsError, match="set KUBECONFIG"):
        Credentials()
