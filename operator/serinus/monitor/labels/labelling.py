"""What labels need in one process: from the receipt that was issued to the outcome that counts. Made by parts.py."""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from serinus.api.sidecars import FEEDBACK_TOKEN, PATH_FEEDBACK, PATH_LABELS
from serinus.monitor.core import Core
from serinus.monitor.exchange import Exchange
from serinus.monitor.labels.feedback import Feedback
from serinus.monitor.labels.handover import Neighbours
from serinus.monitor.labels.intake import Intake
from serinus.monitor.labels.judge import Judge, Task, is_value
from serinus.monitor.labels.labels import Labels
from serinus.monitor.labels.seen import Seen
from serinus.monitor.protocols.bodies import Answer
from serinus.monitor.receipts.keys import Keys
from serinus.monitor.receipts.tokens import BearerToken

MATURE_SECONDS: Final = 1.0
TOKEN: Final = Path(FEEDBACK_TOKEN)


class Labelling:
    """The labels of one model in one process."""

    def __init__(self, core: Core, task: Task, keys: Keys, address: str, token: Path = TOKEN) -> None:
        serving = core.serving
        target = core.profile.target if core.profile else None
        judge = Judge(task, serving.tolerance, target.counts if target and target.counts else ())
        self._is_cold = serving.warm_up_seconds > 0
        self._seen = Seen(time.time())
        self._labels = Labels(core.ledger, judge, self._seen, serving.feedback)
        self._session = aiohttp.ClientSession()
        self._intake = Intake(address, keys, core.ledger, self._labels, Neighbours(self._session, keys))
        bearer = None if serving.feedback.public else BearerToken(token)
        self._feedback = Feedback(self._intake, bearer, keys, address)
        self._ledger = core.ledger
        core.counting.issued = self._issued

    def routes(self) -> Iterable[web.RouteDef]:
        """Return where labels come in."""
        return (
            web.post(PATH_FEEDBACK, self._feedback.feedback),
            web.post(PATH_LABELS, self._feedback.labels),
        )

    def document(self) -> dict[str, Any]:
        """Return what became of labels since the process began, and since when each counts exactly once."""
        return {
            "results": {result.value: number for result, number in self._intake.results.items() if number},
            "coversSince": self._seen.covers_since,
        }

    async def run(self) -> None:
        """Count what comes of age, until we are cancelled."""
        try:
            while True:
                self._labels.mature(time.time())
                await asyncio.sleep(MATURE_SECONDS)
        finally:
            await self._session.close()

    def _issued(self, exchange: Exchange, answers: list[Answer]) -> None:
        """Learn of a prediction that may be labelled."""
        if exchange.sequence and exchange.boot.isdecimal():
            if self._is_cold:  # the first that counts: labels of those before count for nothing either
                self._is_cold = False
                self._seen.begin(time.time())
            self._seen.issued(int(exchange.boot), exchange.sequence)
            predictions = [each.prediction for each in answers if is_value(each.prediction)]
            self._labels.issued(exchange.stamp or self._ledger.unstamped_at(exchange.at), exchange.at, predictions)
