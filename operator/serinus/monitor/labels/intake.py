"""Takes labels one by one: verifies each receipt, counts what is this pod's and hands on the rest. For feedback.py."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Final

from serinus.monitor.labels.handover import Neighbours
from serinus.monitor.labels.items import Answer, Item
from serinus.monitor.labels.judge import UnfitError
from serinus.monitor.labels.labels import Book, Labels, Result
from serinus.monitor.receipts.keys import Keys
from serinus.monitor.receipts.receipts import Receipt, Refusal, digest_of, verify

SLICE_SECONDS: Final = 0.002
"""After it the ring and all others have their turn."""
UNRESOLVED: Final = "unknown"
"""Where labels count whose stamp nobody knows: no stamp is so called."""

_REFUSALS: Final = {
    Refusal.MALFORMED: Answer(Result.MALFORMED, "no receipt: send what stood in the header x-serinus-receipt"),
    Refusal.UNKNOWN_VERSION: Answer(Result.UNKNOWN, "a receipt of another version of Serinus"),
    Refusal.UNKNOWN_KEY: Answer(Result.UNKNOWN, "signed by a key that is not known here"),
    Refusal.FORGED: Answer(Result.FORGED),
}
_STRANGE: Final = {Result.UNKNOWN, Result.FORGED}
"""Where the pod that has the address is not the one that made the prediction."""
_ANSWERS: Final = {result: Answer(result) for result in Result}


class Intake:
    """The labels that one pod is given."""

    def __init__(
        self,
        address: str,
        keys: Keys,
        book: Book,
        labels: Labels,
        neighbours: Neighbours,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.results: Counter[Result] = Counter()
        """What became of labels here. What another pod answers is counted there."""
        self._address = str(ip_address(address))
        self._keys = keys
        self._book = book
        self._labels = labels
        self._neighbours = neighbours
        self._clock = clock

    async def take(self, items: Sequence[Item | Answer], *, hand_on: bool) -> list[Answer]:
        """Return the answer to each item, in their order. What was handed on once is not handed on again."""
        answers: list[Answer] = []
        elsewhere: dict[str, list[int]] = {}
        stamps = _Stamps(self._book, self._keys)
        turn = time.perf_counter()
        for index, item in enumerate(items):
            answer = self._answer(item, stamps)
            if isinstance(answer, str):
                if hand_on:
                    elsewhere.setdefault(answer, []).append(index)
                answer = _ANSWERS[Result.UNKNOWN]
            answers.append(answer)
            if time.perf_counter() - turn > SLICE_SECONDS:
                await asyncio.sleep(0)
                turn = time.perf_counter()
        # Those of other pods are counted when they are back.
        self.results.update([answer.result for answer in answers])
        self.results[Result.UNKNOWN] -= sum(map(len, elsewhere.values()))
        await asyncio.gather(*(self._hand_on(address, items, answers, at) for address, at in elsewhere.items()))
        return answers

    def _answer(self, item: Item | Answer, stamps: "_Stamps") -> Answer | str:
        """Return the answer to one item, or the address of the pod that has it."""
        if isinstance(item, Answer):
            return item
        receipt = verify(item.receipt, self._keys)
        if isinstance(receipt, Refusal):
            return _REFUSALS[receipt]
        if receipt.address != self._address:
            return receipt.address
        try:
            return _ANSWERS[self._labels.give(receipt, stamps.of(receipt), item.label, item.prediction, self._clock())]
        except UnfitError as error:
            return Answer(Result.UNFIT, str(error))

    async def _hand_on(
        self, address: str, items: Sequence[Item | Answer], answers: list[Answer], places: list[int]
    ) -> None:
        given = [item for item in map(items.__getitem__, places) if isinstance(item, Item)]
        theirs = await self._neighbours.give(address, given) or [_ANSWERS[Result.UNKNOWN]] * len(places)
        for place, answer in zip(places, theirs, strict=True):
            if answer.result in _STRANGE:
                answers[place] = self._counted(_ANSWERS[Result.REISSUED])
            else:
                answers[place] = answer

    def _counted(self, answer: Answer) -> Answer:
        self.results[answer.result] += 1
        return answer


class _Stamps:
    """Which stamp a receipt's digest stands for."""

    def __init__(self, book: Book, keys: Keys) -> None:
        self._book = book
        self._keys = keys
        self._tables: dict[str, dict[str, str]] = {}

    def of(self, receipt: Receipt) -> str:
        """Return the stamp, or as whose a request without one counted."""
        if not receipt.split:
            return self._book.unstamped_at(receipt.issued)
        if receipt.key_id not in self._tables:
            key = self._keys.find(receipt.key_id)
            self._tables[receipt.key_id] = (
                {digest_of(stamp, key): stamp for stamp in self._book.stamps()} if key else {}
            )
        return self._tables[receipt.key_id].get(receipt.split, UNRESOLVED)
