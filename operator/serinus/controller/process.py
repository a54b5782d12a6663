"""The operator process: makes the parts, runs Kopf and the workers, and ends in good order. Called by __main__."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine
from typing import Final

import kopf

from serinus import __version__
from serinus.cluster.cache import Cache
from serinus.cluster.client import Client
from serinus.cluster.credentials import Credentials
from serinus.cluster.errors import ApiError, Retry
from serinus.cluster.events import Events
from serinus.cluster.lease import Lease, LeaseSettings
from serinus.controller import edge, metrics
from serinus.controller.clock import Clock
from serinus.controller.health import QUEUE_LIMIT_SECONDS, Health
from serinus.controller.http import serve
from serinus.controller.keys import Keys
from serinus.controller.office import Office
from serinus.controller.queue import Queue
from serinus.controller.reconcile import Judge, Reconciler, ask_nothing
from serinus.controller.releasewatch import ReleaseWatch
from serinus.controller.rights import missing_rights
from serinus.controller.room import Room
from serinus.controller.settings import Settings
from serinus.controller.signals import Signals
from serinus.controller.sweep import Sweep
from serinus.controller.workers import work
from serinus.render.snapshot import Renderer

logger = logging.getLogger(__name__)

NONCE_BYTES: Final = 8
LEASE_NAME: Final = "serinus-operator"
AGAIN_SECONDS: Final = 5.0
"""When to cancel once more what has not ended: Kopf drops a cancellation that comes at the moment a stream ends."""

Part = Coroutine[None, None, None]


class Operator:
    """All parts of the process, made before Kopf starts: it cancels tasks that appear later."""

    def __init__(self, settings: Settings, judge: Judge = ask_nothing) -> None:
        self._settings = settings
        self._signals = Signals()
        self._credentials = Credentials()
        self._health = Health()
        self._lease = Lease(LeaseSettings(settings.namespace, LEASE_NAME, settings.identity, settings.lease_seconds))
        self._client = Client(self._credentials, self._lease, self._health.answered)
        self._cache = Cache()
        self._queue = Queue()
        self._sweep = Sweep(self._cache, self._queue, self._client, self._health, settings.sweep_seconds)
        self._releases = ReleaseWatch(self._cache, self._queue, self._client, self._health)
        self._office = Office(self._sweep, self._releases)
        self._reconciler = Reconciler(
            self._cache,
            self._client,
            Events(self._client, settings.instance),
            room=Room(settings.limits, self._cache, wake=self._queue.add),
            keys=Keys(self._client, settings.namespace),
            renderer=Renderer(__version__, settings.image),
            clock=Clock(),
            nonce=lambda: secrets.token_hex(NONCE_BYTES),
            obstacle_seconds=settings.obstacle_seconds,
            judge=judge,
        )
        metrics.CACHED_OBJECTS.set_function(lambda: len(self._cache))
        metrics.LEADS.set_function(lambda: float(self._lease.seconds_left() > 0))
        metrics.MAX_WORKERS.set(settings.workers)

    async def run(self) -> None:
        """Run until a signal asks us to end, then let go of the Lease. A part that breaks ends the process."""
        self._signals.listen()
        logger.info("starting", extra={"version": __version__, "identity": self._settings.identity})
        server = await serve(self._settings.port, alive=self._health.complaint, ready=self._unready)
        parts = [asyncio.create_task(part) for part in (self._signals.wait(), *self._parts())]
        rights = asyncio.create_task(self._check_rights())  # its end is not ours
        edge_task = asyncio.create_task(self._run_kopf())
        try:
            await asyncio.wait([edge_task, *parts], return_when=asyncio.FIRST_COMPLETED)
        finally:
            ends = await _cancelled([*parts, rights])
            await self._lease.release(self._client)
            ends += await _cancelled([edge_task])
            await self._credentials.close()
            await server.cleanup()
            logger.info("ended")
        broken = [end for end in ends if isinstance(end, Exception)]
        if broken:
            raise ExceptionGroup("parts of the operator broke", broken)

    async def _run_kopf(self) -> None:
        ours = asyncio.all_tasks()
        registry = edge.registry(self._cache, self._queue, self._credentials, self._health)
        settings, kinds = edge.settings(), edge.Kinds(self._cache)
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=settings,
            memories=edge.NoMemories(),
            insights=kinds.insights,
            clusterwide=True,
        )
        # Kopf has just told the signals to call it alone, and cancels its tasks once. Where one drops that it never
        # ends; we cancel again.
        self._signals.listen()
        await kopf.run_tasks([*tasks, asyncio.create_task(kinds.run(registry, settings))], ignored=ours)

    def _parts(self) -> list[Part]:
        return [
            self._health.run(),
            edge.Watchers().run(),
            self._lease.keep(self._client, self._office.call),
            self._once_leadership_is_known(self._releases.run),
            self._once_leadership_is_known(self._sweep.run),
            self._office.run(),
            *(work(self._queue, self, self._reconciler) for _ in range(self._settings.workers)),
        ]

    async def _once_leadership_is_known(self, part: Callable[[], Part]) -> None:
        """Run a part whose first look need not be repeated if we lead before it begins."""
        await self._lease.tried.wait()
        await part()

    async def wait(self) -> None:
        """Return when this replica may decide: it leads, and has seen everything since."""
        await self._office.wait()
        await self._lease.wait()

    def _unready(self) -> str | None:
        if not (self._sweep.synced.is_set() and self._releases.synced.is_set()):
            return "the cache is not complete yet"
        if self._lease.seconds_left() > 0 and self._queue.oldest_seconds() > QUEUE_LIMIT_SECONDS:
            return f"the queue is {self._queue.oldest_seconds():.0f} s behind"
        return None

    async def _check_rights(self) -> None:
        try:
            missing = await missing_rights(self._client)
        except (Retry, ApiError) as error:
            logger.warning("our rights could not be checked", extra={"error": str(error)})
            return
        except Exception:  # we may have them all the same
            logger.exception("our rights could not be checked")
            return
        if missing:
            logger.error("rights are missing: grant them to our service account", extra={"missing": missing})


async def _cancelled(tasks: list[asyncio.Task[None]]) -> list[BaseException | None]:
    """End tasks and return how each one ended."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=AGAIN_SECONDS)
    return await asyncio.gather(*tasks, return_exceptions=True)
