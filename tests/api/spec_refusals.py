"""The table of what a ModelDeployment's name and spec must not be. Run by test_refusals.py."""

from collections.abc import Iterator
from typing import Final

from tests.api.gateway_refusals import GATEWAY_REFUSALS
from tests.api.monitoring_refusals import MONITORING_REFUSALS
from tests.api.refusals import (
    Refusal,
    missing,
    not_among,
    too_few,
    too_large,
    too_long,
    too_many,
    too_many_keys,
    too_short,
    too_small,
    unknown,
    wrong_type,
)
from tests.api.rollout_refusals import A_WEEK, rollout
from tests.api.samples import ABSENT, Json, full_container

POD: Final = "spec.template.spec"

SERVICE_NAME: Final = (
    "metadata.name: Forbidden: a Service gets this name: it must begin with a letter, end with a letter or digit, "
    "and hold only a-z, 0-9 and '-'"
)
NAME_LENGTH: Final = (
    "metadata.name: Forbidden: may have at most 52 characters: a revision's objects are named '<name>-<revision>'"
)
ONE_PORT: Final = (
    "spec.endpoint.port: Required value: template.spec.containers[].ports must hold exactly one port, "
    "or endpoint.port must name the one that takes predictions"
)
EXISTING_PORT: Final = (
    "spec.endpoint.port: Forbidden: must be the name of exactly one port in template.spec.containers[].ports"
)
REPLICAS_OR_AUTOSCALING: Final = (
    "spec.replicas: Forbidden: replicas and autoscaling exclude each other: set autoscaling.minReplicas and "
    "maxReplicas and remove replicas, or remove autoscaling"
)
STEP_REPLICAS: Final = (
    "spec.rollout.steps: Forbidden: steps[].replicas needs traffic.gateway: without one a share follows from the "
    "number of pods; remove replicas from the steps, or set traffic.gateway"
)
NO_SURGE: Final = (
    "spec.rollout.surge: Forbidden: 0 lets a new pod come only when an old one has gone: it needs at least 2 replicas, "
    "and no autoscaling"
)
HOST_NETWORK: Final = (
    f"{POD}.hostNetwork: Forbidden: two revisions run side by side, and both would want the same port of the node; "
    "remove hostNetwork"
)


def _name(bad: str, says: str) -> Refusal:
    return Refusal("metadata.name", bad, says, ("f", "fraud-2", "f" * 52))


def _container(index: int) -> Json:
    """The first is the model; the others have no ports, so that it stays clear which one takes predictions."""
    return full_container("model") if index == 0 else {"name": f"other-{index}"}


def _port(index: int) -> Json:
    return {"name": "http" if index == 0 else f"port-{index}", "containerPort": 8080 + index}


def _in_container(path: str) -> Iterator[Refusal]:
    """Init containers are held to the same as containers."""
    port = f"{path}.ports[0]"
    taken = "containers whose name begins with 'serinus-' are added by Serinus; choose another name"
    yield missing(f"{path}.name")
    yield too_short(f"{path}.name", 1)
    yield too_long(f"{path}.name", 63)
    yield Refusal(f"{path}.name", "serinus-proxy", f"{path}.name: Forbidden: {taken}", ("serinus", "my-serinus-"))
    yield too_many(f"{path}.ports", 16, _port)
    yield missing(f"{port}.containerPort")
    yield wrong_type(f"{port}.containerPort", "http", 'integer: "string"')
    yield too_small(f"{port}.containerPort", 1)
    yield too_large(f"{port}.containerPort", 65535)
    yield too_short(f"{port}.name", 1)
    yield too_long(f"{port}.name", 15)
    yield not_among(f"{port}.protocol", "TCP", "UDP", "SCTP")
    yield wrong_type(f"{path}.resources", "500m", 'object: "string"')
    yield wrong_type(f"{path}.resources.requests", ["500m"], 'object: "array"')
    yield wrong_type(f"{path}.resources.limits", 1, 'object: "integer"')
    yield wrong_type(f"{path}.lifecycle", "10s", 'object: "string"')
    yield wrong_type(f"{path}.lifecycle.preStop", 10, 'object: "integer"')


def _in_metadata(path: str, longest: int) -> Iterator[Refusal]:
    taken = "those that begin with 'serinus.dev/' are set by Serinus; remove them from the template"
    yield Refusal(path, {"team": "risk", "serinus.dev/x": "1"}, f"{path}: Forbidden: {taken}", ({"serinus.dev": "1"},))
    yield too_many_keys(path, 64)
    yield too_long(f"{path}.key", longest)
    yield wrong_type(f"{path}.key", 7, 'string: "integer"')


SPEC_REFUSALS: Final = (
    _name("7fraud", SERVICE_NAME),
    _name("fraud.v2", SERVICE_NAME),
    _name("f" * 53, NAME_LENGTH),
    _name("Fraud", 'metadata.name: Invalid value: "Fraud": a lowercase RFC 1123 subdomain must consist of'),
    _name("fraud-", 'metadata.name: Invalid value: "fraud-": a lowercase RFC 1123 subdomain must consist of'),
    missing("spec"),
    unknown("spec.replica"),
    wrong_type("spec.model", "7", 'object: "string"'),
    wrong_type("spec.model.version", 7, 'string: "integer"'),
    too_long("spec.model.version", 63),
    unknown("spec.model.name"),
    missing("spec.template"),
    unknown("spec.template.containers"),
    *_in_metadata("spec.template.metadata.labels", 63),
    *_in_metadata("spec.template.metadata.annotations", 4096),
    missing(POD),
    missing(f"{POD}.containers"),
    too_few(f"{POD}.containers", 1, _container),
    too_many(f"{POD}.containers", 16, _container),
    too_many(f"{POD}.initContainers", 16, lambda index: {"name": f"init-{index}"}),
    *_in_container(f"{POD}.containers[0]"),
    *_in_container(f"{POD}.initContainers[0]"),
    Refusal(
        f"{POD}.containers",
        [_container(0), {"name": "model"}],
        f'{POD}.containers[1]: Duplicate value: {{"name":"model"}}',
        ([_container(0), {"name": "other"}],),
    ),
    Refusal(
        f"{POD}.initContainers",
        [{"name": "fetch"}, {"name": "fetch"}],
        f'{POD}.initContainers[1]: Duplicate value: {{"name":"fetch"}}',
        ([{"name": "fetch"}, {"name": "unpack"}],),
    ),
    Refusal(f"{POD}.hostNetwork", bad=True, says=HOST_NETWORK, good=(False, ABSENT)),
    wrong_type(f"{POD}.hostNetwork", "no", 'boolean: "string"'),
    not_among(f"{POD}.restartPolicy", "Always"),
    Refusal(f"{POD}.restartPolicy", "Never", 'Unsupported value: "Never": supported values: "Always"', (ABSENT,)),
    too_small(f"{POD}.terminationGracePeriodSeconds", 0),
    too_large(f"{POD}.terminationGracePeriodSeconds", A_WEEK),
    wrong_type(f"{POD}.terminationGracePeriodSeconds", "30", 'integer: "string"'),
    # The sample's container has the ports `metrics` and `http`.
    Refusal("spec.endpoint.port", "grpc", EXISTING_PORT, ("http", "metrics")),
    Refusal("spec.endpoint.port", "http", EXISTING_PORT).given({f"{POD}.containers[0].ports": ABSENT}),
    Refusal(f"{POD}.containers[0].ports[0].name", "http", EXISTING_PORT, ("metrics",)),
    Refusal(
        f"{POD}.containers",
        [_container(0), {"name": "other", "ports": [_port(0)]}],
        EXISTING_PORT,
        ([_container(0), {"name": "other", "ports": [_port(1)]}],),
    ),
    Refusal("spec.endpoint.port", ABSENT, ONE_PORT),
    Refusal("spec.endpoint", ABSENT, ONE_PORT),
    Refusal(f"{POD}.containers[0].ports", ABSENT, ONE_PORT, ([_port(1)],)).given({"spec.endpoint": ABSENT}),
    Refusal(f"{POD}.containers[0].ports", [], ONE_PORT, ([{"containerPort": 1}],)).given({"spec.endpoint": ABSENT}),
    too_short("spec.endpoint.port", 1).given({f"{POD}.containers[0].ports[0].name": "x"}),
    too_long("spec.endpoint.port", 15).given({f"{POD}.containers[0].ports[0].name": "x" * 15}),
    wrong_type("spec.endpoint.port", 8080, 'string: "integer"'),
    Refusal("spec.replicas", 2, REPLICAS_OR_AUTOSCALING, (1, ABSENT)),
    Refusal("spec.replicas", 0, REPLICAS_OR_AUTOSCALING),
    too_small("spec.replicas", 0).given({"spec.autoscaling": ABSENT}),
    too_large("spec.replicas", 10_000).given({"spec.autoscaling": ABSENT}),
    wrong_type("spec.replicas", "3", 'integer: "string"'),
    wrong_type("spec.replicas", 1.5, 'integer: "number"'),
    missing("spec.autoscaling.maxReplicas"),
    too_small("spec.autoscaling.maxReplicas", 1),
    too_large("spec.autoscaling.maxReplicas", 10_000),
    too_small("spec.autoscaling.minReplicas", 1),
    too_large("spec.autoscaling.minReplicas", 10_000).given({"spec.autoscaling.maxReplicas": 10_000}),
    Refusal(
        "spec.autoscaling.minReplicas",
        6,
        "spec.autoscaling.minReplicas: Forbidden: must not exceed autoscaling.maxReplicas",
        (5, ABSENT),
    ),
    unknown("spec.autoscaling.targetCPUUtilizationPercentage"),
    too_few("spec.autoscaling.metrics", 1, lambda _: {"type": "Resource"}),
    too_many("spec.autoscaling.metrics", 16, lambda _: {"type": "Resource"}),
    missing("spec.autoscaling.metrics[0].type"),
    not_among("spec.autoscaling.metrics[0].type", "Resource", "ContainerResource", "Pods", "Object", "External"),
    wrong_type("spec.autoscaling.behavior", "Fast", 'object: "string"'),
    *GATEWAY_REFUSALS,
    *MONITORING_REFUSALS,
    unknown("spec.traffic.ingress"),
    *rollout("spec.rollout"),
    Refusal("spec.traffic", ABSENT, STEP_REPLICAS),
    Refusal("spec.rollout.steps[0].replicas", 2, STEP_REPLICAS, (ABSENT,)).given({"spec.traffic.gateway": ABSENT}),
    Refusal("spec.rollout.surge", 0, NO_SURGE),
    Refusal("spec.replicas", 1, NO_SURGE, (0, 2)).given({"spec.autoscaling": ABSENT, "spec.rollout.surge": 0}),
    too_many("spec.rollout.steps", 20, lambda index: {"weight": index + 1}),
    missing("spec.rollout.steps[0].weight"),
    wrong_type("spec.rollout.steps[0].weight", "10%", 'integer: "string"'),
    unknown("spec.rollout.steps[0].setWeight"),
    wrong_type("spec.rollout.progressDeadlineSeconds", "10m", 'integer: "string"'),
    unknown("spec.rollout.strategy"),
    wrong_type("spec.rollout.steps[0].pause", "5m", 'boolean: "string"'),
    wrong_type("spec.paused", "yes", 'boolean: "string"'),
)
