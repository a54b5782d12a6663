"""A monitor's core without a process, and exchanges to count. Used by the tests of what it shows."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec

from serinus.monitor.core import Core
from serinus.monitor.exchange import Exchange, Outcome
from tests.monitor.profiles.samples import PROFILE, encoded
from tests.monitor.servings import serving

SPLIT = "3-00ff00ff00ff00ff"
FIELDS: dict[str, object] = {
    "features": "features",
    "prediction": "label",
    "score": "score",
    "task": "Binary",
    "warm_up_seconds": 0,
}


class NoSource:
    """Nothing came."""

    def numbers(self) -> dict[str, int]:
        return {"read": 0, "lost": 2}


def core(folder: Path, profile: object = PROFILE, clock: Callable[[], float] = lambda: 0.0, **changes: object) -> Core:
    """Return one whose profile, if there is one, is in the folder."""
    file = folder / "profile.json"
    name = None
    if profile:
        content, name = encoded(profile)
        file.write_bytes(content)
    return Core(serving("JSON", **FIELDS | {"profile": name} | changes), file, "b", clock)


def exchange(asked: object = None, answered: object = None, **changes: object) -> Exchange:
    """Return one that went well; what else it is stands in `changes`."""
    bodies = [json.dumps(each).encode() for each in (asked or {"features": {}}, answered or {"label": 1})]
    whole = Exchange(
        boot="b",
        sequence=1,
        stamp=SPLIT,
        at=0.0,
        seconds=0.05,
        method="POST",
        path="/predict",
        status=200,
        outcome=Outcome.ANSWERED,
        request=bodies[0],
        request_size=len(bodies[0]),
        response=bodies[1],
        response_size=len(bodies[1]),
    )
    return msgspec.structs.replace(whole, **changes)
