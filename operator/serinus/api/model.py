"""The base of all API models and the pieces their schemas are written with. Used by the kinds in this package."""

from typing import Final

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

OPEN: Final[JsonDict] = {"x-kubernetes-preserve-unknown-fields": True}
"""What marks an open part in a schema, see OpenModel."""


class ApiModel(BaseModel):
    """A part of one of our kinds: camelCase in JSON, the docstring under a field is what `kubectl explain` shows."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        use_attribute_docstrings=True,
    )


class OpenModel(ApiModel):
    """A part whose further fields belong to Kubernetes: they are allowed, and kept as they were given."""

    model_config = ConfigDict(extra="allow", json_schema_extra=OPEN)


def rule(cel: str, message: str, *, field: str = "", reason: str = "FieldValueForbidden") -> JsonDict:
    """Return one CEL validation, and what a user reads when it fails: "<field>: <reason>: <message>".

    `field` names the field at fault below the part that the rule stands on, for example `.endpoint.port`.
    """
    where: JsonDict = {"fieldPath": field} if field else {}
    return {"rule": cel, "message": message, "reason": reason, **where}


def rules(*validations: JsonDict) -> JsonDict:
    """Return the schema extension that carries validations."""
    return {"x-kubernetes-validations": [*validations]}


class SchemaOf:
    """Give a field that stays plain JSON inside the operator the schema of a model.

    The pod template is the user's: it is hashed and rendered as it was given, never parsed into a model and back.
    """

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(self._model.__pydantic_core_schema__)
