"""What the sidecars and the middleware are told about what they serve: SERINUS_SERVING. Written by the operator."""

from typing import Literal

import msgspec

Protocol = Literal["JSON", "OpenInferenceV2", "KServeV1", "OpenAI"]
Task = Literal["Binary", "Multiclass", "Regression", "Generation"]
Label = str | int | float | bool


class Assumption(msgspec.Struct, frozen=True, rename="camel"):
    """The label of a prediction for which none has come by an age."""

    label: Label
    after_seconds: int


class Feedback(msgspec.Struct, frozen=True, rename="camel"):
    """How labels are taken."""

    max_age_seconds: int = 604_800
    maturity_seconds: int | None = None
    assume: Assumption | None = None
    public: bool = False


class Serving(msgspec.Struct, frozen=True, rename="camel"):
    """One revision of one model, and how it is watched."""

    deployment: str
    namespace: str
    revision: str
    model_port: int
    protocol: Protocol = "JSON"
    features: str | None = None
    """JMESPath into a request of protocol JSON."""
    prediction: str | None = None
    """JMESPath into an answer of protocol JSON; the name of an output tensor of OpenInferenceV2."""
    score: str | None = None
    """The same for how sure the model is."""
    task: Task | None = None
    tolerance: float | None = None
    profile: str | None = None
    """The name of the ConfigMap that the profile comes from."""
    contract: Literal["Observe", "Reject"] = "Observe"
    warm_up_seconds: int = 60
    feedback: Feedback = Feedback()


def read_serving(text: str) -> Serving:
    """Return what the document says; ValueError where it is none."""
    return msgspec.json.decode(text, type=Serving)
