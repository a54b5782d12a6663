"""The Lease that one of several operator replicas holds: who may write, and for how much longer."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from serinus.cluster.errors import ApiError, NotFoundError, Retry
from serinus.cluster.resources import LEASE

Document = dict[str, Any]

logger = logging.getLogger(__name__)

RENEWALS_PER_LEASE: Final = 3
RETRY_SECONDS: Final = 1.0


class Requests(Protocol):
    """The part of the client that works without a Lease."""

    async def unfenced(self, method: str, path: str, body: Document | None = None) -> Document:
        """Make a request."""


@dataclass(frozen=True, slots=True)
class LeaseSettings:
    """Which Lease, who we are, and how long it lasts."""

    namespace: str
    name: str
    identity: str
    """The pod's UID: a process that restarts in its pod holds what its predecessor held and goes on at once."""
    duration_seconds: int = 15


@dataclass(frozen=True, slots=True)
class _Sight:
    """A Lease of somebody else and when we first saw it like this, by our own clock: theirs may be wrong."""

    holder: str
    renewed: str | None
    seconds: float
    at: float


class Lease:
    """Gets and keeps the Lease. All times are of the monotonic clock: setting a clock makes no second leader."""

    def __init__(self, settings: LeaseSettings) -> None:
        self._settings = settings
        self._gained: Callable[[], None] = lambda: None
        self._path = LEASE.path(settings.namespace, settings.name)
        self._deadline = 0.0
        self._held: Document | None = None
        self._other: _Sight | None = None
        self._leading = asyncio.Event()
        self.tried = asyncio.Event()
        """Set once we know whether we lead from the start."""

    def seconds_left(self) -> float:
        """Return for how many seconds we may still write."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            self._leading.clear()
        return left

    async def wait(self) -> None:
        """Return when we lead."""
        while self.seconds_left() <= 0:
            await self._leading.wait()

    async def keep(self, requests: Requests, gained: Callable[[], None]) -> None:
        """Get the Lease and renew it, until cancelled; call back each time that we lead from now on."""
        self._gained = gained
        interval = self._settings.duration_seconds / RENEWALS_PER_LEASE
        complaint = ""
        while True:
            led = self.seconds_left() > 0
            before, complaint = complaint, await self._attempt(requests, interval)
            self.tried.set()
            if complaint and complaint != before:
                logger.warning("the Lease could not be renewed", extra={"error": complaint})
            leads = self.seconds_left() > 0
            if leads != led:
                logger.info("this replica leads" if leads else "this replica no longer leads")
            await asyncio.sleep(interval if leads and not complaint else min(RETRY_SECONDS, interval))

    async def release(self, requests: Requests) -> None:
        """Give the Lease up, so that another replica need not wait for its end."""
        if self._held is None or self.seconds_left() <= 0:
            return
        self._deadline = 0.0
        self._leading.clear()
        spec = {**self._held["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
        try:
            await requests.unfenced("PUT", self._path, {**self._held, "spec": spec})
        except (Retry, ApiError) as error:
            logger.warning("the Lease could not be given up and will run out", extra={"error": str(error)})

    async def _attempt(self, requests: Requests, seconds: float) -> str:
        """Try to get or renew the Lease; return why that failed, if it did."""
        try:
            async with asyncio.timeout(seconds):  # one slow renewal must leave time for another
                await self._try(requests)
        except (Retry, ApiError, TimeoutError) as error:
            self._held = None
            return str(error) or "no answer in time"
        return ""

    async def _try(self, requests: Requests) -> None:
        current = self._held or await self._read(requests)
        if not (self._may_take(current["spec"]) if current else self._may_create()):
            return
        started = time.monotonic()
        if current is None:
            body = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": {"name": self._settings.name}}
            collection = LEASE.path(self._settings.namespace)
            self._held = await requests.unfenced("POST", collection, {**body, "spec": self._spec({})})
        else:
            body = {**current, "spec": self._spec(current["spec"])}
            self._held = await requests.unfenced("PUT", self._path, body)
        if self.seconds_left() <= 0:
            self._gained()
        self._deadline = started + self._settings.duration_seconds
        self._leading.set()

    async def _read(self, requests: Requests) -> Document | None:
        try:
            return await requests.unfenced("GET", self._path)
        except NotFoundError:
            return None

    def _may_take(self, spec: Document) -> bool:
        holder = spec.get("holderIdentity") or ""
        if holder in ("", self._settings.identity):
            return True
        now = time.monotonic()
        seconds = float(spec.get("leaseDurationSeconds") or self._settings.duration_seconds)
        sight = _Sight(holder, spec.get("renewTime"), seconds, now)
        known = self._other
        if known is None or (known.holder, known.renewed) != (sight.holder, sight.renewed):
            self._other = known = sight
        return now - known.at > known.seconds

    def _may_create(self) -> bool:
        """Return whether nobody can hold a Lease that is not there: somebody may have deleted it under its holder."""
        return self._other is None or time.monotonic() - self._other.at > self._other.seconds

    def _spec(self, before: Document) -> Document:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        ours = before.get("holderIdentity") == self._settings.identity
        return {
            "holderIdentity": self._settings.identity,
            "leaseDurationSeconds": self._settings.duration_seconds,
            "acquireTime": before.get("acquireTime", now) if ours else now,
            "renewTime": now,
            "leaseTransitions": before.get("leaseTransitions", 0) + (0 if ours else 1),
        }
