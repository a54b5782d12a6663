"""What a ModelDeployment wants at a Gateway: two that want the same cannot both have it. Kept in the cache."""

import json
from itertools import product
from typing import Any, Final, NamedTuple

from serinus.cluster.routestatus import Parent, parent_of

Document = dict[str, Any]

EVERY_PATH: Final = {"type": "PathPrefix", "value": "/"}


class Claim(NamedTuple):
    """Requests of one kind, at one parent."""

    parent: Parent
    hostname: str
    """Empty where the parent's own are meant."""
    match: str

    def __str__(self) -> str:
        return f"{self.hostname or 'every hostname'} at {self.parent}"


def claims_of(namespace: str, spec: Document) -> frozenset[Claim]:
    """Return what a ModelDeployment's spec claims; nothing without a gateway."""
    gateway = (spec.get("traffic") or {}).get("gateway")
    if not gateway:
        return frozenset()
    parents = [parent_of(namespace, reference) for reference in gateway["parentRefs"]]
    matches = [_canonical(match) for match in gateway.get("matches") or [{}]]
    return frozenset(Claim(*claim) for claim in product(parents, gateway.get("hostnames") or [""], matches))


def _canonical(match: Document) -> str:
    return json.dumps({**match, "path": EVERY_PATH | match.get("path", {})}, sort_keys=True)
