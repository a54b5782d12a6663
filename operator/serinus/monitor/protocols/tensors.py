"""Tensors of the Open Inference Protocol, in JSON and in the binary extension, as columns. Used by inference_v2.

See https://github.com/kserve/open-inference-protocol and https://github.com/triton-inference-server/server's
docs/protocol/extension_binary_data.md
"""

import json
from collections.abc import Iterator, Sequence
from math import prod
from struct import Struct, iter_unpack, unpack
from struct import error as StructError  # noqa: N812 - it is a class
from typing import Any, Final

import msgspec

from serinus.monitor.protocols.bodies import Reason, UndecodedError

MOST_DIMENSIONS: Final = 8
CODES: Final = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
BINARY: Final = b"binary_data_size"
_LENGTH: Final = Struct("<I")


class Parameters(msgspec.Struct, gc=False):
    """What is said of a tensor beside the protocol."""

    binary_data_size: int | None = None


class Tensor(msgspec.Struct, gc=False):
    """One of them."""

    name: str
    datatype: str
    shape: list[int]
    data: list[Any] | None = None
    parameters: Parameters | None = None


def header_of(body: bytes) -> bytes:
    """Return the JSON that a body with binary data begins with.

    A header of HTTP says how long it is, which is not among what is kept.
    """
    try:
        _, end = json.JSONDecoder().raw_decode(body.decode("latin-1"))
    except RecursionError:
        raise UndecodedError(Reason.TOO_DEEP) from None
    except ValueError:
        raise UndecodedError(Reason.NO_JSON) from None
    return body[:end]


def columns_of(tensors: Sequence[Tensor], binary: bytes) -> Iterator[tuple[Tensor, Sequence[Any], int]]:
    """Yield each tensor with its values and how many rows these are."""
    start = 0
    for tensor in tensors:
        size = tensor.parameters.binary_data_size if tensor.parameters else None
        if tensor.data is not None:
            values: Sequence[Any] = flat(tensor.data) if tensor.data and type(tensor.data[0]) is list else tensor.data
        elif size is not None and 0 <= size <= len(binary) - start:
            values = unpacked(tensor.datatype, binary[start : start + size])
            start += size
        else:
            raise UndecodedError(Reason.WRONG_SHAPE)
        yield tensor, values, _rows(tensor.shape, len(values))


def _rows(shape: list[int], count: int) -> int:
    if len(shape) > MOST_DIMENSIONS or min(shape, default=1) < 1 or prod(shape) != count:
        raise UndecodedError(Reason.WRONG_SHAPE)
    return shape[0] if shape else 1


def flat(values: list[Any], depth: int = MOST_DIMENSIONS) -> list[Any]:
    """Return the values of nested lists, in order."""
    if not depth:
        raise UndecodedError(Reason.WRONG_SHAPE)
    return [each for value in values for each in (flat(value, depth - 1) if type(value) is list else (value,))]


def unpacked(datatype: str, data: bytes) -> Sequence[Any]:
    """Return the values of a binary tensor."""
    if datatype == "BYTES":
        return list(_texts(data))
    try:
        if datatype == "BF16":
            # The upper half of an FP32.
            return [unpack("<f", b"\0\0" + half)[0] for (half,) in iter_unpack("2s", data)]
        code = CODES.get(datatype)
        if code is None:
            raise UndecodedError(Reason.UNKNOWN_TYPE)
        return [value for (value,) in iter_unpack(f"<{code}", data)]
    except StructError:
        raise UndecodedError(Reason.WRONG_SHAPE) from None


def _texts(data: bytes) -> Iterator[str]:
    start = 0
    while start < len(data):
        if start + _LENGTH.size > len(data):
            raise UndecodedError(Reason.WRONG_SHAPE)
        end = start + _LENGTH.size + _LENGTH.unpack_from(data, start)[0]
        if end > len(data):
            raise UndecodedError(Reason.WRONG_SHAPE)
        yield data[start + _LENGTH.size : end].decode("utf-8", "replace")
        start = end
