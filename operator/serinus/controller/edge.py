"""The edge: Kopf lists and watches, its events enter the cache and put keys on the queue. Nothing is decided here."""

import asyncio
import itertools
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import kopf
from kopf._cogs.structs.bodies import RawEvent
from kopf._cogs.structs.references import Insights
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory
from kopf._core.reactor.observation import process_discovered_resource_event

from serinus.api.names import GROUP, LABEL_DEPLOYMENT
from serinus.cluster.cache import Cache
from serinus.cluster.client import PAGE_SIZE, QUIET_SECONDS, REQUEST_SECONDS, WATCH_SECONDS
from serinus.cluster.credentials import Credentials
from serinus.cluster.objects import Seen, seen
from serinus.cluster.resources import CHILDREN, HTTP_ROUTE, MODEL_DEPLOYMENT, OPTIONAL, POD, Resource
from serinus.controller import metrics
from serinus.controller.health import Health
from serinus.controller.queue import Queue
from serinus.controller.urgency import is_urgent

logger = logging.getLogger(__name__)

WATCHED: Final = (MODEL_DEPLOYMENT, *CHILDREN, HTTP_ROUTE, POD)
"""What Kopf watches. ModelReleases are large: releasewatch.py sees them without their contents."""

LOOK_SECONDS: Final = 1.0
ENDING_SECONDS: Final = 10.0
"""What has not ended by then, after it was told to twice, Kopf ends by SIGKILL, and the process with it."""


class _NoDiff(kopf.DiffBaseStorage):
    """Stores nothing: we compare with what we intend, not with what was before."""

    def build(self, *, body: kopf.Body, extra_fields: object = None) -> kopf.BodyEssence:  # noqa: ARG002 - Kopf's
        """Return nothing to compare: the copy that Kopf would make is most of what an event costs."""
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> None:
        """Return nothing."""

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Store nothing."""


class _NoProgress(kopf.ProgressStorage):
    """Stores nothing: a reconcile has no progress, it starts from what is."""

    def fetch(self, *, key: str, body: kopf.Body) -> None:
        """Return nothing."""

    def store(self, *, key: str, record: Any, body: kopf.Body, patch: kopf.Patch) -> None:  # noqa: ANN401 - Kopf's
        """Store nothing."""

    def purge(self, *, key: str, body: kopf.Body, patch: kopf.Patch) -> None:
        """Purge nothing."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        """Leave everything as it is."""
        return essence

    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        """Touch nothing."""


class NoMemories(ResourceMemories):
    """Remembers no object: Kopf would keep a kilobyte of each for timers, daemons and indices, which we have not."""

    async def recall(
        self,
        raw_body: kopf.RawBody,
        *,
        memobase: Any = None,  # noqa: ANN401 - Kopf's
        noticed_by_listing: bool = False,
        ephemeral: bool = False,  # noqa: ARG002 - Kopf's
    ) -> ResourceMemory:
        """Return a memory for this event alone."""
        return await super().recall(raw_body, memobase=memobase, noticed_by_listing=noticed_by_listing, ephemeral=True)


class Watchers(logging.Handler):
    """Ends when one of Kopf's watchers does, as after an error in a stream: Kopf logs it and goes on without it.

    Where the kind is gone Kopf starts another one when it comes again.
    """

    _LOGGER: Final = logging.getLogger("kopf._core.reactor.orchestration")

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def emit(self, record: logging.LogRecord) -> None:
        """Note why a watcher ended."""
        error = record.exc_info[1] if record.exc_info else None
        if error and getattr(error, "status", None) != HTTPStatus.NOT_FOUND and not self._end.done():
            self._end.set_exception(error)

    async def run(self) -> None:
        """Raise what a watcher ended with, until cancelled."""
        self._LOGGER.addHandler(self)
        try:
            await self._end
        finally:
            self._LOGGER.removeHandler(self)


class Kinds:
    """Sees that Kopf watches every kind that there is.

    Told of a new definition Kopf asks the server for its kinds, once; one that does not list the new kind yet is not
    asked again. That is made up for as soon as we have an object of it: the reply to our own write.
    """

    def __init__(self, cache: Cache) -> None:
        self.insights: Final = Insights()
        """What Kopf knows of the cluster's kinds."""
        self._cache = cache

    async def run(self, registry: kopf.OperatorRegistry, settings: kopf.OperatorSettings) -> None:
        """Look now and then, until cancelled. Runs in the context that Kopf's own tasks were made in."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for resource in OPTIONAL:
                if self._is_missed(resource):
                    logger.info("Kopf is told to look for a kind again", extra={"kind": resource.kind})
                    event = RawEvent(type="MODIFIED", object={"spec": {"group": resource.group}})
                    await process_discovered_resource_event(
                        raw_event=event, registry=registry, settings=settings, insights=self.insights
                    )

    def _is_missed(self, resource: Resource) -> bool:
        watched = {(known.group, known.plural) for known in self.insights.watched_resources}
        return (resource.group, resource.plural) not in watched and any(self._cache.of_kind(resource.kind))


def settings() -> kopf.OperatorSettings:
    """Return Kopf as we use it: a source of events that never gives up and never writes."""
    chosen = kopf.OperatorSettings()
    chosen.peering.standalone = True
    chosen.posting.enabled = False
    chosen.watching.chunk_size = PAGE_SIZE
    chosen.watching.server_timeout = WATCH_SECONDS
    chosen.watching.connect_timeout = REQUEST_SECONDS
    chosen.watching.inactivity_timeout = QUIET_SECONDS
    chosen.queueing.idle_timeout = 0.1  # a worker task holds its slot while it is idle
    chosen.process.ultimate_exiting_timeout = ENDING_SECONDS
    chosen.networking.request_timeout = 60
    chosen.networking.error_backoffs = _Endless()  # the default gives up after a minute, and then the process ends
    chosen.persistence.finalizer = f"{GROUP}/unused"
    chosen.persistence.diffbase_storage = _NoDiff()
    chosen.persistence.progress_storage = _NoProgress()
    for resource in (*CHILDREN, HTTP_ROUTE, POD):
        chosen.watching.label_selectors[_selector(resource)] = LABEL_DEPLOYMENT
    return chosen


def registry(cache: Cache, queue: Queue, credentials: Credentials, health: Health) -> kopf.OperatorRegistry:
    """Return Kopf's handlers: one for each kind, all alike."""
    handlers = kopf.OperatorRegistry()

    async def login(**_: object) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(
            server=credentials.server, aiohttp_session=credentials.session(limit=0, tracing=health.tracing())
        )

    kopf.on.login(registry=handlers)(login)
    for resource in WATCHED:
        if resource not in OPTIONAL:  # Kopf begins to watch it when it is installed, and is expected to from then on
            health.expect(resource.path())
        _watch(resource, handlers, cache, queue)
    return handlers


def _watch(resource: Resource, handlers: kopf.OperatorRegistry, cache: Cache, queue: Queue) -> None:
    async def note(event: kopf.RawEvent, **_: object) -> None:
        document: dict[str, Any] = dict(event["object"])
        gone = event["type"] == "DELETED"
        note_sight(lambda: seen(resource.kind, document), document["metadata"], cache, queue, gone=gone)

    kopf.on.event(*_selector(resource), registry=handlers, id=resource.plural)(note)


def note_sight(read: Callable[[], Seen], metadata: dict[str, Any], cache: Cache, queue: Queue, *, gone: bool) -> None:
    """Take in an object as a watch brought it. One that cannot be read is passed over, and stops no other."""
    try:
        item = read()
    except Exception:  # whatever somebody managed to write there
        logger.exception("an object cannot be read", extra={"uid": metadata.get("uid")})
        metrics.UNREADABLE_OBJECTS.inc()
        cache.pass_over(metadata["uid"], int(metadata["resourceVersion"]))
        return
    take(item, cache, queue, gone=gone)


def take(item: Seen, cache: Cache, queue: Queue, *, gone: bool) -> None:
    """Bring what a watch saw to the cache, and what it is news to onto the queue."""
    before = cache.find(item.identity)
    if cache.remove(item) if gone else cache.put(item):
        queue.add(item.key, urgent=is_urgent(before, None if gone else item))
        if before and before.key != item.key:  # somebody changed its label
            queue.add(before.key)


def _selector(resource: Resource) -> tuple[str, str, str]:
    return resource.group, resource.api_version.rpartition("/")[2], resource.plural


class _Endless:
    """Seconds between tries, for ever. An object rather than a generator: Kopf iterates anew for each request."""

    def __iter__(self) -> itertools.chain[float]:
        return itertools.chain((0.5, 1.0, 2.0, 5.0), itertools.repeat(10.0))
