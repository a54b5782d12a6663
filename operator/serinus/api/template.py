"""What we ask of the pod template, which is otherwise an ordinary, open PodTemplateSpec.

Declared is what has a rule of ours, and what the operator reads: that must be of its type.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from serinus.api.model import ApiModel, OpenModel, SchemaOf, rule, rules
from serinus.api.names import RESERVED_CONTAINER_PREFIX, RESERVED_PREFIX

Label = Annotated[str, Field(max_length=63)]
MetadataValue = Annotated[str, Field(max_length=4096)]

MAX_CONTAINERS: Final = 16
MAX_PORTS: Final = 16


class ContainerPort(OpenModel):
    """A port that a container listens on."""

    name: Annotated[str, Field(min_length=1, max_length=15)] | None = None
    """Name of the port, as `endpoint.port` refers to it."""
    container_port: Annotated[int, Field(ge=1, le=65535)]
    """Number of the port."""
    protocol: Literal["TCP", "UDP", "SCTP"] | None = None
    """Protocol of the port. Default: TCP."""


_CONTAINER_NAME: Final = rules(
    rule(
        f"!self.startsWith('{RESERVED_CONTAINER_PREFIX}')",
        f"containers whose name begins with '{RESERVED_CONTAINER_PREFIX}' are added by Serinus; choose another name",
    )
)


class PreStop(OpenModel):
    """What runs before the container is told to end."""


class Lifecycle(OpenModel):
    """What runs at a container's start and end."""

    pre_stop: PreStop | None = None
    """What runs before the container is told to end. Default: the container serves on for 10 seconds."""


class Quantities(OpenModel):
    """Quantities by resource."""


class Resources(OpenModel):
    """What a container needs."""

    requests: Quantities | None = None
    """What is set aside for the container, for example `cpu: 500m`. Autoscaling without metrics needs its `cpu`."""
    limits: Quantities | None = None
    """The most that the container gets."""


class Container(OpenModel):
    """An ordinary container: all of `kubectl explain pod.spec.containers` is allowed."""

    name: Annotated[str, Field(min_length=1, max_length=63, json_schema_extra=_CONTAINER_NAME)]
    """Name of the container, unique in the pod. Names that begin with `serinus-` are taken."""
    ports: Annotated[
        list[ContainerPort] | None,
        Field(max_length=MAX_PORTS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = None
    """Ports that the container listens on."""
    resources: Resources | None = None
    """What the container needs."""
    lifecycle: Lifecycle | None = None
    """What runs at the container's start and end."""


_CONTAINER_LIST: Final = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


class PodSpec(OpenModel):
    """An ordinary pod: all of `kubectl explain pod.spec` is allowed."""

    containers: Annotated[
        list[Container], Field(min_length=1, max_length=MAX_CONTAINERS, json_schema_extra=_CONTAINER_LIST)
    ]
    """The containers; one of them serves the model."""
    init_containers: Annotated[
        list[Container] | None, Field(max_length=MAX_CONTAINERS, json_schema_extra=_CONTAINER_LIST)
    ] = None
    """Containers that run before the model's, for example to fetch it."""
    host_network: Annotated[
        bool | None,
        Field(
            json_schema_extra=rules(
                rule(
                    "!self",
                    "two revisions run side by side, and both would want the same port of the node; remove hostNetwork",
                )
            )
        ),
    ] = None
    """Must stay false: two revisions run side by side."""
    restart_policy: Literal["Always"] | None = None
    """Must be Always, which is the default: a model serves until it is replaced."""
    termination_grace_period_seconds: Annotated[int, Field(ge=0, le=604_800)] | None = None
    """How long a pod that is told to end may take; Serinus adds 10 seconds for its preStop. Default: 30."""


_METADATA_KEYS: Final = rules(
    rule(
        f"self.all(key, !key.startsWith('{RESERVED_PREFIX}'))",
        f"those that begin with '{RESERVED_PREFIX}' are set by Serinus; remove them from the template",
    )
)


class TemplateMetadata(OpenModel):
    """Labels and annotations of the pods. Open, as templates copied from elsewhere carry `creationTimestamp: null`."""

    labels: Annotated[dict[str, Label] | None, Field(max_length=64, json_schema_extra=_METADATA_KEYS)] = None
    """Labels of the pods. Those that begin with `serinus.dev/` are taken."""
    annotations: Annotated[dict[str, MetadataValue] | None, Field(max_length=64, json_schema_extra=_METADATA_KEYS)] = (
        None
    )
    """Annotations of the pods. Those that begin with `serinus.dev/` are taken."""


class PodTemplate(ApiModel):
    """An ordinary pod template with any serving container."""

    metadata: TemplateMetadata | None = None
    """Labels and annotations of the pods."""
    spec: PodSpec
    """An ordinary pod: all of `kubectl explain pod.spec` is allowed."""


Template = Annotated[dict[str, Any], SchemaOf(PodTemplate)]
