"""Whether an object on the server still is what we asked for: the hash of the intent, and whose its fields are."""

import json
from typing import Any

from serinus.api.names import ANNOTATION_INTENT
from serinus.render.children import Manifest
from serinus.render.revision import digest


def sealed(manifest: Manifest) -> Manifest:
    """Return the manifest with the hash of its intent in an annotation."""
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), ANNOTATION_INTENT: digest(manifest)[:16]}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def seal_of(manifest: Manifest) -> str:
    """Return the hash that `sealed` wrote."""
    seal: str = manifest["metadata"]["annotations"][ANNOTATION_INTENT]
    return seal


def covers(owned: dict[str, Any], manifest: Manifest) -> bool:
    """Return whether the fields we own (managedFields' fieldsV1) include all that the manifest sets.

    The server takes a field from us when somebody else changes its value. Values are not compared: it rewrites some
    (`1000m` becomes `1`).
    """
    written = ("labels", "annotations", "ownerReferences")
    metadata = {key: value for key, value in manifest["metadata"].items() if key in written}
    content = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind")}
    return bool(owned) and _owns(owned, {**content, "metadata": metadata})


def _owns(owned: dict[str, Any], value: object) -> bool:
    if not owned:
        return True  # a leaf: the server owns it as one, whatever it holds
    if isinstance(value, dict):
        return all(f"f:{key}" in owned and _owns(owned[f"f:{key}"], child) for key, child in value.items())
    if isinstance(value, list):
        return all(_owns_item(owned, item) for item in value)
    return True


def _owns_item(owned: dict[str, Any], item: object) -> bool:
    if not isinstance(item, dict):
        return f"v:{json.dumps(item)}" in owned
    return any(
        _is_key_of(json.loads(path[2:]), item) and _owns(fields, item)
        for path, fields in owned.items()
        if path.startswith("k:")
    )


def _is_key_of(key: dict[str, Any], item: dict[str, Any]) -> bool:
    """Return whether a list key names the item; a part of it that we left out was defaulted by the server."""
    return all(name not in item or item[name] == value for name, value in key.items())
