"""ModelRelease: the immutable snapshot of one revision, and the record of what became of it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field

from serinus.api.commands import Obeyed
from serinus.api.model import ApiModel, OpenModel, SchemaOf, rule, rules
from serinus.api.modeldeployment import ATOMIC, Name, PodCount, Revision, Rollout, Version

KIND: Final = "ModelRelease"
PLURAL: Final = "modelreleases"

MAX_ATTEMPTS: Final = 3
MAX_HELD: Final = 40
MAX_COMMANDS: Final = 20


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


class Result(StrEnum):
    """What became of a revision's last attempt, as it counts now."""

    RUNNING = "Running"
    """It goes on."""
    PROMOTED = "Promoted"
    """The revision became the stable one."""
    ROLLED_BACK = "RolledBack"
    """It failed; the revision is not tried again until another one was asked for in between."""
    ENDED = "Ended"
    """Another revision was asked for: whatever it was, it no longer counts."""


class Held(ApiModel):
    """A share of the traffic that the revision had, and for how long."""

    step: Annotated[int, Field(ge=1)]
    """The step, counted from 1."""
    weight: Annotated[int, Field(ge=1, le=100)]
    """The share, in percent."""
    since: datetime
    """From when."""
    until: datetime
    """Until when."""


class Outcome(ApiModel):
    """How an attempt ended."""

    result: Result
    """Promoted, RolledBack or Ended."""
    reason: Annotated[str, Field(max_length=64)]
    """One word for programs."""
    message: Annotated[str, Field(max_length=4096)]
    """A sentence for people."""
    at: datetime
    """When."""


class Attempt(ApiModel):
    """One try to bring the revision into service; an operator that was killed goes on from here."""

    number: Annotated[int, Field(ge=1)]
    """Which try it is, counted from 1."""
    started_at: datetime
    """When it began."""
    policy: Rollout
    """`spec.rollout` as it was then."""
    stable: Revision | None = None
    """The revision that it is to replace; absent for a first one, whose approval is all that is awaited."""
    stable_replicas: PodCount
    """How many pods that one had then: so many must be there to take everything back."""
    step: Annotated[int, Field(ge=0)]
    """The step it is at, counted from 1; 0 where there are none."""
    weight: Annotated[int, Field(ge=0, le=100)] = 0
    """The share of the traffic it is to have now; 0 while it waits for its pods."""
    since: datetime | None = None
    """Since when it has held this share, or waited; absent while no time counts."""
    waited_seconds: Annotated[float, Field(ge=0)] = 0
    """Earlier waits for its pods, together."""
    trial_since: datetime | None = None
    """When it got its first share: from then on its time until `policy.deadlineSeconds` runs."""
    stopped_since: datetime | None = None
    """Since when that time has stood still; absent while it runs."""
    stopped_seconds: Annotated[float, Field(ge=0)] = 0
    """How long it stood still before."""
    nonce: Annotated[str, Field(max_length=16)] | None = None
    """Marks the requests that a gateway splits in this attempt; absent where it began without one."""
    split: Annotated[int, Field(ge=0)] = 0
    """How many times the weights at the gateway have changed in this attempt."""
    gateway: bool = False
    """Whether a gateway splits the traffic by weight, and not the Service by the numbers of pods."""
    held: Annotated[tuple[Held, ...], Field(max_length=MAX_HELD, json_schema_extra=ATOMIC)] = ()
    """The shares it had, the latest ones."""
    queued: bool = False
    """Whether it waits because as many rollouts go on as may."""
    paused: bool = False
    """Whether a command holds it where it is."""
    released: Annotated[int, Field(ge=0)] = 0
    """The last step whose pause was ended by a command; 0 for none."""
    approved: bool = False
    """Whether its promotion was approved."""
    full: bool = False
    """Whether a command told it to skip the steps and gates that are left."""
    commands: Annotated[tuple[Obeyed, ...], Field(max_length=MAX_COMMANDS, json_schema_extra=ATOMIC)] = ()
    """Commands that were obeyed, the latest ones."""
    outcome: Outcome | None = None
    """How it ended."""


class ModelReleaseStatus(ApiModel):
    """The record: what became of the revision."""

    promoted_at: datetime | None = None
    """When it last became the stable revision. The release with the latest time is the stable one."""
    result: Result | None = None
    """What became of the last attempt, as it counts now."""
    attempts: Annotated[tuple[Attempt, ...] | None, Field(max_length=MAX_ATTEMPTS, json_schema_extra=ATOMIC)] = None
    """The last tries to bring it into service."""
