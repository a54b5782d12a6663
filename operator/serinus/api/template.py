"""What we ask of the pod template, which is otherwise an ordinary, open PodTemplateSpec."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from serinus.api.model import OPEN, ApiModel, SchemaOf, rule, rules
from serinus.api.names import RESERVED_CONTAINER_PREFIX, RESERVED_PREFIX

Label = Annotated[str, Field(max_length=63)]
MetadataValue = Annotated[str, Field(max_length=4096)]

MAX_CONTAINERS: Final = 16


class ContainerPort(ApiModel):
    """A port that a container listens on."""

    model_config = ConfigDict(json_schema_extra=OPEN)

    name: Annotated[str, Field(min_length=1, max_length=15)] | None = None
    """Name of the port, as `endpoint.port` refers to it."""
    container_port: Annotated[int, Field(ge=1, le=65535)]
    """Number of the port."""
    protocol: Literal["TCP", "UDP", "SCTP"] | None = None
    """Protocol of the port. Default: TCP."""


class Container(ApiModel):
    """An ordinary container; every field of Kubernetes' own is allowed."""

    model_config = ConfigDict(json_schema_extra=OPEN)

    name: Annotated[str, Field(min_length=1, max_length=63)]
    """Name of the container, unique in the pod. Names that begin with `serinus-` are taken."""
    ports: Annotated[
        list[ContainerPort] | None,
        Field(max_length=MAX_CONTAINERS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = None
    """Ports that the container listens on."""


_CONTAINER_LIST: Final = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


class PodSpec(ApiModel):
    """An ordinary pod; every field of Kubernetes' own is allowed."""

    model_config = ConfigDict(
        json_schema_extra=OPEN
        | rules(
            rule(
                "!has(self.hostNetwork) || !self.hostNetwork",
                "hostNetwork is refused: two revisions run side by side, and both would want the node's port; "
                "remove hostNetwork",
            ),
            *(
                rule(
                    f"!has(self.{field}) || !self.{field}.exists(c, c.name.startsWith('{RESERVED_CONTAINER_PREFIX}'))",
                    f"a container's name must not begin with '{RESERVED_CONTAINER_PREFIX}': "
                    "those containers are added by Serinus; choose another name",
                )
                for field in ("containers", "initContainers")
            ),
        )
    )

    containers: Annotated[
        list[Container], Field(min_length=1, max_length=MAX_CONTAINERS, json_schema_extra=_CONTAINER_LIST)
    ]
    """The containers; one of them serves the model."""
    init_containers: Annotated[
        list[Container] | None, Field(max_length=MAX_CONTAINERS, json_schema_extra=_CONTAINER_LIST)
    ] = None
    """Containers that run before the model's, for example to fetch it."""
    host_network: bool | None = None
    """Must stay false: two revisions run side by side."""
    restart_policy: Literal["Always"] | None = None
    """Must be Always, which is the default: a model serves until it is replaced."""


class TemplateMetadata(ApiModel):
    """Labels and annotations of the pods."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            *(
                rule(
                    f"!has(self.{field}) || self.{field}.all(k, !k.startsWith('{RESERVED_PREFIX}'))",
                    f"{field} that begin with '{RESERVED_PREFIX}' are set by Serinus; remove them from the template",
                )
                for field in ("labels", "annotations")
            )
        )
    )

    labels: Annotated[dict[str, Label] | None, Field(max_length=64)] = None
    """Labels of the pods. Those that begin with `serinus.dev/` are taken."""
    annotations: Annotated[dict[str, MetadataValue] | None, Field(max_length=64)] = None
    """Annotations of the pods. Those that begin with `serinus.dev/` are taken."""


class PodTemplate(ApiModel):
    """An ordinary pod template with any serving container."""

    metadata: TemplateMetadata | None = None
    """Labels and annotations of the pods."""
    spec: PodSpec
    """An ordinary pod; every field of Kubernetes' own is allowed."""


Template = Annotated[dict[str, Any], SchemaOf(PodTemplate)]
