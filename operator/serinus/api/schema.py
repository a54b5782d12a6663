"""Pydantic's JSON schema made structural, as a CustomResourceDefinition needs it. Used by crd.py."""

from typing import Any, Final

from pydantic import BaseModel

from serinus.api.model import OPEN

Schema = dict[str, Any]

_DROPPED: Final = ("title", "examples", "$defs")
_BOUND_OF_TYPE: Final = {"string": "maxLength", "array": "maxItems"}


class UnfitSchemaError(Exception):
    """A model cannot be a CRD: a field lacks its description or its bound."""


def structural_schema(model: type[BaseModel]) -> Schema:
    """Return the structural schema of a model; every field described, every list and string bounded."""
    document = model.model_json_schema(by_alias=True)
    schema = _structural(document, document.get("$defs", {}))
    _check(schema, model.__name__)
    return schema


def _structural(node: Schema, definitions: dict[str, Schema]) -> Schema:
    node = _inlined(_without_null(node), definitions)
    schema = {key: value for key, value in node.items() if key not in _DROPPED}
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())  # `kubectl explain` breaks lines itself
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if isinstance(schema.get("default"), dict):
        schema["default"] = {}  # the children carry their own defaults
    elif isinstance(schema.get("default"), list):
        schema["default"] = [_given(item) for item in schema["default"]]
    if schema.get("additionalProperties") in (True, False):
        del schema["additionalProperties"]
    elif "additionalProperties" in schema:
        schema["additionalProperties"] = _structural(schema["additionalProperties"], definitions)
    if "items" in schema:
        schema["items"] = _structural(schema["items"], definitions)
    if "properties" in schema:
        schema["properties"] = {name: _structural(child, definitions) for name, child in schema["properties"].items()}
    return schema


def _inlined(node: Schema, definitions: dict[str, Schema]) -> Schema:
    """Put the definition in the place of its reference; what stands beside the reference wins."""
    if "$ref" not in node:
        return node
    target = definitions[node["$ref"].rsplit("/", 1)[-1]]
    beside = {key: value for key, value in node.items() if key != "$ref"}
    return _inlined(target, definitions) | beside


def _without_null(node: Schema) -> Schema:
    """Make `X | None = None` an optional X: in an API an absent field is the null."""
    if "anyOf" not in node:
        return node
    (choice,) = (option for option in node["anyOf"] if option != {"type": "null"})
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    if rest.get("default", 0) is None:
        del rest["default"]
    return {**choice, **rest}


def _given(item: Any) -> Any:  # noqa: ANN401 - JSON
    """Leave out what an item of a default does not say."""
    return {key: value for key, value in item.items() if value is not None} if isinstance(item, dict) else item


def _check(schema: Schema, path: str) -> None:
    bound = _BOUND_OF_TYPE.get(schema.get("type", ""))
    if bound and bound not in schema and "enum" not in schema and schema.get("format") != "date-time":
        raise UnfitSchemaError(f"{path} has no {bound}")
    if "additionalProperties" in schema:
        if "maxProperties" not in schema:
            raise UnfitSchemaError(f"{path} has no maxProperties")
        _check(schema["additionalProperties"], f"{path}.*")
    if "items" in schema:
        _check(schema["items"], f"{path}[]")
    for name, child in schema.get("properties", {}).items():
        if "description" not in child:
            raise UnfitSchemaError(f"{path}.{name} has no description")
        _check(child, f"{path}.{name}")
    if schema.get("type") == "object" and not schema.keys() & ({"properties", "additionalProperties"} | OPEN.keys()):
        raise UnfitSchemaError(f"{path} is an object of which nothing is known")
