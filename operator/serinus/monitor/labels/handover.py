"""Labels of predictions that another pod of the namespace made: they are handed to it, which alone can count them once.

The namespace's token is proven and never sent: an address may have gone to a pod of somebody else since.
"""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from http import HTTPStatus
from io import BytesIO
from typing import Final

import aiohttp

from serinus.api.sidecars import MONITOR_PORT, PATH_LABELS
from serinus.monitor.labels.items import MOST_BYTES, Answer, Item, read_answers, write
from serinus.monitor.labels.labels import Result
from serinus.monitor.labels.reading import TooLargeError, read_at_most
from serinus.monitor.receipts.keys import Keys

DEADLINE_SECONDS: Final = 2.0
AT_ONCE: Final = 8
AVOID_SECONDS: Final = 30.0
"""A pod that did not answer is not asked again for so long: its labels would hold up all others."""
MOST_AVOIDED: Final = 1_024
PROOF_SECONDS: Final = 60
_PROOF: Final = re.compile(r"Serinus ([0-9]{1,12})\.([0-9a-f]{64})\.([0-9a-f]{64})")


def proof_of(token: bytes, address: str, now: float, body: bytes) -> str:
    """Return the Authorization by which a pod shows that it knows the token, good for that address and body."""
    told = f"{int(now)}.{sha256(body).hexdigest()}"
    return f"Serinus {told}.{_mac(token, address, told)}"


def proven(proof: str, token: bytes, address: str, now: float) -> str | None:
    """Return the SHA-256 of the body that comes with a proof, or None where the proof is no good here and now."""
    found = _PROOF.fullmatch(proof)
    if not token or found is None or abs(now - int(found[1])) > PROOF_SECONDS:
        return None
    good = compare_digest(_mac(token, address, f"{found[1]}.{found[2]}"), found[3])
    return found[2] if good else None


class Neighbours:
    """The other pods."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        keys: Keys,
        *,
        port: int = MONITOR_PORT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._keys = keys
        self._port = port
        self._clock = clock
        self._places = asyncio.Semaphore(AT_ONCE)
        self._avoided: dict[str, float] = {}

    async def give(self, address: str, items: Sequence[Item]) -> list[Answer] | None:
        """Hand labels to a pod and return its answers, or None where it gives none in time."""
        asked = False
        try:
            async with asyncio.timeout(DEADLINE_SECONDS), self._places:
                if self._clock() < self._avoided.get(address, 0):
                    return None
                asked = True
                return await self._post(address, write(items), len(items))
        except (aiohttp.ClientError, OSError, TooLargeError):
            if asked:
                self._avoid(address)
            return None

    async def _post(self, address: str, body: bytes, items: int) -> list[Answer] | None:
        host = f"[{address}]" if ":" in address else address
        url = f"http://{host}:{self._port}{PATH_LABELS}"
        proof = {"Authorization": proof_of(self._keys.token(), address, time.time(), body)}
        async with self._session.post(url, data=BytesIO(body), headers=proof, allow_redirects=False) as response:
            if response.status == HTTPStatus.TOO_MANY_REQUESTS:
                return [Answer(Result.DROPPED)] * items
            if response.status != HTTPStatus.OK:
                return None
            return read_answers(await read_at_most(response.content.iter_any(), MOST_BYTES), items)

    def _avoid(self, address: str) -> None:
        if len(self._avoided) >= MOST_AVOIDED:
            self._avoided.clear()
        self._avoided[address] = self._clock() + AVOID_SECONDS


def _mac(token: bytes, address: str, told: str) -> str:
    return hmac_digest(token, f"labels|{address}|{told}".encode(), "sha256").hex()
