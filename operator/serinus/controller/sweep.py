"""Compares the cache with the server: says when all was seen, and finds deletions that the watch never reported."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from serinus.api.names import LABEL_DEPLOYMENT
from serinus.cluster.cache import Cache
from serinus.cluster.client import METADATA, Client
from serinus.cluster.errors import ApiError, NotFoundError, Retry
from serinus.cluster.objects import Identity, Seen
from serinus.cluster.resources import MODEL_DEPLOYMENT, OPTIONAL, Resource
from serinus.controller import metrics
from serinus.controller.edge import WATCHED
from serinus.controller.health import Health
from serinus.controller.queue import Queue

logger = logging.getLogger(__name__)

FIRST_LOOK_SECONDS: Final = 0.05
SLOWEST_LOOK_SECONDS: Final = 2.0


class Sweep:
    """Lists metadata alone, page by page, so that a large cluster costs neither side much.

    ModelReleases are left out: releasewatch.py lists them itself, after every break.
    """

    def __init__(self, cache: Cache, queue: Queue, client: Client, health: Health, interval: float) -> None:
        self._cache = cache
        self._queue = queue
        self._client = client
        self._health = health
        self._interval = interval
        self.synced = asyncio.Event()
        """Set once everything that Kopf watches and that there was at the start is in the cache."""

    async def run(self) -> None:
        """Wait for the cache to be complete, then sweep now and then, until cancelled."""
        await self.catch_up()
        self.synced.set()
        logger.info("in step with the cluster", extra={"objects": len(self._cache)})
        while True:
            await asyncio.sleep(self._interval)
            for resource in WATCHED:
                await self._is_complete(resource)

    async def catch_up(self) -> None:
        """Return when the watches have brought everything that the server has now."""
        for resource in WATCHED:  # one kind after the other: a look at a large cluster is work for the API server
            pause = FIRST_LOOK_SECONDS
            while not await self._is_complete(resource):
                await asyncio.sleep(pause)
                pause = min(2 * pause, SLOWEST_LOOK_SECONDS)

    async def _is_complete(self, resource: Resource) -> bool:
        try:
            return await self._sweep(resource) == 0
        except (Retry, ApiError) as error:
            if isinstance(error, NotFoundError) and resource in OPTIONAL:
                self._health.forget(resource.path())
                self._drop(self._cache.of_kind(resource.kind))
                return True
            logger.warning("the cache could not be compared with the cluster", extra={"error": str(error)})
            return False

    async def _sweep(self, resource: Resource) -> int:
        """Drop what is gone, and return how much the watches have not brought yet."""
        known = {item.uid: item for item in self._cache.of_kind(resource.kind)}
        missing = 0
        async for page in self._client.pages(
            resource, METADATA, None if resource is MODEL_DEPLOYMENT else LABEL_DEPLOYMENT
        ):
            for item in page["items"] or ():
                metadata = item["metadata"]
                known.pop(metadata["uid"], None)
                identity = Identity(resource.kind, metadata["namespace"], metadata["name"])
                if not self._cache.has_seen(identity, metadata["uid"], int(metadata["resourceVersion"])):
                    missing += 1
        self._drop(known.values())
        return missing

    def _drop(self, gone: Iterable[Seen]) -> None:
        """Take out of the cache what is no longer there, and tell whoever it belonged to."""
        for item in gone:
            # Still as it was before the list: what changed meanwhile is newer than the list.
            if self._cache.find(item.identity) is item and self._cache.remove(item):
                logger.warning("gone without the watch saying so", extra={"object": "/".join(item.identity)})
                metrics.SWEPT_OBJECTS.labels("deleted").inc()
                self._queue.add(item.key)
