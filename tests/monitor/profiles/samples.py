"""A profile to start from. Used by the tests of the monitor."""

import json
from typing import Any

from serinus.monitor.profiles.profile import hash_of

Json = dict[str, Any]

AMOUNT = {
    "kind": "Number",
    "name": "amount",
    "contract": {"type": "Number", "minimum": 0.0, "maximum": 9.5, "missingAllowed": False},
    "edges": [1.5, 3.0],
    "atoms": [0.0],
    "counts": [0, 4, 2, 1, 3, 0, 0],
    "sum": 21.0,
    "sumOfSquares": 140.25,
}
AGE = AMOUNT | {
    "name": "age",
    "contract": {"type": "Integer", "minimum": 18.0, "maximum": 120.0, "missingAllowed": True},
}
COUNTRY = {
    "kind": "Category",
    "name": "country",
    "contract": {"values": ["AT", "DE", "FR"], "missingAllowed": True},
    "top": ["DE", "FR"],
    "counts": [5, 2, 1, 0, 2],
}
CITY = COUNTRY | {"name": "city", "contract": {"values": None, "missingAllowed": False}}
MEMBER = {
    "kind": "Boolean",
    "name": "member",
    "contract": {"missingAllowed": False},
    "counts": [6, 4, 0, 0],
}
SCORES = [
    {"predicted": "0", "edges": [0.2], "counts": [3, 3, 0, 0], "positives": [0, 1, 0, 0]},
    {"predicted": "1", "edges": [0.8], "counts": [2, 2, 0, 0], "positives": [1, 2, 0, 0]},
]
PROFILE: Json = {
    "version": 1,
    "rows": 10,
    "features": [AMOUNT, COUNTRY, MEMBER],
    "target": {"name": "y", "positive": "1", "counts": {"0": 6, "1": 4}},
    "prediction": None,
    "scores": SCORES,
}


def encoded(document: object) -> tuple[bytes, str]:
    content = json.dumps(document).encode()
    return content, f"fraud-{hash_of(content)}"
