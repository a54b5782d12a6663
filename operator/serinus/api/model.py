"""The base of all API models and the pieces their schemas are written with. Used by the kinds in this package."""

from typing import Final

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

OPEN: Final[JsonDict] = {"x-kubernetes-preserve-unknown-fields": True}
"""Mark a part whose further fields belong to Kubernetes, not to us."""


class ApiModel(BaseModel):
    """A part of one of our kinds: camelCase in JSON, the docstring under a field is what `kubectl explain` shows."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        use_attribute_docstrings=True,
    )


def rule(cel: str, message: str) -> JsonDict:
    """Return one CEL validation and the sentence a user reads when it fails."""
    return {"rule": cel, "message": message}


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
