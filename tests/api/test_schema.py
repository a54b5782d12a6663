"""The generator of the CRDs: models in, structural schemas out; and what holds for ours, all of it without a server."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from serinus.api import crd
from serinus.api.model import ApiModel, OpenModel, SchemaOf, rule, rules
from serinus.api.modeldeployment import ModelDeploymentStatus, spec_of
from serinus.api.schema import UnfitSchemaError, structural_schema
from serinus.render.revision import REVISION_FIELDS
from tests.api.samples import full_deployment, full_status
from tests.api.schema_walk import Schema, kinds, parts
from tests.cluster.instance import CHECKOUT

STRUCTURE = {"type", "format", "description", "default", "properties", "required", "items", "additionalProperties"}
BOUNDS = {"enum", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties"}
KUBERNETES = {
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
}


class Port(OpenModel):
    """A port."""

    number: Annotated[int, Field(ge=1, title="Number", examples=[80])]
    """Its number."""


class Sample(ApiModel):
    """A sample."""

    kind: Literal["Only"] | None = None
    """One word."""
    first_port: Port
    """The first port,
    on two lines."""
    more_ports: Annotated[list[Port] | None, Field(max_length=2)] = None
    """The others."""
    labels: Annotated[dict[str, Annotated[str, Field(max_length=5)]] | None, Field(max_length=2)] = None
    """Labels."""
    plain: Annotated[dict[str, Any], SchemaOf(Port)]
    """A port that stays plain JSON in the operator."""
    since: datetime | None = None
    """A time."""


PORT: Schema = {
    "type": "object",
    "description": "A port.",
    "properties": {"number": {"type": "integer", "minimum": 1, "description": "Its number."}},
    "required": ["number"],
    "x-kubernetes-preserve-unknown-fields": True,
}


def test_a_model_becomes_a_structural_schema() -> None:
    assert structural_schema(Sample) == {
        "type": "object",
        "description": "A sample.",
        "properties": {
            "kind": {"type": "string", "enum": ["Only"], "description": "One word."},
            "firstPort": PORT | {"description": "The first port, on two lines."},
            "morePorts": {"type": "array", "items": PORT, "maxItems": 2, "description": "The others."},
            "labels": {
                "type": "object",
                "additionalProperties": {"type": "string", "maxLength": 5},
                "maxProperties": 2,
                "description": "Labels.",
            },
            "plain": PORT | {"description": "A port that stays plain JSON in the operator."},
            "since": {"type": "string", "format": "date-time", "description": "A time."},
        },
        "required": ["firstPort", "plain"],
    }


class Inner(ApiModel):
    """An inner part."""

    size: int = 3
    """Its size."""


class Outer(ApiModel):
    """An outer part."""

    inner: Inner = Inner()
    """The inner part."""


def test_a_part_that_may_be_left_out_defaults_to_its_own_defaults() -> None:
    inner = structural_schema(Outer)["properties"]["inner"]
    assert inner["default"] == {}
    assert inner["properties"]["size"]["default"] == 3


class Ruled(ApiModel):
    """A part with a rule."""

    size: Annotated[int, Field(json_schema_extra=rules(rule("self != 7", "must not be 7", reason="FieldValueInvalid")))]
    """Its size."""


def test_a_rule_stands_where_it_was_written() -> None:
    size = structural_schema(Ruled)["properties"]["size"]
    assert size["x-kubernetes-validations"] == [
        {"rule": "self != 7", "message": "must not be 7", "reason": "FieldValueInvalid"}
    ]


class UnboundedText(ApiModel):
    """Unfit."""

    name: str
    """Its name."""


class UnboundedList(ApiModel):
    """Unfit."""

    names: list[Annotated[str, Field(max_length=5)]]
    """Names."""


class UnboundedItem(ApiModel):
    """Unfit."""

    names: Annotated[list[str], Field(max_length=5)]
    """Names."""


class UnboundedMap(ApiModel):
    """Unfit."""

    labels: dict[str, Annotated[str, Field(max_length=5)]]
    """Labels."""


class UnboundedValue(ApiModel):
    """Unfit."""

    labels: Annotated[dict[str, str], Field(max_length=5)]
    """Labels."""


class Undescribed(ApiModel):
    """Unfit."""

    size: int


class Opaque(ApiModel):
    """Unfit."""

    anything: dict[str, Any]
    """Anything."""


class Nested(ApiModel):
    """Unfit."""

    parts: Annotated[list[Undescribed], Field(max_length=5)]
    """Parts."""


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (UnboundedText, "UnboundedText.name has no maxLength"),
        (UnboundedList, "UnboundedList.names has no maxItems"),
        (UnboundedItem, "UnboundedItem.names[] has no maxLength"),
        (UnboundedMap, "UnboundedMap.labels has no maxProperties"),
        (UnboundedValue, "UnboundedValue.labels.* has no maxLength"),
        (Undescribed, "Undescribed.size has no description"),
        (Opaque, "Opaque.anything is an object of which nothing is known"),
        (Nested, "Nested.parts[].size has no description"),
    ],
)
def test_an_unfit_model_is_refused_with_the_place(model: type[ApiModel], says: str) -> None:
    with pytest.raises(UnfitSchemaError) as refused:
        structural_schema(model)
    assert str(refused.value) == says


@pytest.mark.parametrize("directory", crd.DIRECTORIES)
def test_the_files_in_the_tree_are_what_the_models_say(directory: str) -> None:
    """`make generate` writes them."""
    files = {file.name: file.read_text() for file in (CHECKOUT / directory).glob("*.yaml")}
    assert files == crd.definitions()


@pytest.mark.parametrize("kind", list(kinds()))
def test_every_field_is_described(kind: str) -> None:
    ours = {path: part for path, part in parts(kinds()[kind]) if not path.startswith("metadata")}
    lacking = [
        f"{path}.{name}"
        for path, part in ours.items()
        for name, field in part.get("properties", {}).items()
        if "description" not in field and name != "metadata"
    ]
    assert lacking == []


@pytest.mark.parametrize("kind", list(kinds()))
def test_nothing_unstructural_is_left(kind: str) -> None:
    """Neither Pydantic's `title`, `examples`, `$ref`, `anyOf`, nor a bound without its sentence in test_refusals.py."""
    for path, part in parts(kinds()[kind]):
        assert part.keys() <= STRUCTURE | BOUNDS | KUBERNETES, path
        assert part.get("additionalProperties") not in (True, False), path
        assert ("type" in part) != ("x-kubernetes-int-or-string" in part), path


@pytest.mark.parametrize("field", REVISION_FIELDS)
def test_what_makes_the_revision_has_no_default(field: str) -> None:
    """Else a new default would make a new revision of every model."""
    spec = kinds()["ModelDeployment"]["properties"]["spec"]
    assert [path for path, part in parts(spec["properties"][field], field) if "default" in part] == []


def test_a_default_is_named_in_the_description() -> None:
    """`kubectl explain` does not show it otherwise."""
    spec = kinds()["ModelDeployment"]["properties"]["spec"]
    defaults = {path: part for path, part in parts(spec) if part.get("default", {}) != {}}
    assert defaults.pop("rollout.steps")["description"].endswith("Default: 10 %, then 50 %, for a minute each.")
    for path, part in defaults.items():
        default = json.dumps(part["default"]).strip('"')
        assert f"Default: {default}." in part["description"], path


def test_a_new_object_is_not_yet_observed() -> None:
    assert kinds()["ModelDeployment"]["properties"]["status"]["default"] == {"observedGeneration": -1}


def test_open_parts_are_kept_whole_when_the_operator_reads_them() -> None:
    given = full_deployment()["spec"]
    assert spec_of(given).model_dump(mode="json", by_alias=True, exclude_none=True) == given


def test_a_status_comes_back_as_it_was_written() -> None:
    status = ModelDeploymentStatus.model_validate(full_status())
    assert status.model_dump(mode="json", by_alias=True, exclude_none=True) == full_status()
