"""Many requests to the API server at once, over connections that stay: what fills a cluster and what measures it."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

import aiohttp

from tests.cluster.api import APPLY, MERGE, Json
from tests.cluster.control_plane import ADMIN, ControlPlane

T = TypeVar("T")

CONNECTIONS: Final = 16
LONGEST_EVENT: Final = 4 * 1024 * 1024
METADATA_ALONE: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""For replies that would repeat a large object."""


class Requests:
    """An administrator's connections."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def create(self, path: str, body: Json) -> Json:
        """Create an object in a collection; return its metadata."""
        return await self._send("POST", path, body, "application/json")

    async def merge(self, path: str, patch: Json) -> Json:
        """Merge into an object; return its metadata."""
        return await self._send("PATCH", path, patch, MERGE)

    async def apply(self, path: str, manifest: Json) -> Json:
        """Write an object by server-side apply; return its metadata."""
        return await self._send("PATCH", path, manifest, APPLY, fieldManager="benchmark", force="true")

    async def delete(self, path: str) -> None:
        """Delete an object and what depends on it."""
        await self._send("DELETE", path, {"propagationPolicy": "Background"}, "application/json")

    async def watch(self, path: str, since: str) -> AsyncIterator[Json]:
        """Yield the events of a collection."""
        query = {"watch": "true", "resourceVersion": since}
        async with self._session.get(path, params=query, timeout=aiohttp.ClientTimeout(total=None)) as response:
            response.raise_for_status()
            async for line in response.content:
                yield json.loads(line)

    async def _send(self, method: str, path: str, body: Json, content_type: str, **query: str) -> Json:
        headers = {"Content-Type": content_type, "Accept": METADATA_ALONE}
        async with self._session.request(
            method, path, data=json.dumps(body), params=query, headers=headers
        ) as response:
            answer: Json = json.loads(await response.read())
            if not response.ok:
                raise RuntimeError(f"{method} {path}: {response.status} {answer.get('message')}")
            return answer


def over_connections(plane: ControlPlane, work: Callable[[Requests], Coroutine[Any, Any, T]]) -> T:
    """Return what the work returns, for which connections to a control plane are open."""
    trust = ssl.create_default_context(cafile=plane.authority)

    async def run() -> T:
        async with aiohttp.ClientSession(
            plane.place.server,
            headers={"Authorization": f"Bearer {plane.token_of(ADMIN)}"},
            connector=aiohttp.TCPConnector(limit=CONNECTIONS + 1, ssl=trust),
            read_bufsize=LONGEST_EVENT,
        ) as session:
            return await work(Requests(session))

    return asyncio.run(run())


async def each_of(items: Iterable[T], work: Callable[[T], Awaitable[object]]) -> None:
    """Await the work for every item, as many at a time as there are connections."""
    remaining = iter(items)

    async def take() -> None:
        for item in remaining:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(take())
