"""`serinus monitor`: the process beside the proxy. Counts what the ring brings, until a signal ends it."""

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from serinus import __version__
from serinus.api.sidecars import POD_ADDRESS, SERVING
from serinus.monitor import logs
from serinus.monitor.parts import HERE, Parts, Place
from serinus.monitor.records.ring import LOOPBACK, Ring
from serinus.monitor.run import RESTARTS
from serinus.monitor.serving import Serving, read_serving

logger = logging.getLogger(__name__)

SELDOM: Final = (20_000, 20, 50)
"""Counting makes no cycles, so that looking for some is time lost."""


async def run(serving: Serving, place: Place, address: str, restarts: int = 0) -> None:
    """Count until a signal asks us to end."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_complain)
    told = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, told.set)
    parts = Parts(serving, place, address)
    core = parts.core
    ring = Ring(core.count, time.monotonic)
    await parts.show(ring, restarts=restarts)
    listening = await ring.serve(place.ring_port)
    _settle()
    logger.info("started", extra={"version": __version__, "boot": core.boot, "profile": core.profile_state})
    try:
        await told.wait()
    finally:
        listening.close()
        ring.hang_up()
        await parts.end()
        logger.info("ended")


def main(environment: Mapping[str, str] = os.environ, place: Place = HERE) -> int:
    """Run what the environment tells of; 1 where it cannot."""
    logs.set_up()
    try:
        serving = read_serving(environment.get(SERVING, ""))
    except ValueError as error:
        print(f"serinus monitor: {SERVING} says nothing that can be served: {error}", file=sys.stderr)  # noqa: T201 - as the operator does
        return 1
    try:
        restarts = int(environment.get(RESTARTS, "0"))
        asyncio.run(run(serving, place, environment.get(POD_ADDRESS, LOOPBACK), restarts))
    except OSError as error:  # a port is taken
        print(f"serinus monitor: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _settle() -> None:
    """Take what is there out of the way of the collector of garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)


def _complain(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what broke in the loop. What asyncio would say names the arguments, and these are records."""
    error = context.get("exception")
    logger.error("a part of the monitor broke", extra=logs.described(error) if error else {})
