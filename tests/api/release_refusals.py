"""The table of what a ModelRelease must not be. Run by test_refusals.py."""

from typing import Final

from tests.api.refusals import missing, too_large, too_long, too_small, unknown, wrong_type

IMMUTABLE: Final = (
    "spec: Forbidden: a ModelRelease is a record and cannot be changed; change the spec of its ModelDeployment"
)
"""Needs two writes, so it has no row: see test_modelrelease_api.py."""

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
)
