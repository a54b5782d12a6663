"""Goes through a structural schema, part by part. Used by the tests of the schema and of what it refuses."""

from collections.abc import Iterator
from typing import Any

from serinus.api.crd import modeldeployment_definition, modelrelease_definition

Schema = dict[str, Any]


def parts(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every part with its path as the API server writes it: the first item of a list, the entry `key` of a map."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from parts(child, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from parts(schema["items"], f"{path}[0]")
    if "additionalProperties" in schema:
        yield from parts(schema["additionalProperties"], f"{path}.key")


def kinds() -> dict[str, Schema]:
    """The schema of each kind."""
    return {
        definition["spec"]["names"]["kind"]: definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for definition in (modeldeployment_definition(), modelrelease_definition())
    }
