"""What of a model's requests and answers is read, counted and compared: `endpoint` and `monitoring` of a spec.

Nothing here has a default in the schema: what a revision consists of is hashed as the user gave it.
"""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from serinus.api.model import ApiModel, rule, rules

A_YEAR: Final = 31_536_000
Expression = Annotated[str, Field(min_length=1, max_length=256)]


class Endpoint(ApiModel):
    """Where the model answers inside its pod, and in which protocol."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.protocol) || self.protocol == 'JSON' || (!has(self.features) && "
                "(self.protocol == 'OpenInferenceV2' || !(has(self.prediction) || has(self.score))))",
                "features is for protocol JSON, prediction and score for JSON and OpenInferenceV2: the others say "
                "themselves where these are; remove them, or set another protocol",
                field=".protocol",
            )
        )
    )

    port: Annotated[str, Field(min_length=1, max_length=15)] | None = None
    """Name of the container port that takes predictions. Default: the only port there is."""
    protocol: Literal["JSON", "OpenInferenceV2", "KServeV1", "OpenAI"] | None = None
    """How requests and answers are to be read. Default: JSON."""
    features: Expression | None = None
    """Where the features are in a request, in JMESPath: an object, or a list of them. Default: the whole body."""
    prediction: Expression | None = None
    """Where the prediction is in an answer, in JMESPath: one value, or a list of them; with OpenInferenceV2 the name of
    the output. Default: `prediction`, or the first output."""
    score: Expression | None = None
    """Where the score is in an answer, in the same way: how probable the prediction is. Default: none is read."""


class ProfileReference(ApiModel):
    """The profile of the training data."""

    name: Annotated[
        str,
        Field(
            max_length=253,
            json_schema_extra=rules(
                rule(
                    "self.matches('^[a-z0-9][-.a-z0-9]*-[0-9a-f]{10}$')",
                    "a profile's name ends with 10 digits of its hash: use the one that `kubectl serinus profile` gave",
                )
            ),
        ),
    ]
    """Name of the ConfigMap that `kubectl serinus profile` made."""


class Assumption(ApiModel):
    """What a prediction without a label counts as."""

    label: Annotated[str, Field(min_length=1, max_length=128)]
    """The label that it counts as, for example '0'."""
    after_seconds: Annotated[int, Field(ge=1, le=A_YEAR)]
    """At which age of the prediction."""


class Feedback(ApiModel):
    """The labels that come later."""

    max_age_seconds: Annotated[int, Field(ge=1, le=A_YEAR)] | None = None
    """How old a prediction may be when its label comes; older ones do not count. Default: 604800, a week."""
    maturity_seconds: Annotated[int, Field(ge=0, le=A_YEAR)] | None = None
    """At which age of a prediction its label counts. Set it where the truth comes out later for some than for others,
    as with fraud; 0 says that they come out alike. Default: it counts at once."""
    assume: Assumption | None = None
    """What a prediction counts as that has no label by then, for example: no chargeback in a week. Default: it does not
    count."""
    public: bool | None = None
    """Whether labels are taken from everybody who reaches the model, without a token. Default: false."""


class Monitoring(ApiModel):
    """What of the requests and answers is counted, and how."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.contract) || self.contract != 'Reject' || (has(self.mode) && self.mode == 'Middleware')",
                "Reject needs mode Middleware: the proxy passes every request on; set mode to Middleware, or contract "
                "to Observe",
                field=".contract",
            ),
            rule(
                "!has(self.contract) || has(self.profileRef)",
                "the contract is part of the profile: set profileRef, or remove contract",
                field=".contract",
            ),
            rule(
                "!has(self.tolerance) || (has(self.task) && self.task == 'Regression')",
                "is for task Regression: set task to Regression, or remove tolerance",
                field=".tolerance",
            ),
            rule(
                "!has(self.feedback) || has(self.task)",
                "labels are judged by the task: set task, or remove feedback",
                field=".feedback",
            ),
            rule(
                "!has(self.feedback) || !has(self.feedback.assume) || "
                "(has(self.task) && self.task in ['Binary', 'Multiclass'])",
                "a label can be assumed for task Binary or Multiclass only: remove assume, or set task",
                field=".feedback.assume",
            ),
        )
    )

    mode: Literal["Sidecar", "Middleware", "None"] | None = None
    """Who sees the requests: `Sidecar` puts a proxy before the model, which speaks HTTP/1.1 to it; `Middleware` is in
    the model's own Python server (serinus.monitor.asgi); `None`, as for gRPC, counts nothing. Default: Sidecar."""
    task: Literal["Binary", "Multiclass", "Regression", "Generation"] | None = None
    """What the model is for; it says how labels are compared with predictions. Default: none; no accuracy is known."""
    tolerance: Annotated[float, Field(ge=0)] | None = None
    """How far a prediction may be from its label and still be right, for task Regression. Default: errors are compared
    by their mean."""
    profile_ref: ProfileReference | None = None
    """The profile of the training data: what requests are expected to be like. Default: none; no drift is known."""
    contract: Literal["Observe", "Reject"] | None = None
    """What becomes of a request that breaks the profile's contract: it is counted, or answered with 422. Default:
    Observe."""
    warm_up_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    """For how long after its start a pod is not compared with others. Default: 60."""
    feedback: Feedback | None = None
    """The labels that come later."""
