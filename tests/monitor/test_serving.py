"""The document that says what is served."""

import json

import pytest

from serinus.monitor.serving import Assumption, Feedback, Serving, read_serving

LEAST = {
    "deployment": "fraud",
    "namespace": "risk",
    "revision": "3f9a0c11d2",
    "modelPort": 8080,
    "protocol": "OpenInferenceV2",
}


def test_what_is_not_said_has_a_default() -> None:
    assert read_serving(json.dumps(LEAST)) == Serving("fraud", "risk", "3f9a0c11d2", 8080, "OpenInferenceV2")


def test_names_are_those_of_the_api() -> None:
    told = LEAST | {
        "warmUpSeconds": 5,
        "feedback": {"maxAgeSeconds": 60, "maturitySeconds": 30, "assume": {"label": 0, "afterSeconds": 50}},
    }
    serving = read_serving(json.dumps(told))
    assert serving.warm_up_seconds == 5
    assert serving.feedback == Feedback(60, 30, Assumption(0, 50), public=False)


def test_null_is_as_good_as_nothing() -> None:
    told = LEAST | {"features": None, "task": None, "profile": None, "feedback": {"maturitySeconds": None}}
    assert read_serving(json.dumps(told)) == read_serving(json.dumps(LEAST))


@pytest.mark.parametrize(
    "wrong",
    [{"protocol": "SOAP"}, {"modelPort": "http"}, {"task": "Ranking"}, {"feedback": {"assume": {"label": None}}}],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_serving(json.dumps(LEAST | wrong))
