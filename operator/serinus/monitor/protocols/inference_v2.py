"""The Open Inference Protocol, version 2: named tensors in and out, a row of each for every prediction."""

from typing import Any, Final

import msgspec

from serinus.monitor.protocols.answers import answers_of
from serinus.monitor.protocols.bodies import Answer, Reason, Row, UndecodedError, names_for, read_json
from serinus.monitor.protocols.tensors import BINARY, Tensor, columns_of, header_of
from serinus.monitor.serving import Serving

ONE: Final = [1]


class Request(msgspec.Struct, gc=False):
    """What is asked."""

    inputs: list[Tensor]


class Response(msgspec.Struct, gc=False):
    """What is answered."""

    outputs: list[Tensor]


REQUEST: Final = msgspec.json.Decoder(Request)
RESPONSE: Final = msgspec.json.Decoder(Response)


class InferenceV2:
    """See bodies.Decoder. The prediction is the first output, unless spec.endpoint says otherwise."""

    def __init__(self, serving: Serving, names: tuple[str, ...]) -> None:
        self._names = names
        self._task = serving.task
        self._prediction = serving.prediction
        self._score = serving.score

    def predicts(self, method: str, path: str) -> bool:
        """Return whether a request asks for a prediction."""
        return method == "POST" and path.startswith("/v2/models/") and path.endswith("/infer")

    def rows(self, body: bytes) -> list[Row]:
        """Return the features of a request."""
        request, binary = _read(body, REQUEST)
        inputs = request.inputs
        if inputs and (row := _one_row(inputs)) is not None:
            return [row]
        names: list[str] = []
        columns: list[Any] = []
        height = 0
        for tensor, values, rows in columns_of(inputs, binary):
            if height not in (0, rows):
                raise UndecodedError(Reason.ROWS_DIFFER)
            height = rows
            width = len(values) // rows
            if width == 1:
                names.append(tensor.name)
                columns.append(values)
            else:
                names += names_for(width, self._names if len(inputs) == 1 else (), f"{tensor.name}.")
                columns += (values[column::width] for column in range(width))
        if not columns:
            raise UndecodedError(Reason.NOTHING_FOUND)
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def answers(self, body: bytes, rows: int) -> list[Answer]:
        """Return the answers to so many rows."""
        response, binary = _read(body, RESPONSE)
        tensors = response.outputs
        one = _one_row(tensors)
        if one is None:
            columns = columns_of(tensors, binary)
            outputs = {tensor.name: _by_row(values, height) for tensor, values, height in columns}
        else:
            if rows == len(one) == 1 and self._score is None and self._prediction in (None, *one):  # nearly always
                return [Answer(*one.values())]
            outputs = {name: [value] for name, value in one.items()}
        prediction = self._prediction or next(iter(outputs), "")
        if prediction not in outputs:
            raise UndecodedError(Reason.NOTHING_FOUND)
        predictions = outputs[prediction]
        return answers_of(predictions, outputs.get(self._score or ""), rows or len(predictions), self._task)


def _read(body: bytes, decoder: msgspec.json.Decoder[Any]) -> tuple[Any, bytes]:
    """Return the JSON of a body, and the binary data behind it."""
    try:
        return read_json(body, decoder), b""
    except UndecodedError:
        if BINARY not in body:
            raise
    header = header_of(body)
    return read_json(header, decoder), body[len(header) :]


def _one_row(inputs: list[Tensor]) -> Row | None:
    """Return the row where every tensor holds one value: the usual case, and worth a shorter way."""
    row = {}
    for tensor in inputs:
        data = tensor.data
        if (
            data is None
            or len(data) != 1
            or (tensor.shape != ONE and (tensor.shape != ONE * 2 or type(data[0]) is list))
        ):
            return None
        row[tensor.name] = data[0]
    return row


def _by_row(values: Any, height: int) -> list[Any]:  # noqa: ANN401 - any sequence
    width = len(values) // height
    return (
        list(values) if width == 1 else [list(values[start : start + width]) for start in range(0, len(values), width)]
    )
