"""What each protocol's requests and answers say, whoever wrote them."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.monitor.protocols.bodies import LARGEST_BODY, Answer, Decoder, Reason, UndecodedError
from serinus.monitor.protocols.choice import DECODERS, decoder_for
from serinus.monitor.serving import Protocol, Task
from tests.monitor.servings import serving

PLAIN = decoder_for(serving("JSON", features="features", prediction="label", score="confidence"))
WHOLE = decoder_for(serving("JSON"))
V1 = decoder_for(serving("KServeV1", task="Multiclass"))
V2 = decoder_for(serving("OpenInferenceV2", task="Binary"))
NAMED_V2 = decoder_for(serving("OpenInferenceV2", task="Binary", prediction="predict", score="predict_proba"))
OPENAI = decoder_for(serving("OpenAI", task="Generation"))
NAMED = decoder_for(serving("JSON"), ("age", "income"))


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def tensor(name: str, data: object, *shape: int, datatype: str = "FP64") -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


@pytest.mark.parametrize(
    ("protocol", "path", "expected"),
    [
        ("JSON", "/anything", True),
        ("OpenInferenceV2", "/v2/models/fraud/infer", True),
        ("OpenInferenceV2", "/v2/models/fraud/versions/7/infer", True),
        ("OpenInferenceV2", "/v2/models/fraud/ready", False),
        ("OpenInferenceV2", "/other/infer", False),
        ("KServeV1", "/other:predict", False),
        ("KServeV1", "/v1/models/fraud:predict", True),
        ("KServeV1", "/v1/models/fraud:explain", False),
        ("OpenAI", "/v1/chat/completions", True),
        ("OpenAI", "/openai/v1/completions", True),
        ("OpenAI", "/v1/embeddings", True),
        ("OpenAI", "/v1/models", False),
        ("OpenAI", "<BADREQ>", False),
    ],
)
def test_a_prediction_is_known_by_its_path(protocol: Protocol, path: str, *, expected: bool) -> None:
    decoder = decoder_for(serving(protocol))
    assert decoder.predicts("POST", path) is expected
    assert not decoder.predicts("GET", path)


@pytest.mark.parametrize(
    ("decoder", "request_body", "rows"),
    [
        (PLAIN, {"features": {"age": 41, "city": "Bonn"}}, [{"age": 41, "city": "Bonn"}]),
        (PLAIN, {"features": [{"age": 41}, {"age": None}]}, [{"age": 41}, {"age": None}]),
        (PLAIN, {"features": [5.1, 3.5]}, [{"0": 5.1, "1": 3.5}]),
        (PLAIN, {"features": [[5.1, 3.5], [4.9, 3.0]]}, [{"0": 5.1, "1": 3.5}, {"0": 4.9, "1": 3.0}]),
        (WHOLE, {"age": 41}, [{"age": 41}]),
        (NAMED, [41, 2000], [{"age": 41, "income": 2000}]),
        (NAMED, [41, 2000, 7], [{"0": 41, "1": 2000, "2": 7}]),
        (V1, {"instances": [{"age": 41}, {"age": 42}]}, [{"age": 41}, {"age": 42}]),
        (V1, {"instances": [[1, 2]]}, [{"0": 1, "1": 2}]),
        (V1, {"instances": [1, 2]}, [{"0": 1}, {"0": 2}]),
        (V2, {"inputs": [tensor("age", [41], 1), tensor("city", ["Bonn"], 1, 1)]}, [{"age": 41, "city": "Bonn"}]),
        (V2, {"inputs": [tensor("age", [41, 42], 2)]}, [{"age": 41}, {"age": 42}]),
        (V2, {"inputs": [tensor("x", [1, 2, 3, 4], 2, 2)]}, [{"x.0": 1, "x.1": 2}, {"x.0": 3, "x.1": 4}]),
        (V2, {"inputs": [tensor("x", [[1, 2], [3, 4]], 2, 2)]}, [{"x.0": 1, "x.1": 2}, {"x.0": 3, "x.1": 4}]),
        (
            V2,
            {"inputs": [tensor("x", [1, 2], 1, 2), tensor("y", [3], 1)]},
            [{"x.0": 1, "x.1": 2, "y": 3}],
        ),
        (
            OPENAI,
            {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "temperature": 0.5, "stream": True},
            [{"model": "m", "characters": 5, "messages": 1, "stream": True, "tools": 0, "temperature": 0.5}],
        ),
        (
            OPENAI,
            {"model": "m", "messages": [{"content": [{"type": "text", "text": "Hel"}, {"text": "lo"}]}]},
            [{"model": "m", "characters": 5, "messages": 1, "stream": False, "tools": 0}],
        ),
        (
            OPENAI,
            {"input": ["a", "bc"]},
            [{"model": None, "characters": 3, "messages": 2, "stream": False, "tools": 0}],
        ),
    ],
)
def test_the_features_of_a_request(decoder: Decoder, request_body: object, rows: list[dict[str, Any]]) -> None:
    assert decoder.rows(body(request_body)) == rows


@pytest.mark.parametrize(
    ("decoder", "answer_body", "rows", "answers"),
    [
        (PLAIN, {"label": "yes", "confidence": 0.9}, 1, [Answer("yes", 0.9)]),
        (PLAIN, {"label": ["yes", "no"], "confidence": [0.9, 0.2]}, 2, [Answer("yes", 0.9), Answer("no", 0.2)]),
        (PLAIN, {"label": ["yes"], "confidence": [0.9]}, 1, [Answer("yes", 0.9)]),
        (PLAIN, {"label": 1}, 1, [Answer(1, None)]),
        (WHOLE, {"prediction": 1}, 1, [Answer(1)]),
        (V1, {"predictions": [2, 0]}, 2, [Answer(2), Answer(0)]),
        (V1, {"predictions": [[0.1, 0.7, 0.2]]}, 1, [Answer(1, 0.7)]),
        (V1, {"predictions": [[2]]}, 1, [Answer(2)]),
        (V2, {"outputs": [tensor("predict", [1, 0], 2)]}, 2, [Answer(1), Answer(0)]),
        (
            NAMED_V2,
            {"outputs": [tensor("predict_proba", [0.2, 0.8], 1, 2), tensor("predict", [1], 1)]},
            1,
            [Answer(1, 0.8)],
        ),
        (NAMED_V2, {"outputs": [tensor("predict_proba", [0.8], 1), tensor("predict", [1], 1)]}, 1, [Answer(1, 0.8)]),
        (V2, {"outputs": [tensor("probabilities", [0.8, 0.2], 1, 2)]}, 1, [Answer(0, 0.2)]),
        (OPENAI, {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}, 1, [Answer("stop")]),
        (OPENAI, {"data": [{"embedding": [0.1, 0.2]}]}, 1, []),
    ],
)
def test_the_predictions_of_an_answer(decoder: Decoder, answer_body: object, rows: int, answers: list[Answer]) -> None:
    assert decoder.answers(body(answer_body), rows) == answers


@pytest.mark.parametrize("decoder", [V1, V2], ids=["V1", "V2"])
def test_an_answer_is_read_where_the_request_could_not_be(decoder: Decoder) -> None:
    answer = {"predictions": [1, 0], "outputs": [tensor("predict", [1, 0], 2)]}
    assert [each.prediction for each in decoder.answers(body(answer), 0)] == [1, 0]


def test_a_streamed_text_says_why_it_ended_in_its_last_event() -> None:
    events = [{"choices": [{"delta": {"content": "Hi"}}]}, {"choices": [{"delta": {}, "finish_reason": "length"}]}]
    stream = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    assert OPENAI.answers(stream.encode(), 1) == [Answer("length")]


def test_a_text_that_is_nested_without_sense_has_no_characters() -> None:
    (row,) = OPENAI.rows(b'{"messages":' + DEEP[:900] + b"]" * 900 + b"}")
    assert row["characters"] == 0


def test_expressions_may_be_more_than_names() -> None:
    decoder = decoder_for(serving("JSON", features="rows[*].{a: x, b: y}", prediction="max(results)"))
    assert decoder.rows(body({"rows": [{"x": 1, "y": 2}]})) == [{"a": 1, "b": 2}]
    assert decoder.answers(body({"results": [3, 7]}), 1) == [Answer(7)]


def test_nan_and_infinities_are_values_since_python_writes_them() -> None:
    (row,) = WHOLE.rows(b'{"a": NaN, "b": -Infinity}')
    assert str(row) == "{'a': nan, 'b': -inf}"
    with pytest.raises(UndecodedError, match=Reason.NO_JSON):
        WHOLE.rows(b'{"a": NaN,, "b": 1}')


BINARY_CASES = [
    ("FP32", struct.pack("<2f", 1.5, -2.0), [1.5, -2.0]),
    ("FP16", struct.pack("<2e", 1.5, -2.0), [1.5, -2.0]),
    ("BF16", b"\xc0\x3f\x00\xc0", [1.5, -2.0]),
    ("FP64", struct.pack("<2d", 1.5, -2.0), [1.5, -2.0]),
    ("INT64", struct.pack("<2q", -1, 2**62), [-1, 2**62]),
    ("UINT8", b"\x01\xff", [1, 255]),
    ("BOOL", b"\x01\x00", [True, False]),
    ("BYTES", b"\x02\0\0\0ab\x01\0\0\0\xff", ["ab", "\ufffd"]),
]


def with_binary(data: bytes, datatype: str, *shape: int, size: int | None = None) -> bytes:
    parameters = {"binary_data_size": len(data) if size is None else size}
    head = {"inputs": [{"name": "é", "datatype": datatype, "shape": shape, "parameters": parameters}]}
    return json.dumps(head, ensure_ascii=False).encode() + data


@pytest.mark.parametrize(("datatype", "data", "values"), BINARY_CASES, ids=[case[0] for case in BINARY_CASES])
def test_tensors_may_be_binary(datatype: str, data: bytes, values: list[Any]) -> None:
    assert V2.rows(with_binary(data, datatype, 2)) == [{"é": value} for value in values]


def test_a_binary_nan_is_a_value() -> None:
    assert str(V2.rows(with_binary(struct.pack("<f", float("nan")), "FP32", 1))) == "[{'é': nan}]"


DEEP = b"[" * 100_000
DEEP_IN_V2 = b'{"inputs":[{"name":"a","datatype":"FP32","shape":[1],"data":' + DEEP


@pytest.mark.parametrize(
    ("decoder", "request_body", "reason"),
    [
        (WHOLE, b"", Reason.NO_JSON),
        (WHOLE, b'{"age": 4', Reason.NO_JSON),
        (WHOLE, bytes(range(256)), Reason.NO_JSON),
        (WHOLE, b'{"a": "\xff"}', Reason.NO_JSON),
        (WHOLE, b" " * (LARGEST_BODY + 1), Reason.TOO_LARGE),
        (WHOLE, DEEP, Reason.TOO_DEEP),
        (WHOLE, b"NaN" + DEEP, Reason.NO_JSON),
        (WHOLE, b"[NaN, " + DEEP, Reason.TOO_DEEP),
        (WHOLE, b"41", Reason.NOTHING_FOUND),
        (WHOLE, b"[]", Reason.NOTHING_FOUND),
        (PLAIN, b'{"other": 1}', Reason.NOTHING_FOUND),
        (PLAIN, b"[1, 2]", Reason.NOTHING_FOUND),
        (WHOLE, b"[[1], [1, 2]]", Reason.WRONG_SHAPE),
        (WHOLE, b'[{"a": 1}, 2]', Reason.WRONG_SHAPE),
        (WHOLE, body([0] * 201), Reason.TOO_WIDE),
        (decoder_for(serving(features="a[")), b"{}", Reason.EXPRESSION_FAILED),
        (decoder_for(serving(features="abs(a)")), b'{"a": "x"}', Reason.EXPRESSION_FAILED),
        (V1, b"[]", Reason.WRONG_SHAPE),
        (V1, b'{"instances": 5}', Reason.WRONG_SHAPE),
        (V1, b'{"instances": []}', Reason.NOTHING_FOUND),
        (V2, b'{"inputs": []}', Reason.NOTHING_FOUND),
        (V2, body({"inputs": [tensor("a", [1, 2], 3)]}), Reason.WRONG_SHAPE),
        (V2, body({"inputs": [tensor("a", [], 0)]}), Reason.WRONG_SHAPE),
        (V2, body({"inputs": [tensor("a", [1], -1)]}), Reason.WRONG_SHAPE),
        (V2, body({"inputs": [tensor("a", [1], *[1] * 9)]}), Reason.WRONG_SHAPE),
        (V2, body({"inputs": [tensor("a", [1], 1), tensor("b", [1, 2], 2)]}), Reason.ROWS_DIFFER),
        (V2, body({"inputs": [tensor("a", [0] * 500, 1, 500)]}), Reason.TOO_WIDE),
        (V2, DEEP_IN_V2, Reason.TOO_DEEP),
        (V2, body({"inputs": [{"name": "a", "datatype": "FP32", "shape": [1]}]}), Reason.WRONG_SHAPE),
        (V2, with_binary(b"abc", "FP32", 1), Reason.WRONG_SHAPE),
        (V2, with_binary(b"abcd", "FP32", 1, size=5), Reason.WRONG_SHAPE),
        (V2, with_binary(b"abcd", "FP32", 1, size=-1), Reason.WRONG_SHAPE),
        (V2, with_binary(b"abcd", "COMPLEX", 1), Reason.UNKNOWN_TYPE),
        (V2, with_binary(b"\xff\xff\xff\xffab", "BYTES", 1), Reason.WRONG_SHAPE),
        (V2, with_binary(b"\x01", "BYTES", 1), Reason.WRONG_SHAPE),
        (V2, b"binary_data_size", Reason.NO_JSON),
        (OPENAI, b"{}", Reason.NOTHING_FOUND),
        (OPENAI, b"[]", Reason.WRONG_SHAPE),
    ],
)
def test_why_a_request_cannot_be_read(decoder: Decoder, request_body: bytes, reason: Reason) -> None:
    with pytest.raises(UndecodedError) as refused:
        decoder.rows(request_body)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("decoder", "answer_body", "rows", "reason"),
    [
        (PLAIN, b"oops", 1, Reason.NO_JSON),
        (PLAIN, b"{}", 1, Reason.NOTHING_FOUND),
        (PLAIN, b'{"label": [1, 2, 3]}', 2, Reason.ROWS_DIFFER),
        (PLAIN, b'{"label": 1}', 2, Reason.ROWS_DIFFER),
        (PLAIN, b'{"label": [1, 2], "confidence": [0.5]}', 2, Reason.ROWS_DIFFER),
        (PLAIN, b'{"label": [0.5, 0.5]}', 1, Reason.WRONG_SHAPE),
        (V1, b'{"predictions": [1]}', 2, Reason.ROWS_DIFFER),
        (V1, b'{"predictions": [["a", "b"]]}', 1, Reason.WRONG_SHAPE),
        (V2, b'{"outputs": []}', 1, Reason.NOTHING_FOUND),
        (NAMED_V2, body({"outputs": [tensor("other", [1], 1)]}), 1, Reason.NOTHING_FOUND),
        (V2, body({"outputs": [tensor("predict", [1], 2)]}), 1, Reason.WRONG_SHAPE),
        (V2, body({"outputs": [tensor("predict", [], 1, 0)]}), 1, Reason.WRONG_SHAPE),
        (V2, body({"outputs": [tensor("predict", [1], -1, -1)]}), 1, Reason.WRONG_SHAPE),
        (V2, body({"outputs": [tensor("predict", [1], 1)]}), 3, Reason.ROWS_DIFFER),
    ],
)
def test_why_an_answer_cannot_be_read(decoder: Decoder, answer_body: bytes, rows: int, reason: Reason) -> None:
    with pytest.raises(UndecodedError) as refused:
        decoder.answers(answer_body, rows)
    assert refused.value.reason == reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
TENSORS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.text(max_size=3),
            "datatype": st.sampled_from(["FP32", "BYTES", "BF16", "X"]),
            "shape": st.lists(st.integers(-2, 4), max_size=3),
        },
        optional={"data": JSON, "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 9)})},
    ),
    max_size=3,
)
LIKELY = st.one_of(
    JSON,
    st.fixed_dictionaries({"instances": JSON, "predictions": JSON}),
    st.fixed_dictionaries({"inputs": TENSORS, "outputs": TENSORS}),
    st.fixed_dictionaries({"features": JSON, "label": JSON, "confidence": JSON}),
    st.fixed_dictionaries({"messages": JSON, "choices": st.lists(st.fixed_dictionaries({"finish_reason": JSON}))}),
)
EXPRESSIONS = st.sampled_from([None, "features", "label", "a.b", "features[0]", "*", "sort(features)", "length(@)"])


@given(
    protocol=st.sampled_from(sorted(DECODERS)),
    expression=EXPRESSIONS,
    task=st.sampled_from([None, "Binary", "Multiclass", "Regression"]),
    value=LIKELY,
    tail=st.binary(max_size=12),
    rows=st.integers(0, 3),
)
def test_nothing_breaks_a_decoder(  # noqa: PLR0917 - all that can vary
    protocol: Protocol, expression: str | None, task: Task | None, value: object, tail: bytes, rows: int
) -> None:
    decoder = decoder_for(serving(protocol, features=expression, prediction=expression, score=expression, task=task))
    for text in (json.dumps(value).encode() + tail, tail, json.dumps(value).encode()[: len(tail)]):
        try:
            found = decoder.rows(text)
            assert all(type(row) is dict for row in found)
        except UndecodedError:
            pass
        try:
            answers = decoder.answers(text, rows)
            assert not rows or protocol == "OpenAI" or len(answers) in (0, rows)
        except UndecodedError:
            pass
