"""The workers: take a key from the queue, reconcile it, and decide when to look at it again."""

import asyncio
import logging
from typing import Final, Protocol

from serinus.cluster.errors import ApiError, Retry
from serinus.cluster.objects import Key
from serinus.controller import metrics
from serinus.controller.logs import reconcile_context
from serinus.controller.queue import Queue

logger = logging.getLogger(__name__)

RECONCILE_SECONDS: Final = 60.0
"""No reconcile takes this long; one that does is given up, and tried again."""


class Leadership(Protocol):
    """Says when this replica leads."""

    async def wait(self) -> None:
        """Return when it does."""


class Reconciles(Protocol):
    """What a worker does with a key."""

    async def reconcile(self, key: Key) -> float | None:
        """Work on a key; return after how many seconds to look again."""


async def work(queue: Queue, leadership: Leadership, reconciler: Reconciles) -> None:
    """Work on one key after the other while this replica leads, until cancelled."""
    while True:
        await leadership.wait()
        key = await queue.get()
        try:
            await leadership.wait()
            with reconcile_context(key), metrics.ACTIVE_WORKERS.track_inprogress(), metrics.RECONCILE_SECONDS.time():
                await _reconcile(queue, reconciler, key)
        finally:
            queue.done(key)


async def _reconcile(queue: Queue, reconciler: Reconciles, key: Key) -> None:
    try:
        async with asyncio.timeout(RECONCILE_SECONDS):
            wait = await reconciler.reconcile(key)
    except Retry as retry:
        logger.info("to be tried again", extra={"why": str(retry)})
        metrics.count_reconcile("requeue_after")
        if retry.after is None:
            queue.retry(key)
        else:
            queue.add_later(key, retry.after)
    except (ApiError, TimeoutError) as error:
        logger.warning("failed", extra={"error": str(error) or "took too long"})
        metrics.count_reconcile("error")
        queue.retry(key)
    except Exception:  # a bug: one key must not stop the others
        logger.exception("a bug")
        metrics.count_reconcile("error")
        queue.retry(key)
    else:
        queue.succeeded(key)
        queue.add_later(key, wait)
        metrics.count_reconcile("success" if wait is None else "requeue_after")
