"""Records of requests as a proxy writes them, and the profile of the model that they ask. Used by monitor.py."""

import json
import random
from base64 import b64encode
from typing import Any, Final

from serinus.monitor.profiles.profile import hash_of
from serinus.monitor.serving import Protocol

SPLIT: Final = "3-00ff00ff00ff00ff"
EDGES: Final = [-3.1, -2.3, -1.6, -1.3, *(number / 4 - 1 for number in range(9)), 1.6, 2.3, 3.1]
"""Near the quantiles of what is sent."""
PATHS: Final[dict[Protocol, str]] = {"JSON": "/predict", "OpenInferenceV2": "/v2/models/m/infer"}


def profile_of(features: int) -> tuple[bytes, str]:
    """Return content and name of a profile of so many numbers."""
    described = [
        {
            "kind": "Number",
            "name": f"feature{number}",
            "contract": {"type": "Number", "minimum": -9.0, "maximum": 9.0, "missingAllowed": False},
            "edges": EDGES,
            "atoms": [],
            "counts": [1] * (len(EDGES) + 1) + [0, 0],
            "sum": 0.0,
            "sumOfSquares": 1.0,
        }
        for number in range(features)
    ]
    target = {"name": "y", "positive": "1", "counts": {"0": 9, "1": 8}}
    whole = {"version": 1, "rows": len(EDGES) + 1, "features": described, "prediction": None, "scores": []}
    content = json.dumps(whole | {"target": target}).encode()
    return content, f"model-{hash_of(content)}"


def serving_of(protocol: Protocol, profile: str) -> dict[str, Any]:
    """Return what the monitor is told."""
    told = {"deployment": "model", "namespace": "bench", "revision": "3f9a0c11d2", "modelPort": 8080}
    expressions = {"features": "features", "prediction": "label", "score": "score"} if protocol == "JSON" else {}
    return told | {"protocol": protocol, "task": "Binary", "profile": profile, "warmUpSeconds": 0} | expressions


def records(protocol: Protocol, features: int, count: int) -> list[bytes]:
    """Return so many records of different requests."""
    chance = random.Random(1)  # noqa: S311 - no secret
    return [_record(protocol, number + 1, [chance.gauss() for _ in range(features)]) for number in range(count)]


def _record(protocol: Protocol, sequence: int, values: list[float]) -> bytes:
    request, answer = _bodies(protocol, {f"feature{number}": round(each, 4) for number, each in enumerate(values)})
    bodies = f"{len(request)} {len(answer)} {b64encode(request).decode()} {b64encode(answer).decode()}"
    stamp = b64encode(b"split|" + SPLIT.encode()).decode()
    times = f"1764095000250 0 0 {sequence % 90}"
    return f"serinus1 1 {sequence} {stamp} {times} -- 200 300 POST {PATHS[protocol]} {bodies}".encode()


def _bodies(protocol: Protocol, row: dict[str, float]) -> tuple[bytes, bytes]:
    if protocol == "JSON":
        return json.dumps({"features": row}).encode(), b'{"label": 1, "score": 0.83}'
    tensors = [{"name": name, "datatype": "FP64", "shape": [1], "data": [value]} for name, value in row.items()]
    answer = {"outputs": [{"name": "predict", "datatype": "INT64", "shape": [1], "data": [1]}]}
    return json.dumps({"inputs": tensors}).encode(), json.dumps(answer).encode()
