"""Watches ModelReleases as rows of the server's table: names and promotion times, never the large contents."""

import asyncio
import logging
from http import HTTPStatus
from typing import Any, Final

from serinus.api import modelrelease
from serinus.cluster.cache import Cache
from serinus.cluster.client import TABLE, Client
from serinus.cluster.errors import ApiError, ExpiredError, Retry
from serinus.cluster.objects import seen_release
from serinus.cluster.resources import MODEL_RELEASE
from serinus.controller.edge import take
from serinus.controller.health import Health
from serinus.controller.queue import Queue

logger = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 1.0


class ReleaseWatch:
    """Keeps the releases in the cache current."""

    def __init__(self, cache: Cache, queue: Queue, client: Client, health: Health) -> None:
        self._cache = cache
        self._queue = queue
        self._client = client
        self._health = health
        self.synced = asyncio.Event()
        """Set once all releases that there were at the start are in the cache."""
        health.expect(MODEL_RELEASE.path())

    async def run(self) -> None:
        """List and watch, until cancelled."""
        since: str | None = None
        while True:
            try:
                if since is None:
                    since = await self._list()
                    self.synced.set()
                since = await self._follow(since)
                await asyncio.sleep(PAUSE_SECONDS)  # a server that ends every stream at once must not keep us busy
            except ExpiredError:
                since = None
            except (Retry, ApiError) as error:
                logger.warning("watching ModelReleases failed", extra={"error": str(error)})
                since = None
                await asyncio.sleep(PAUSE_SECONDS)

    async def _list(self) -> str:
        since = "0"
        listed = set()
        async for page in self._client.pages(MODEL_RELEASE, TABLE):
            since = page["metadata"]["resourceVersion"]
            for row in page["rows"] or ():
                release = seen_release(row)
                listed.add(release.uid)
                self._note(row, gone=False)
        for known in self._cache.of_kind(modelrelease.KIND):
            # One that is newer than the list was made meanwhile, by ourselves.
            if known.uid not in listed and known.version <= int(since):
                self._cache.remove(known)
                self._queue.add(known.key)
        return since

    async def _follow(self, since: str) -> str:
        self._health.heard(MODEL_RELEASE.path())
        async for event in self._client.watch(MODEL_RELEASE, TABLE, since):
            table = event["object"]
            if event["type"] == "ERROR":
                if table.get("code") == HTTPStatus.GONE:
                    raise ExpiredError(HTTPStatus.GONE, table.get("reason", ""), table.get("message", ""))
                raise Retry(f"the watch ended with an error: {table.get('message')}")
            for row in table.get("rows") or ():
                since = row["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":  # its row is there for the version alone
                    self._note(row, gone=event["type"] == "DELETED")
        return since

    def _note(self, row: dict[str, Any], *, gone: bool) -> None:
        take(seen_release(row), self._cache, self._queue, gone=gone)
