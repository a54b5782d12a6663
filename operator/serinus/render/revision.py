"""The revision of a spec: a hash of the fields that make the pods, as the user gave them."""

import hashlib
import json
from typing import Any, Final

from serinus.api.names import REVISION_LENGTH

REVISION_FIELDS: Final = ("template", "model", "endpoint", "monitoring")
"""Fields that make a revision. More may be added: an absent one changes no hash. None may ever have a default."""


def revision_of(spec: dict[str, Any]) -> str:
    """Return the revision of a ModelDeployment's spec."""
    return digest({field: spec[field] for field in REVISION_FIELDS if field in spec})[:REVISION_LENGTH]


def digest(document: object) -> str:
    """Return the SHA-256 of a document's canonical JSON."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
