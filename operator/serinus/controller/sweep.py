"""Compares the cache with the server: says when all was seen, and makes up for what the watch never reported."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from serinus.api.names import LABEL_DEPLOYMENT
from serinus.cluster.cache import Cache
from serinus.cluster.client import METADATA, Client
from serinus.cluster.errors import ApiError, NotFoundError, Retry
from serinus.cluster.objects import Identity, Seen, seen
from serinus.cluster.resources import MODEL_DEPLOYMENT, OPTIONAL, Resource
from serinus.controller import metrics
from serinus.controller.edge import WATCHED, note_sight
from serinus.controller.health import Health
from serinus.controller.queue import Queue

logger = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 1.0
"""When to ask again where there was no answer."""
LOOK_SECONDS: Final = 0.02
"""How often to look for what a list has in the cache. That asks nothing of the API server."""
PATIENCE_SECONDS: Final = 1.0
"""When to list anew while the watches bring nothing of a list: it may have gone since."""
LATE_SECONDS: Final = 0.5
"""How long a watch may take to bring what a list has. What it has not brought then is read."""


class _Lost(NamedTuple):
    """An object as a list has it and no watch has brought it."""

    identity: Identity
    uid: str
    version: int


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
        self.begun = False
        self.synced = asyncio.Event()
        """Set once everything that Kopf watches and that there was at the start is in the cache."""

    async def run(self) -> None:
        """Wait for the cache to be complete, then sweep now and then, until cancelled."""
        self.begun = True
        await self.catch_up()
        self.synced.set()
        logger.info("in step with the cluster", extra={"objects": len(self._cache)})
        while True:
            await asyncio.sleep(self._interval)
            for resource in WATCHED:
                await self._is_made_up(resource)

    async def catch_up(self) -> None:
        """Return when the cache has everything that the server has now."""
        if not self.synced.is_set():
            await self._wait_for_watches()
            return
        for resource in WATCHED:
            while not await self._is_made_up(resource):  # noqa: ASYNC110 - nobody tells us when to ask again
                await asyncio.sleep(PAUSE_SECONDS)

    async def _wait_for_watches(self) -> None:
        """Return when the watches have brought all that there is at the start; what they lose later they do not bring.

        One kind is listed after the other, while the watches do the same: a large cluster is work for the API server.
        """
        listed = [(resource, await self._listed(resource)) for resource in WATCHED]
        for resource, missing in listed:
            while not await self._is_brought(missing):
                missing = await self._listed(resource)  # noqa: PLW2901 - the same, as it is by now

    async def _listed(self, resource: Resource) -> deque[_Lost]:
        while (missing := await self._missing(resource)) is None:  # noqa: ASYNC110 - the same
            await asyncio.sleep(PAUSE_SECONDS)
        return deque(missing)

    async def _is_brought(self, missing: deque[_Lost]) -> bool:
        """Return whether the watches bring all of it, without a long rest."""
        loop = asyncio.get_running_loop()
        came_at = loop.time()
        while missing:
            if self._cache.has_seen(*missing[0]):
                missing.popleft()
                came_at = loop.time()
            elif loop.time() - came_at < PATIENCE_SECONDS:
                await asyncio.sleep(LOOK_SECONDS)
            else:
                return False
        return True

    async def _is_made_up(self, resource: Resource) -> bool:
        missing = await self._missing(resource)
        if not missing:
            return missing is not None
        await asyncio.sleep(LATE_SECONDS)
        try:
            for lost in missing:
                await self._make_up(resource, lost)
        except (Retry, ApiError) as error:
            _tell(error)
            return False
        return True

    async def _missing(self, resource: Resource) -> list[_Lost] | None:
        """Return what the watches have not brought yet; None where that cannot be told."""
        try:
            missing = await self._sweep(resource)
        except (Retry, ApiError) as error:
            if isinstance(error, NotFoundError) and resource in OPTIONAL:
                self._health.forget(resource.path())
                self._drop(self._cache.of_kind(resource.kind))
                return []
            _tell(error)
            return None
        if resource in OPTIONAL:
            # Should Kopf not watch what is there, whatever edge.Kinds does, a restart cures that.
            self._health.expect(resource.path())
        return missing

    async def _make_up(self, resource: Resource, lost: _Lost) -> None:
        """Read what the watch has not brought in time."""
        if self._cache.has_seen(*lost):
            return
        document = await self._client.find(resource, lost.identity.namespace, lost.identity.name)
        if document is None:  # it went meanwhile
            return
        logger.warning("changed without the watch saying so", extra={"object": "/".join(lost.identity)})
        metrics.SWEPT_OBJECTS.labels("changed").inc()
        note_sight(lambda: seen(resource.kind, document), document["metadata"], self._cache, self._queue, gone=False)

    async def _sweep(self, resource: Resource) -> list[_Lost]:
        """Drop what is gone, and return what the watches have not brought yet."""
        known = {item.uid: item for item in self._cache.of_kind(resource.kind)}
        missing = []
        listed_at = 0
        async for page in self._client.pages(
            resource, METADATA, None if resource is MODEL_DEPLOYMENT else LABEL_DEPLOYMENT
        ):
            listed_at = int(page["metadata"]["resourceVersion"])
            for item in page["items"] or ():
                metadata = item["metadata"]
                known.pop(metadata["uid"], None)
                identity = Identity(resource.kind, metadata["namespace"], metadata["name"])
                lost = _Lost(identity, metadata["uid"], int(metadata["resourceVersion"]))
                if not self._cache.has_seen(*lost):
                    missing.append(lost)
        # What is newer than the list an API server that lags does not know yet.
        self._drop(item for item in known.values() if item.version <= listed_at)
        return missing

    def _drop(self, gone: Iterable[Seen]) -> None:
        """Take out of the cache what is no longer there, and tell whoever it belonged to."""
        for item in gone:
            # Still as it was before the list: what changed meanwhile is newer than the list.
            if self._cache.find(item.identity) is item and self._cache.remove(item):
                logger.warning("gone without the watch saying so", extra={"object": "/".join(item.identity)})
                metrics.SWEPT_OBJECTS.labels("deleted").inc()
                self._queue.add(item.key)


def _tell(error: Exception) -> None:
    logger.warning("the cache could not be compared with the cluster", extra={"error": str(error)})
