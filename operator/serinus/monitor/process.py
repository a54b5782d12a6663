"""`serinus monitor`: the process beside the proxy. Makes the parts, runs until a signal ends it."""

import asyncio
import gc
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from serinus import __version__
from serinus.api.sidecars import KEYS_FOLDER, MONITOR_PORT, POD_ADDRESS, PROFILE_FILE, RING_PORT, SERVING
from serinus.monitor import logs
from serinus.monitor.core import Core
from serinus.monitor.evidence import Evidence
from serinus.monitor.keys import Keys
from serinus.monitor.labelling import TOKEN, Labelling
from serinus.monitor.metrics import Metrics
from serinus.monitor.ring import LOOPBACK, Ring
from serinus.monitor.run import RESTARTS
from serinus.monitor.server import application, serve
from serinus.monitor.serving import Serving, read_serving
from serinus.monitor.tokens import BearerToken

logger = logging.getLogger(__name__)

BOOT_BYTES: Final = 8
SELDOM: Final = (20_000, 20, 50)
"""Counting makes no cycles, so that looking for some is time lost."""


@dataclass(frozen=True)
class Place:
    """Where the process finds its files and is found."""

    keys: Path = Path(KEYS_FOLDER)
    profile: Path = Path(PROFILE_FILE)
    port: int = MONITOR_PORT
    ring_port: int = RING_PORT
    token: Path = TOKEN


async def run(serving: Serving, place: Place, address: str, restarts: int = 0) -> None:
    """Count until a signal asks us to end."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_complain)
    told = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, told.set)
    core = Core(serving, place.profile, secrets.token_hex(BOOT_BYTES), time.monotonic)
    ring = Ring(core.count, time.monotonic)
    token = BearerToken(place.keys / "token")
    labelling = Labelling(core, serving.task, Keys(place.keys), address, place.token) if serving.task else None
    evidence = Evidence(core, ring, labelling)
    metrics = Metrics(core, ring, labelling, restarts=restarts)
    runner = await serve(
        application(metrics, evidence, token.admits, labelling.routes() if labelling else ()), place.port
    )
    listening = await ring.serve(place.ring_port)
    maturing = asyncio.create_task(labelling.run()) if labelling else None
    _settle()
    logger.info("started", extra={"version": __version__, "boot": core.boot, "profile": core.profile_state})
    try:
        await told.wait()
    finally:
        listening.close()
        ring.hang_up()
        if maturing:
            maturing.cancel()
            await asyncio.wait([maturing])
        await runner.cleanup()
        logger.info("ended")


def main(environment: Mapping[str, str] = os.environ, place: Place = Place()) -> int:
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
