"""Watches ModelReleases as rows of the server's table: names and promotion times, never the large contents."""

import asyncio
import logging
from http import HTTPStatus
from typing import Any, Final

from serinus.api import modelrelease
from serinus.cluster.cache import Cache
from serinus.cluster.client import TABLE, WATCH_SECONDS, Client
from serinus.cluster.errors import ApiError, ExpiredError, Retry
from serinus.cluster.objects import seen_release
from serinus.cluster.resources import MODEL_RELEASE
from serinus.controller.edge import note_sight
from serinus.controller.health import Health
from serinus.controller.queue import Queue

logger = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
RELIST_PAUSE_SECONDS: Final = 8.0
CATCH_UP_SECONDS: Final = 1


class ReleaseWatch:
    """Keeps the releases in the cache current."""

    def __init__(self, cache: Cache, queue: Queue, client: Client, health: Health) -> None:
        self._cache = cache
        self._queue = queue
        self._client = client
        self._health = health
        self.begun = False
        self.synced = asyncio.Event()
        """Set once all releases that there were at the start are in the cache."""
        self._since: str | None = None
        self._heard = 0
        """How many times a watch was opened."""
        health.expect(MODEL_RELEASE.path())

    async def run(self) -> None:
        """List and watch, until cancelled."""
        self.begun = True
        pause = PAUSE_SECONDS
        while True:
            heard = self._heard
            try:
                if self._since is None:
                    self._since = await self._list()
                    self.synced.set()
                await self._follow(self._since)
            except ExpiredError:
                self._since = None
            except (Retry, ApiError) as error:
                logger.warning("watching ModelReleases failed", extra={"error": str(error)})
                pause = max(pause, getattr(error, "after", None) or 0)
                if pause >= RELIST_PAUSE_SECONDS:  # it may not know our version, as after it was restored
                    self._since = None
            # A server that ends every stream at once, or says each time that we are late, must not keep us busy.
            await asyncio.sleep(pause)
            pause = PAUSE_SECONDS if self._heard > heard else min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def catch_up(self) -> None:
        """Bring the cache to what the server has now, whether or not our stream is alive.

        A short watch on a connection of its own tells what the stream may have missed; a list of large objects is dear.
        """
        try:
            if self._since is not None:
                await self._follow(self._since, seconds=CATCH_UP_SECONDS)
                return
        except ExpiredError:
            self._since = None  # that of the stream is as old
        await self._list()

    async def _list(self) -> str:
        since = "0"
        listed = set()
        async for page in self._client.pages(MODEL_RELEASE, TABLE):
            since = page["metadata"]["resourceVersion"]
            for row in page["rows"] or ():
                listed.add(row["object"]["metadata"]["uid"])
                self._note(row, gone=False)
        for known in self._cache.of_kind(modelrelease.KIND):
            # One that is newer than the list was made meanwhile, by ourselves.
            if known.uid not in listed and known.version <= int(since):
                self._cache.remove(known)
                self._queue.add(known.key)
        return since

    async def _follow(self, since: str, seconds: int = WATCH_SECONDS) -> None:
        async for event in self._client.watch(MODEL_RELEASE, TABLE, since, self._opened, seconds):
            table = event["object"]
            if event["type"] == "ERROR":
                if table.get("code") == HTTPStatus.GONE:
                    raise ExpiredError(HTTPStatus.GONE, table.get("reason", ""), table.get("message", ""))
                raise Retry(f"the watch ended with an error: {table.get('message')}")
            for row in table.get("rows") or ():
                self._since = row["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":  # its row is there for the version alone
                    self._note(row, gone=event["type"] == "DELETED")

    def _opened(self) -> None:
        self._heard += 1
        self._health.heard(MODEL_RELEASE.path())

    def _note(self, row: dict[str, Any], *, gone: bool) -> None:
        note_sight(lambda: seen_release(row), row["object"]["metadata"], self._cache, self._queue, gone=gone)
