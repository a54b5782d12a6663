"""Protocol JSON: any POST is a prediction, and expressions say where features, prediction and score are."""

import msgspec

from serinus.monitor.protocols.answers import answers_of
from serinus.monitor.protocols.bodies import Answer, Reason, Row, UndecodedError, read_json, rows_of
from serinus.monitor.protocols.jsonpaths import finder
from serinus.monitor.serving import Serving

PREDICTION = "prediction"
"""Where it is unless spec.endpoint says otherwise."""
ANY: msgspec.json.Decoder[object] = msgspec.json.Decoder()


class PlainJson:
    """See bodies.Decoder."""

    def __init__(self, serving: Serving, names: tuple[str, ...]) -> None:
        self._names = names
        self._task = serving.task
        self._features = finder(serving.features) if serving.features else None
        self._prediction = finder(serving.prediction or PREDICTION)
        self._score = finder(serving.score) if serving.score else None

    def predicts(self, method: str, path: str) -> bool:  # noqa: ARG002 - any path
        """Return whether a request asks for a prediction."""
        return method == "POST"

    def rows(self, body: bytes) -> list[Row]:
        """Return the features of a request."""
        document = read_json(body, ANY)
        return rows_of(document if self._features is None else self._features(document), self._names)

    def answers(self, body: bytes, rows: int) -> list[Answer]:
        """Return the answers to so many rows."""
        document = read_json(body, ANY)
        prediction = self._prediction(document)
        if prediction is None:
            raise UndecodedError(Reason.NOTHING_FOUND)
        if rows == 1 and type(prediction) is not list:  # nearly always
            return [Answer(prediction, self._score(document) if self._score else None)]
        return answers_of(prediction, self._score(document) if self._score else None, rows, self._task)
