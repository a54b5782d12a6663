"""The table of what a ModelRelease must not be. Run by test_refusals.py."""

from typing import Final

from tests.api.refusals import missing, not_among, too_large, too_long, too_many, too_small, unknown, wrong_type
from tests.api.rollout_refusals import rollout
from tests.api.samples import attempt, held, obeyed

IMMUTABLE: Final = (
    "spec: Forbidden: a ModelRelease is a record and cannot be changed; change the spec of its ModelDeployment"
)
"""Needs two writes, so it has no row: see test_modelrelease_api.py."""

ATTEMPT: Final = "status.attempts[0]"
RESULTS: Final = ("Running", "Promoted", "RolledBack", "Ended")

RELEASE_REFUSALS: Final = (
    missing("spec"),
    unknown("spec.model"),
    *(missing(f"spec.{name}") for name in ("deployment", "revision", "endpoint", "template", "renderedBy")),
    too_long("spec.deployment", 63),
    too_long("spec.revision", 10),
    too_long("spec.version", 63),
    too_long("spec.renderedBy", 63),
    missing("spec.endpoint.port"),
    missing("spec.endpoint.container"),
    wrong_type("spec.endpoint.port", "http", 'integer: "string"'),
    too_small("spec.endpoint.port", 1),
    too_large("spec.endpoint.port", 65535),
    too_long("spec.endpoint.name", 15),
    too_long("spec.endpoint.container", 63),
    wrong_type("spec.template", "model:7", 'object: "string"'),
)
RELEASE_STATUS_REFUSALS: Final = (
    unknown("status.phase"),
    wrong_type("status.promotedAt", "yesterday", 'date-time: "yesterday"'),
    not_among("status.result", *RESULTS),
    too_many("status.attempts", 3, lambda index: attempt(index + 1)),
    *(missing(f"{ATTEMPT}.{name}") for name in ("number", "startedAt", "policy", "stableReplicas", "step")),
    too_small(f"{ATTEMPT}.number", 1),
    *rollout(f"{ATTEMPT}.policy"),
    too_many(f"{ATTEMPT}.policy.steps", 20, lambda index: {"weight": index + 1}),
    missing(f"{ATTEMPT}.policy.steps[0].weight"),
    too_long(f"{ATTEMPT}.stable", 10),
    too_small(f"{ATTEMPT}.stableReplicas", 0),
    too_small(f"{ATTEMPT}.step", 0),
    too_small(f"{ATTEMPT}.weight", 0),
    too_large(f"{ATTEMPT}.weight", 100),
    too_small(f"{ATTEMPT}.waitedSeconds", 0),
    too_small(f"{ATTEMPT}.stoppedSeconds", 0),
    too_long(f"{ATTEMPT}.nonce", 16),
    too_small(f"{ATTEMPT}.split", 0),
    too_many(f"{ATTEMPT}.held", 40, lambda index: held(index + 1)),
    *(missing(f"{ATTEMPT}.held[0].{name}") for name in ("step", "weight", "since", "until")),
    too_small(f"{ATTEMPT}.held[0].step", 1),
    too_small(f"{ATTEMPT}.held[0].weight", 1),
    too_large(f"{ATTEMPT}.held[0].weight", 100),
    too_small(f"{ATTEMPT}.released", 0),
    too_many(f"{ATTEMPT}.commands", 20, lambda index: obeyed(index + 1)),
    *(missing(f"{ATTEMPT}.commands[0].{name}") for name in ("verb", "nonce", "at", "result")),
    not_among(f"{ATTEMPT}.commands[0].verb", "promote", "promote-full", "abort", "pause", "resume", "retry"),
    too_long(f"{ATTEMPT}.commands[0].nonce", 128),
    too_long(f"{ATTEMPT}.commands[0].by", 256),
    too_long(f"{ATTEMPT}.commands[0].result", 1024),
    *(missing(f"{ATTEMPT}.outcome.{name}") for name in ("result", "reason", "message", "at")),
    not_among(f"{ATTEMPT}.outcome.result", *RESULTS),
    too_long(f"{ATTEMPT}.outcome.reason", 64),
    too_long(f"{ATTEMPT}.outcome.message", 4096),
)
