"""The table of what a spec's endpoint and monitoring must not be. Run by test_refusals.py, as part of the spec's."""

from typing import Final

from tests.api.refusals import (
    Refusal,
    missing,
    not_among,
    too_large,
    too_long,
    too_short,
    too_small,
    unknown,
    wrong_type,
)
from tests.api.samples import A_YEAR, ABSENT

ENDPOINT: Final = "spec.endpoint"
MONITORING: Final = "spec.monitoring"
FEEDBACK: Final = f"{MONITORING}.feedback"
EXPRESSIONS: Final = ("features", "prediction", "score")

FOR_JSON: Final = (
    f"{ENDPOINT}.protocol: Forbidden: features is for protocol JSON, prediction and score for JSON and "
    "OpenInferenceV2: the others say themselves where these are; remove them, or set another protocol"
)
PROFILE_NAME: Final = (
    f"{MONITORING}.profileRef.name: Forbidden: a profile's name ends with 10 digits of its hash: use the one that "
    "`kubectl serinus profile` gave"
)
REJECT: Final = (
    f"{MONITORING}.contract: Forbidden: Reject needs mode Middleware: the proxy passes every request on; set mode to "
    "Middleware, or contract to Observe"
)
NO_CONTRACT: Final = (
    f"{MONITORING}.contract: Forbidden: the contract is part of the profile: set profileRef, or remove contract"
)
TOLERANCE: Final = (
    f"{MONITORING}.tolerance: Forbidden: is for task Regression: set task to Regression, or remove tolerance"
)
LABELS: Final = f"{MONITORING}.feedback: Forbidden: labels are judged by the task: set task, or remove feedback"
ASSUMED: Final = (
    f"{FEEDBACK}.assume: Forbidden: a label can be assumed for task Binary or Multiclass only: remove assume, or set "
    "task"
)

REGRESSION: Final = {f"{MONITORING}.task": "Regression", f"{FEEDBACK}.assume": ABSENT}
WITHOUT_EXPRESSIONS: Final = {f"{ENDPOINT}.{name}": ABSENT for name in EXPRESSIONS}

MONITORING_REFUSALS: Final[tuple[Refusal, ...]] = (
    not_among(f"{ENDPOINT}.protocol", "JSON", "OpenInferenceV2", "KServeV1", "OpenAI").given(WITHOUT_EXPRESSIONS),
    Refusal(f"{ENDPOINT}.protocol", "KServeV1", FOR_JSON, ("JSON", ABSENT)),
    *(
        Refusal(f"{ENDPOINT}.{name}", "a", FOR_JSON, (ABSENT,)).given(
            WITHOUT_EXPRESSIONS | {f"{ENDPOINT}.protocol": "OpenAI"}
        )
        for name in EXPRESSIONS
    ),
    Refusal(f"{ENDPOINT}.features", "a", FOR_JSON, (ABSENT,)).given({f"{ENDPOINT}.protocol": "OpenInferenceV2"}),
    *(too_short(f"{ENDPOINT}.{name}", 1) for name in EXPRESSIONS),
    *(too_long(f"{ENDPOINT}.{name}", 256) for name in EXPRESSIONS),
    unknown(f"{ENDPOINT}.path"),
    not_among(f"{MONITORING}.mode", "Sidecar", "Middleware", "None").given({f"{MONITORING}.contract": "Observe"}),
    not_among(f"{MONITORING}.task", "Binary", "Multiclass", "Regression", "Generation").given(
        {f"{FEEDBACK}.assume": ABSENT}
    ),
    not_among(f"{MONITORING}.contract", "Observe", "Reject"),
    Refusal(f"{MONITORING}.contract", "Reject", REJECT, ("Observe",)).given({f"{MONITORING}.mode": "Sidecar"}),
    Refusal(f"{MONITORING}.mode", ABSENT, REJECT),
    Refusal(f"{MONITORING}.profileRef", ABSENT, NO_CONTRACT),
    Refusal(f"{MONITORING}.tolerance", 0.5, TOLERANCE, (ABSENT,)),
    too_small(f"{MONITORING}.tolerance", 0).given(REGRESSION),
    wrong_type(f"{MONITORING}.tolerance", "0.5", 'number: "string"'),
    Refusal(f"{MONITORING}.task", ABSENT, LABELS),
    Refusal(f"{MONITORING}.task", "Generation", ASSUMED, ("Multiclass",)),
    Refusal(f"{MONITORING}.profileRef.name", "fraud", PROFILE_NAME, ("fraud-profile-0123456789",)),
    Refusal(
        f"{MONITORING}.profileRef.name",
        f"{'f' * 243}-0123456789",
        f"{MONITORING}.profileRef.name: Too long: may not be more than 253 bytes",
        (f"{'f' * 242}-0123456789",),
    ),
    missing(f"{MONITORING}.profileRef.name"),
    unknown(f"{MONITORING}.profileRef.namespace"),
    too_small(f"{MONITORING}.warmUpSeconds", 0),
    too_large(f"{MONITORING}.warmUpSeconds", 86_400),
    too_small(f"{FEEDBACK}.maxAgeSeconds", 1),
    too_large(f"{FEEDBACK}.maxAgeSeconds", A_YEAR),
    too_small(f"{FEEDBACK}.maturitySeconds", 0),
    too_large(f"{FEEDBACK}.maturitySeconds", A_YEAR),
    wrong_type(f"{FEEDBACK}.public", "yes", 'boolean: "string"'),
    missing(f"{FEEDBACK}.assume.label"),
    too_short(f"{FEEDBACK}.assume.label", 1),
    too_long(f"{FEEDBACK}.assume.label", 128),
    missing(f"{FEEDBACK}.assume.afterSeconds"),
    too_small(f"{FEEDBACK}.assume.afterSeconds", 1),
    too_large(f"{FEEDBACK}.assume.afterSeconds", A_YEAR),
)
