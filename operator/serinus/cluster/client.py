"""The thin API client: the handful of requests the operator makes, each with its deadline and its precondition."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Any, Final, Protocol

import aiohttp

from serinus.api.names import FIELD_MANAGER
from serinus.cluster.credentials import Credentials
from serinus.cluster.errors import (
    ApiError,
    ConflictError,
    ExpiredError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    Retry,
    ServerError,
)
from serinus.cluster.objects import Seen
from serinus.cluster.resources import BY_KIND, Resource

Document = dict[str, Any]

REQUEST_SECONDS: Final = 10.0
PAGE_SIZE: Final = 50
"""Objects in one piece of a list. Memory that a large piece takes is never given back: 500 cost 60 MB more."""

CONNECTIONS: Final = 32
WATCH_SECONDS: Final = 290
QUIET_SECONDS: Final = 90
"""The server sends a bookmark about every minute: a stream that is silent for longer is dead."""

METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
TABLE: Final = "application/json;as=Table;g=meta.k8s.io;v=v1"

_APPLY: Final = "application/apply-patch+yaml"
_MERGE: Final = "application/merge-patch+json"

_ERRORS: Final[dict[int, type[ApiError]]] = {
    HTTPStatus.BAD_REQUEST: InvalidError,
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.GONE: ExpiredError,
    HTTPStatus.UNPROCESSABLE_ENTITY: InvalidError,
}


class Fence(Protocol):
    """Says for how many seconds from now we may write; 0 where another replica leads."""

    def seconds_left(self) -> float:
        """Return the seconds."""


class Client:
    """Requests to the API server. Writes pass the fence: none may still be under way when our Lease has ended."""

    def __init__(self, credentials: Credentials, fence: Fence, answered: Callable[[str, int], None]) -> None:
        self._server = credentials.server
        self._answered = answered
        self._session = credentials.session(limit=CONNECTIONS)
        self._streams = credentials.session(limit=0)
        self._fence = fence

    async def get(self, resource: Resource, namespace: str, name: str) -> Document:
        """Return one object."""
        return await self._request("GET", resource.path(namespace, name))

    async def find(self, resource: Resource, namespace: str, name: str) -> Document | None:
        """Return one object, if it is there, as a list has it: that needs no other right than the watch does."""
        query = {"fieldSelector": f"metadata.name={name}"}
        page = await self._request("GET", resource.path(namespace), query=query)
        return next(iter(page["items"] or ()), None)

    async def apply(self, manifest: Document, *, manager: str = FIELD_MANAGER, force: bool = True) -> Document:
        """Write an intent by server-side apply; a resourceVersion or uid in it is a precondition."""
        metadata = manifest["metadata"]
        path = BY_KIND[manifest["kind"]].path(metadata["namespace"], metadata["name"])
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        return await self._write("PATCH", path, manifest, content_type=_APPLY, query=query)

    async def patch_status(self, resource: Resource, seen: Seen, status: Document) -> Document:
        """Merge into the status of an object as it was seen; a None removes. ConflictError if it is another by now."""
        path = resource.path(seen.identity.namespace, seen.identity.name, "status")
        query = {"fieldManager": FIELD_MANAGER}
        body = {"metadata": {"uid": seen.uid, "resourceVersion": str(seen.version)}, "status": status}
        return await self._write("PATCH", path, body, content_type=_MERGE, query=query)

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Document) -> Document:
        """Merge into an object."""
        query = {"fieldManager": FIELD_MANAGER}
        return await self._write("PATCH", resource.path(namespace, name), patch, content_type=_MERGE, query=query)

    async def create(self, resource: Resource, namespace: str | None, body: Document) -> Document:
        """Create an object; ConflictError if the name is taken."""
        return await self._write("POST", resource.path(namespace), body)

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> None:
        """Delete this very object; one of the same name that came later stays. Gone already is fine."""
        options = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        try:
            await self._write("DELETE", resource.path(namespace, name), options)
        except NotFoundError:
            return
        except ConflictError as error:  # another one has its name by now, and we have not seen it yet
            raise Retry(f"{resource.kind} {name} changed meanwhile") from error

    async def unfenced(self, method: str, path: str, body: Document | None = None) -> Document:
        """Make a request that needs no Lease: those that get the Lease, and questions about our rights."""
        return await self._request(method, path, body)

    async def pages(self, resource: Resource, accept: str, selector: str | None = None) -> AsyncIterator[Document]:
        """Yield a collection of all namespaces, in pieces that are small whatever its size."""
        query = {"limit": str(PAGE_SIZE), **({"labelSelector": selector} if selector else {})}
        while True:
            page = await self._request("GET", resource.path(), accept=accept, query=query)
            yield page
            token = page["metadata"].get("continue")
            if not token:
                return
            query["continue"] = token

    async def watch(
        self, resource: Resource, accept: str, since: str, opened: Callable[[], None], seconds: int = WATCH_SECONDS
    ) -> AsyncIterator[Document]:
        """Yield the events of a collection until the stream ends; ExpiredError if it cannot go on from `since`."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": since,
            "timeoutSeconds": str(seconds),
        }
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_SECONDS, sock_read=QUIET_SECONDS)
        url = self._server + resource.path()
        try:
            async with self._streams.get(url, params=query, headers={"Accept": accept}, timeout=timeout) as response:
                await _raise_for_error(response)
                opened()
                async for line in _lines(response.content):
                    yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Retry(f"watching {resource.plural}: {error!r}") from error

    async def _write(self, method: str, path: str, body: Document, **how: Any) -> Document:  # noqa: ANN401 - passed on
        allowed = self._fence.seconds_left()
        if allowed <= 0:
            raise Retry("this replica does not lead", after=1)
        return await self._request(method, path, body, seconds=min(REQUEST_SECONDS, allowed), **how)

    async def _request(
        self,
        method: str,
        path: str,
        body: Document | None = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        query: dict[str, str] | None = None,
        seconds: float = REQUEST_SECONDS,
    ) -> Document:
        headers = {"Accept": accept, "Content-Type": content_type}
        data = None if body is None else json.dumps(body, separators=(",", ":"))
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.request(
                    method, self._server + path, data=data, params=query, headers=headers
                ) as response,
            ):
                self._answered(method, response.status)
                await _raise_for_error(response)
                document: Document = json.loads(await response.read())
                return document
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Retry(f"{method} {path}: {error!r}") from error


_UNTYPED: Final = ("failed to create typed patch object", "failed to convert new object")
"""How the API server begins its answer, with code 500, to an apply of what is no object of its kind."""


async def _raise_for_error(response: aiohttp.ClientResponse) -> None:
    if response.ok:
        return
    try:
        status = json.loads(await response.read())
    except ValueError:
        status = {}
    message = status.get("message") or response.reason or ""
    reason = status.get("reason") or ""
    if response.status in _ERRORS:
        raise _ERRORS[response.status](response.status, reason, message)
    if message.startswith(_UNTYPED):
        raise InvalidError(response.status, reason, message)
    wait = response.headers.get("Retry-After", "")
    after = float(wait) if wait.isdecimal() else None
    why = f"{response.status} {reason}: {message}"
    if response.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ServerError(why, message, after)
    raise Retry(why, after)


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Yield lines of any length; the reader's own iteration gives up on long ones."""
    rest = b""
    async for chunk in stream.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line
