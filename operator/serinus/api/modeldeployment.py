"""ModelDeployment: what a user writes and what the operator reports about it."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from serinus.api.gateway import Gateway
from serinus.api.model import ApiModel, OpenModel, rule, rules
from serinus.api.monitoring import Endpoint, Monitoring
from serinus.api.names import MAX_NAME_LENGTH
from serinus.api.template import Template

KIND: Final = "ModelDeployment"
PLURAL: Final = "modeldeployments"

MAX_REPLICAS: Final = 10_000
MAX_STEPS: Final = 20

PodCount = Annotated[int, Field(ge=0)]
Replicas = Annotated[PodCount, Field(le=MAX_REPLICAS)]
Name = Annotated[str, Field(max_length=63)]
Revision = Annotated[str, Field(max_length=10)]
Version = Annotated[str, Field(max_length=63)]
Sentence = Annotated[str, Field(max_length=1024)]

ATOMIC: Final = {"x-kubernetes-list-type": "atomic"}

NAME_RULES: Final = rules(
    rule(
        "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        "a Service gets this name: it must begin with a letter, end with a letter or digit, "
        "and hold only a-z, 0-9 and '-'",
        field=".metadata.name",
    ),
    rule(
        f"size(self.metadata.name) <= {MAX_NAME_LENGTH}",
        f"may have at most {MAX_NAME_LENGTH} characters: a revision's objects are named '<name>-<revision>'",
        field=".metadata.name",
    ),
)

_CONTAINERS: Final = "self.template.spec.containers"
_PORT_COUNT: Final = f"{_CONTAINERS}.map(c, has(c.ports) ? size(c.ports) : 0).sum()"


class Model(ApiModel):
    """The model, as people know it."""

    version: Version | None = None
    """A label for people, for example '7' or '2026-11-21'; shown wherever the revision is."""


class Metric(OpenModel):
    """An ordinary metric of a HorizontalPodAutoscaler (autoscaling/v2)."""

    type: Literal["Resource", "ContainerResource", "Pods", "Object", "External"]
    """Kind of the metric; the field of that name says more, as in `kubectl explain hpa.spec.metrics`."""


class Behavior(OpenModel):
    """How fast to scale, as in autoscaling/v2."""


class Autoscaling(ApiModel):
    """A HorizontalPodAutoscaler for every revision."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.minReplicas <= self.maxReplicas",
                "must not exceed autoscaling.maxReplicas",
                field=".minReplicas",
            )
        )
    )

    min_replicas: Annotated[int, Field(ge=1, le=MAX_REPLICAS)] = 1
    """Fewest pods. Default: 1."""
    max_replicas: Annotated[int, Field(ge=1, le=MAX_REPLICAS)]
    """Most pods; at least minReplicas."""
    metrics: Annotated[list[Metric] | None, Field(min_length=1, max_length=16, json_schema_extra=ATOMIC)] = None
    """Metrics, as in `kubectl explain hpa.spec.metrics`. Default: 80 % of the model container's CPU request."""
    behavior: Behavior | None = None
    """How fast to scale, as in `kubectl explain hpa.spec.behavior`. Default: Kubernetes' own."""


class Step(ApiModel):
    """One step of a rollout: a share of the traffic, and how long the new revision holds it."""

    weight: Annotated[int, Field(ge=1, le=100)]
    """Share of the traffic that the new revision gets, in percent."""
    min_seconds: Annotated[int, Field(ge=0, le=2_592_000)] = 60
    """How long it holds this share at least, without interruption. Default: 60."""
    pause: bool = False
    """Whether the step ends only when somebody gives the command `promote`. Default: false."""
    replicas: Annotated[int, Field(ge=1, le=MAX_REPLICAS)] | None = None
    """Number of its pods at this step, up to full size; with `autoscaling` the fewest. Only with `traffic.gateway`:
    without one its share follows from the number of its pods. Default: as many as carry the share as the stable pods
    carry theirs."""


class Rollout(ApiModel):
    """How a new revision takes over. What a rollout began with it keeps: a change counts for the next one."""

    steps: Annotated[tuple[Step, ...], Field(max_length=MAX_STEPS, json_schema_extra=ATOMIC)] = (
        Step(weight=10),
        Step(weight=50),
    )
    """Shares of the traffic that a new revision gets, one after the other, before it takes over. Without steps
    it takes over as soon as all its pods are ready. Default: 10 %, then 50 %, for a minute each."""
    approval: Literal["NotRequired", "Required"] = "NotRequired"
    """Whether a new revision takes over only when somebody gives the command `promote`. Default: NotRequired."""
    deadline_seconds: Annotated[int, Field(ge=1, le=31_536_000)] | None = None
    """How long a new revision may take from its first share until the evidence suffices; while the rollout is paused
    or a source does not answer this time stands still. Default: a day, or twice the time of all steps if that is
    longer."""
    on_inconclusive: Literal["Hold", "Rollback"] = "Hold"
    """What becomes of it when the evidence does not suffice in that time: `Hold` leaves it with its share until it
    does or a command is given, `Rollback` takes the share away. Default: Hold."""
    progress_deadline_seconds: Annotated[int, Field(ge=1, le=604_800)] = 600
    """How long a revision may wait for its pods to be ready, all its waits together. After that a new revision is
    rolled back; a first one is reported as stalled. Default: 600."""
    scale_down_delay_seconds: Annotated[int, Field(ge=0, le=604_800)] = 30
    """How long the old revision keeps its pods after the new one took over; with `surge: 0` it keeps none. Default:
    30."""
    surge: Annotated[Literal["100%", 0], Field(json_schema_extra={"x-kubernetes-int-or-string": True})] = "100%"
    """Room for a new revision beside the old one: `100%` lets it grow to full size before the old one goes; with `0`
    their pods together are never more than `replicas`: one old pod goes, one new pod comes, and the weight moves with
    them. `0` needs two replicas and no `autoscaling`. Default: 100%."""
    history: Annotated[int, Field(ge=1, le=100)] = 10
    """How many revisions to keep as ModelReleases, beside those that have pods. Default: 10."""


class Traffic(ApiModel):
    """How requests reach the model."""

    gateway: Gateway | None = None
    """An HTTPRoute that splits the requests of a Gateway by weight. Default: none; a canary's share follows the numbers
    of ready pods behind the Service."""


class ModelDeploymentSpec(ApiModel):
    """Which model serves, and how."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.autoscaling) || self.replicas == 1",
                "replicas and autoscaling exclude each other: set autoscaling.minReplicas and maxReplicas "
                "and remove replicas, or remove autoscaling",
                field=".replicas",
            ),
            rule(
                f"!has(self.endpoint) || !has(self.endpoint.port) || {_CONTAINERS}.exists_one(c, has(c.ports) && "
                "c.ports.exists_one(p, has(p.name) && p.name == self.endpoint.port))",
                "must be the name of exactly one port in template.spec.containers[].ports",
                field=".endpoint.port",
            ),
            rule(
                f"(has(self.endpoint) && has(self.endpoint.port)) || {_PORT_COUNT} == 1",
                "template.spec.containers[].ports must hold exactly one port, or endpoint.port must name the one "
                "that takes predictions",
                field=".endpoint.port",
                reason="FieldValueRequired",
            ),
            rule(
                "(has(self.traffic) && has(self.traffic.gateway)) || !has(self.rollout.steps) || "
                "self.rollout.steps.all(s, !has(s.replicas))",
                "steps[].replicas needs traffic.gateway: without one a share follows from the number of pods; "
                "remove replicas from the steps, or set traffic.gateway",
                field=".rollout.steps",
            ),
            rule(
                "self.rollout.surge != 0 || (!has(self.autoscaling) && self.replicas != 1)",
                "0 lets a new pod come only when an old one has gone: it needs at least 2 replicas, and no autoscaling",
                field=".rollout.surge",
            ),
        )
    )

    model: Model | None = None
    """The model, as people know it. A change makes a new revision."""
    template: Template
    """An ordinary pod template with any serving container. A change makes a new revision."""
    endpoint: Endpoint | None = None
    """Where the model answers inside its pod, and in which protocol. A change makes a new revision."""
    monitoring: Monitoring | None = None
    """What of the requests and answers is counted, and how. A change makes a new revision."""
    replicas: Replicas = 1
    """Number of pods of the stable revision; 0 stops serving. Not together with `autoscaling`. Default: 1."""
    autoscaling: Autoscaling | None = None
    """Let a HorizontalPodAutoscaler decide the number of pods, instead of `replicas`."""
    traffic: Traffic | None = None
    """How requests reach the model. Default: by the Service of the ModelDeployment's name alone."""
    rollout: Rollout = Rollout()
    """How a new revision takes over."""
    paused: bool = False
    """Hold rollouts where they are: none begins, advances or ends in a promotion. A revision whose pods fail loses
    its share all the same. Default: false."""


class Condition(ApiModel):
    """One aspect of the state, as `kubectl wait` reads it."""

    type: Annotated[str, Field(max_length=64)]
    """Ready, Available, Reconciling, Stalled, Paused, ModelHealthy or DriftDetected."""
    status: Literal["True", "False", "Unknown"]
    """True, False or Unknown."""
    reason: Annotated[str, Field(min_length=1, max_length=64)]
    """One word for programs."""
    message: Annotated[str, Field(max_length=4096)] = ""
    """A sentence for people: what was seen, what was expected, what happens next."""
    observed_generation: Annotated[int, Field(ge=0)]
    """Generation of the spec that this is about."""
    last_transition_time: datetime
    """When the status last changed."""


class StableStatus(ApiModel):
    """The revision that serves."""

    revision: Revision
    """Its revision."""
    version: Version | None = None
    """Its model version."""
    weight: Annotated[int, Field(ge=0, le=100)]
    """Its share of the traffic, in percent."""
    replicas: PodCount
    """Pods asked for."""
    ready_replicas: PodCount
    """Pods that are ready."""


class Forecast(ApiModel):
    """What a decision still needs, judging by what came so far."""

    labels: Annotated[int, Field(ge=0)] | None = None
    """Labels (outcomes that became known) still needed."""
    seconds: Annotated[int, Field(ge=0)] | None = None
    """Seconds until they have come, at the present rate."""


class CanaryStatus(ApiModel):
    """The revision that is to replace the stable one."""

    revision: Revision
    """Its revision."""
    version: Version | None = None
    """Its model version."""
    step: Annotated[int, Field(ge=0)] | None = None
    """The step it is at, counted from 1."""
    steps: Annotated[int, Field(ge=0)] | None = None
    """Number of steps."""
    weight: Annotated[int, Field(ge=0, le=100)]
    """The share of the traffic asked for, in percent."""
    weight_in_force: Annotated[int, Field(ge=0, le=100)]
    """The share of the traffic it gets, in percent."""
    replicas: PodCount
    """Pods asked for."""
    ready_replicas: PodCount
    """Pods that are ready."""
    verdict: Annotated[str, Field(max_length=64)] | None = None
    """What the evidence says so far."""
    forecast: Forecast | None = None
    """What a decision still needs."""


class AccuracyStatus(ApiModel):
    """Accuracy of the stable revision."""

    value: float
    """The estimate."""
    low: float | None = None
    """Lower end of the confidence interval."""
    high: float | None = None
    """Upper end of the confidence interval."""
    labels: Annotated[int, Field(ge=0)]
    """Number of labels (outcomes that became known) it rests on."""
    estimated: bool = False
    """True where it comes from the model's scores alone, without labels."""


class DriftStatus(ApiModel):
    """Drift of the inputs against the profile."""

    score: float
    """Population stability index of the worst feature, corrected for sample size."""
    state: Literal["Insufficient", "Stable", "Shifted", "Drifted"]
    """What the score and the test say together."""
    features: Annotated[
        list[Annotated[str, Field(max_length=256)]] | None, Field(max_length=50, json_schema_extra=ATOMIC)
    ] = None
    """Features that drifted."""


class MetricValue(ApiModel):
    """A measured rate and what it rests on."""

    value: float
    """The estimate."""
    low: float | None = None
    """Lower end of the confidence interval."""
    high: float | None = None
    """Upper end of the confidence interval."""
    samples: Annotated[int, Field(ge=0)]
    """Requests or labels it rests on."""


class MetricStatus(ApiModel):
    """One gate of the analysis."""

    name: Annotated[str, Field(max_length=63)]
    """Name of the gate."""
    stable: MetricValue | None = None
    """The stable revision's value."""
    canary: MetricValue | None = None
    """The canary's value."""
    verdict: Annotated[str, Field(max_length=64)] | None = None
    """What the test says so far."""
    p: Annotated[float, Field(ge=0, le=1)] | None = None
    """Anytime-valid p-value of the test."""


class LastCommand(ApiModel):
    """The last command that was given by annotation."""

    verb: Annotated[str, Field(max_length=32)]
    """What was asked."""
    revision: Revision
    """For which revision."""
    nonce: Annotated[str, Field(max_length=128)]
    """The command's own id."""
    by: Annotated[str, Field(max_length=256)] | None = None
    """Who gave it, vouched for by the API server."""
    result: Sentence
    """What came of it."""


class ModelDeploymentStatus(ApiModel):
    """What is, as the operator last saw it."""

    observed_generation: int = -1
    """Generation of the spec that this status is about; -1 until the operator has seen the object."""
    conditions: Annotated[
        list[Condition] | None,
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = None
    """Aspects of the state: Ready and Available always, others where they are true."""
    stable: StableStatus | None = None
    """The revision that serves."""
    canary: CanaryStatus | None = None
    """The revision that is to replace the stable one."""
    accuracy: AccuracyStatus | None = None
    """Accuracy of the stable revision."""
    drift: DriftStatus | None = None
    """Drift of the inputs against the profile."""
    metrics: Annotated[
        list[MetricStatus] | None,
        Field(
            max_length=32,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = None
    """Gates of the running analysis."""
    url: Annotated[str, Field(max_length=2048)] | None = None
    """Where the model answers."""
    replicas: PodCount | None = None
    """Pods of all revisions."""
    ready_replicas: PodCount | None = None
    """Pods of all revisions that are ready."""
    selector: Annotated[str, Field(max_length=512)] | None = None
    """Label selector of all pods, for `kubectl scale` and autoscalers."""
    last_command: LastCommand | None = None
    """The last command that was given by annotation."""


def spec_of(document: dict[str, Any]) -> ModelDeploymentSpec:
    """Parse the spec of a ModelDeployment that the API server accepted."""
    return ModelDeploymentSpec.model_validate(document)
