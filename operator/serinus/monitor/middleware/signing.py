"""The receipts that the middleware signs: which prediction stands in one. Called by calls.py before an answer goes."""

from typing import Final

from serinus.monitor.labels.judge import UnfitError, is_value, number_of, text_of
from serinus.monitor.protocols.bodies import Answer, Decoder, UndecodedError
from serinus.monitor.receipts.batches import sealed
from serinus.monitor.receipts.receipts import Signer
from serinus.monitor.serving import Task

COMPARED: Final = ("Binary", "Multiclass", "Regression")
"""The label of a generation is a judgement of its own: it is compared with nothing."""


class Signing:
    """Signs what one process answers."""

    def __init__(self, signer: Signer, decoder: Decoder, task: Task | None) -> None:
        self.boot = str(signer.boot)
        self._signer = signer
        self._decoder = decoder
        self._is_number = task == "Regression"
        self._reads = task in COMPARED

    def sign(self, stamp: str, at: float, request: bytes | None, answer: bytes | None) -> tuple[int, str]:
        """Return sequence and receipt. What cannot be read is signed without a prediction."""
        if not self._reads or answer is None:
            return self._signer.sign(stamp, int(at), "")
        answers = self._answers(request, answer)
        if len(answers) == 1:
            return self._signer.sign(stamp, int(at), self._text_of(answers[0].prediction))
        return self._signer.sign(
            stamp, int(at), "", rows=sealed([each.prediction for each in answers]) if answers else ""
        )

    def _answers(self, request: bytes | None, answer: bytes) -> list[Answer]:
        try:
            rows = len(self._decoder.rows(request)) if request is not None else 0
        except UndecodedError:
            rows = 0
        try:
            return self._decoder.answers(answer, rows)
        except UndecodedError:
            return []

    def _text_of(self, value: object) -> str:
        if not is_value(value):
            return ""
        try:
            return repr(number_of(value)) if self._is_number else text_of(value)
        except UnfitError:
            return ""
