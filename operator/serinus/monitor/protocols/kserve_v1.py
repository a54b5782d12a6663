"""KServe's first protocol: {"instances": [...]} and {"predictions": [...]}.

See https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
"""

from typing import Any

import msgspec

from serinus.monitor.protocols.answers import answers_of
from serinus.monitor.protocols.bodies import Answer, Row, read_json, rows_of
from serinus.monitor.serving import Serving


class Request(msgspec.Struct, gc=False):
    """What is asked."""

    instances: list[Any]


class Response(msgspec.Struct, gc=False):
    """What is answered."""

    predictions: list[Any]


REQUEST = msgspec.json.Decoder(Request)
RESPONSE = msgspec.json.Decoder(Response)


class KServeV1:
    """See bodies.Decoder."""

    def __init__(self, serving: Serving, names: tuple[str, ...]) -> None:
        self._names = names
        self._task = serving.task

    def predicts(self, method: str, path: str) -> bool:
        """Return whether a request asks for a prediction."""
        return method == "POST" and path.startswith("/v1/models/") and path.endswith(":predict")

    def rows(self, body: bytes) -> list[Row]:
        """Return the features of a request."""
        instances = read_json(body, REQUEST).instances
        if instances and type(instances[0]) not in (dict, list):
            instances = [[value] for value in instances]
        return rows_of(instances, self._names)

    def answers(self, body: bytes, rows: int) -> list[Answer]:
        """Return the answers to so many rows."""
        each = read_json(body, RESPONSE).predictions
        return answers_of(each, None, rows or len(each), self._task)
