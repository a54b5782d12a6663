"""/evidence: the counts since a watermark, for the operator. Called by server.py."""

import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from serinus.monitor.core import Core
from serinus.monitor.endpoints.exposition import Slices
from serinus.monitor.endpoints.metrics import Source
from serinus.monitor.labels.labelling import Labelling
from serinus.monitor.labels.outcomes import PARTS

VERSION: Final = 1
"""An operator reads every version that was ever shipped."""
MOST_STAMPS: Final = 32
LONGEST_STAMP: Final = 64


class EvidenceError(ValueError):
    """The question makes no sense; the text says why."""


class Evidence:
    """Answers the operator."""

    def __init__(self, core: Core, source: Source, labelling: Labelling | None = None) -> None:
        self._core = core
        self._labelling = labelling
        self._source = source

    async def answer(self, since: str, told: Sequence[str], unstamped: str) -> bytes:
        """Return the document. What it says of the process is since its boot, all else since the watermark."""
        if len(told) > MOST_STAMPS:
            raise EvidenceError(f"{len(told)} splits are named, and may be {MOST_STAMPS}")
        if not all(_is_stamp(stamp) for stamp in (*told, unstamped) if stamp):
            raise EvidenceError("a split is <number>-<nonce>")
        core, slices = self._core, Slices()
        increment = core.ledger.collect(since, [stamp for stamp in told if stamp], unstamped, now=time.time())
        head: dict[str, Any] = {
            "version": VERSION,
            "boot": core.boot,
            "since": increment.since,
            "watermark": increment.watermark,
            "deployment": core.serving.deployment,
            "namespace": core.serving.namespace,
            "revision": core.serving.revision,
            "profile": {"name": core.serving.profile, "state": core.profile_state},
            "parts": PARTS,
            "records": self._source.numbers(),
            "drops": dict(core.counting.drops),
            "faults": core.faults,
        }
        if self._labelling:
            head["labels"] = self._labelling.document()
        stamps = []
        for stamp, counts in list(increment.counts.items()):
            await slices.rest()
            stamps.append(msgspec.json.encode(stamp) + b":" + msgspec.json.encode(counts.document()))
        return msgspec.json.encode(head)[:-1] + b',"counts":{' + b",".join(stamps) + b"}}"


def _is_stamp(text: str) -> bool:
    number, dash, nonce = text.partition("-")
    return len(text) <= LONGEST_STAMP and number.isdecimal() and bool(dash) and nonce.isalnum()
