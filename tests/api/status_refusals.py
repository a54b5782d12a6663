"""The table of what a ModelDeployment's status must not be, whoever writes it. Run by test_refusals.py."""

from collections.abc import Iterator
from typing import Final

from tests.api.refusals import (
    Refusal,
    missing,
    not_among,
    too_large,
    too_long,
    too_many,
    too_short,
    too_small,
    unknown,
    wrong_type,
)
from tests.api.samples import condition


def _share(path: str) -> Iterator[Refusal]:
    yield missing(path)
    yield too_small(path, 0)
    yield too_large(path, 100)


def _count(path: str) -> Iterator[Refusal]:
    yield missing(path)
    yield too_small(path, 0)


def _revision(path: str) -> Iterator[Refusal]:
    yield missing(f"{path}.revision")
    yield too_long(f"{path}.revision", 10)
    yield too_long(f"{path}.version", 63)
    yield from _share(f"{path}.weight")
    yield from _count(f"{path}.replicas")
    yield from _count(f"{path}.readyReplicas")


def _measured(path: str) -> Iterator[Refusal]:
    yield missing(f"{path}.value")
    yield from _count(f"{path}.samples")


STATUS_REFUSALS: Final = (
    unknown("status.phase"),
    wrong_type("status.observedGeneration", "1", 'integer: "string"'),
    too_many("status.conditions", 16, lambda index: condition(f"Type{index}", "True")),
    Refusal(
        "status.conditions",
        [condition("Ready", "True"), condition("Ready", "False")],
        'status.conditions[1]: Duplicate value: {"type":"Ready"}',
    ),
    *(missing(f"status.conditions[0].{name}") for name in ("type", "status", "reason")),
    missing("status.conditions[0].lastTransitionTime"),
    wrong_type("status.conditions[0].lastTransitionTime", "now", 'date-time: "now"'),
    too_long("status.conditions[0].type", 64),
    not_among("status.conditions[0].status", "True", "False", "Unknown"),
    too_short("status.conditions[0].reason", 1),
    too_long("status.conditions[0].reason", 64),
    too_long("status.conditions[0].message", 4096),
    *_count("status.conditions[0].observedGeneration"),
    *_revision("status.stable"),
    *_revision("status.canary"),
    too_small("status.canary.step", 0),
    too_small("status.canary.steps", 0),
    *_share("status.canary.weightInForce"),
    too_long("status.canary.verdict", 64),
    too_small("status.canary.forecast.labels", 0),
    too_small("status.canary.forecast.seconds", 0),
    missing("status.accuracy.value"),
    *_count("status.accuracy.labels"),
    missing("status.drift.score"),
    missing("status.drift.state"),
    not_among("status.drift.state", "Insufficient", "Stable", "Shifted", "Drifted"),
    too_many("status.drift.features", 50, lambda index: f"feature-{index}"),
    too_long("status.drift.features[0]", 256),
    too_many("status.metrics", 32, lambda index: {"name": f"gate-{index}"}),
    missing("status.metrics[0].name"),
    too_long("status.metrics[0].name", 63),
    *_measured("status.metrics[0].stable"),
    *_measured("status.metrics[0].canary"),
    too_long("status.metrics[0].verdict", 64),
    too_small("status.metrics[0].p", 0),
    too_large("status.metrics[0].p", 1),
    too_long("status.url", 2048),
    too_small("status.replicas", 0),
    too_small("status.readyReplicas", 0),
    too_long("status.selector", 512),
    *(missing(f"status.lastCommand.{name}") for name in ("verb", "revision", "nonce", "result")),
    too_long("status.lastCommand.verb", 32),
    too_long("status.lastCommand.revision", 10),
    too_long("status.lastCommand.nonce", 128),
    too_long("status.lastCommand.by", 256),
    too_long("status.lastCommand.result", 1024),
)
