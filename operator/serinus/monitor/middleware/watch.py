"""The monitor in the model's process: begun by asgi.py, asked by calls.py. If it breaks, the model answers."""

import logging
import os
import time
from http import HTTPStatus
from typing import Final

import aiohttp

from serinus.monitor.exchange import Exchange, Outcome
from serinus.monitor.middleware.connection import Scope, path_of
from serinus.monitor.middleware.signing import Signing
from serinus.monitor.middleware.workers import Workers
from serinus.monitor.parts import Parts, Place
from serinus.monitor.profiles.contract import Contract
from serinus.monitor.protocols.bodies import UndecodedError
from serinus.monitor.receipts.keys import Keys, KeysMissingError
from serinus.monitor.receipts.receipts import Signer
from serinus.monitor.records.ring import LOOPBACK
from serinus.monitor.serving import Serving

logger: Final = logging.getLogger(__name__)

MOST_PROCESSES: Final = 10_000
"""Whose numbers are told apart. A server's workers have numbers that follow each other."""


class Watch:
    """Counts, signs and shows what one process serves. To be made in a running loop."""

    def __init__(self, serving: Serving, place: Place, address: str) -> None:
        self._parts = Parts(serving, place, address)
        self._core = self._parts.core
        self._decoder = self._core.decoder
        self._seen = 0
        self._workers = Workers(place.ring_port, self._take, self._show)
        self.session = aiohttp.ClientSession(f"http://{LOOPBACK}:{place.port}")
        """To the monitor's port, which may be that of another process."""
        profile = self._core.profile
        self._contract = Contract(profile) if profile and serving.contract == "Reject" else None
        self._signing = self._signs(serving, self._parts.keys, address)
        self.refuses = self._contract is not None
        """Whether a request that breaks the contract is refused."""
        self.boot = self._signing.boot if self._signing else ""

    async def begin(self) -> None:
        """Open the monitor's port, or find the process of this pod that has it."""
        await self._workers.begin()

    async def end(self) -> None:
        """Close all of it."""
        await self._workers.end()
        await self.session.close()
        await self._parts.end()

    def predicts(self, method: str, path: str) -> bool:
        """Return whether a request asks for a prediction."""
        return self._decoder.predicts(method, path)

    def violations(self, body: bytes) -> list[str]:
        """Return the rules that a request breaks, each once. One that cannot be read is the model's to refuse."""
        if self._contract is None:
            return []
        try:
            broken = {rule for row in self._decoder.rows(body) for rule in self._contract.violations(row)}
        except UndecodedError:
            return []
        except Exception as error:  # noqa: BLE001 - a bug of ours must refuse nothing
            self._core.broke(error)
            return []
        return [rule for rule in self._contract.rules if rule in broken]

    def sign(self, stamp: str, at: float, request: bytes | None, answer: bytes | None) -> tuple[int, str]:
        """Return sequence and receipt of an answer; 0 and nothing where there can be none."""
        if self._signing is None:
            return 0, ""
        try:
            return self._signing.sign(stamp, at, request, answer)
        except Exception as error:  # noqa: BLE001 - a bug of ours must keep no answer
            self._core.broke(error)
            return 0, ""

    def count(self, exchange: Exchange) -> None:
        """Count a request for a prediction, here or in another process."""
        self._workers.take(exchange)

    def count_other(self, scope: Scope, stamp: str) -> None:
        """Count a request that asks for none."""
        path, status = path_of(scope), HTTPStatus.OK
        self.count(Exchange("", 0, stamp, 0, 0, scope["method"], path, status, Outcome.ANSWERED, b"", 0, b"", 0))

    def numbers(self) -> dict[str, int]:
        """Return how many requests were seen, and how many this process could not tell the one that counts."""
        return {"read": self._seen, "lost": self._workers.lost}

    async def _show(self) -> None:
        await self._parts.show(self)

    def _take(self, exchange: Exchange) -> None:
        self._seen += 1
        self._core.count(exchange)

    def _signs(self, serving: Serving, keys: Keys, address: str) -> Signing | None:
        boot = boot_of(time.time(), os.getpid())
        try:
            return Signing(Signer(keys, address, serving.revision, boot), self._decoder, serving.task)
        except (KeysMissingError, ValueError) as error:
            logger.error("answers get no receipt, and labels cannot be given: %s", error)  # noqa: TRY400 - it says all
            return None


def boot_of(now: float, process: int) -> int:
    """Return the boot of a process that begins now: another one than those of the processes that begin with it.

    It is later than the labels' memory began, which has missed none of what is signed with this boot.
    """
    return int(now * 1000) + 1 + process % MOST_PROCESSES
