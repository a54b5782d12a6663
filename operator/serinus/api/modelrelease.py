"""ModelRelease: the immutable snapshot of one revision, and the record of what became of it."""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field

from serinus.api.model import ApiModel, OpenModel, SchemaOf, rule, rules
from serinus.api.modeldeployment import Name, Revision, Version

KIND: Final = "ModelRelease"
PLURAL: Final = "modelreleases"


class RenderedTemplate(OpenModel):
    """A pod template as the revision's Deployment carries it."""


class ReleaseEndpoint(ApiModel):
    """Where the model answers inside its pod."""

    port: Annotated[int, Field(ge=1, le=65535)]
    """Number of the container port."""
    name: Annotated[str, Field(max_length=15)] | None = None
    """Name of the container port, where it has one."""
    container: Name
    """Name of the container that serves the model."""


class ModelReleaseSpec(ApiModel):
    """The snapshot: everything that the revision's pods are made of."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self == oldSelf",
                "a ModelRelease is a record and cannot be changed; change the spec of its ModelDeployment",
            )
        )
    )

    deployment: Name
    """Name of the ModelDeployment."""
    revision: Revision
    """The revision: a hash of the fields that make it, as the user gave them."""
    version: Version | None = None
    """The model version, as people know it."""
    endpoint: ReleaseEndpoint
    """Where the model answers inside its pod."""
    template: Annotated[dict[str, Any], SchemaOf(RenderedTemplate)]
    """The pod template as it was rendered when the revision was first asked for."""
    rendered_by: Annotated[str, Field(max_length=63)]
    """Version of Serinus that rendered it."""


class ModelReleaseStatus(ApiModel):
    """The record: what became of the revision."""

    promoted_at: datetime | None = None
    """When it last became the stable revision. The release with the latest time is the stable one."""
