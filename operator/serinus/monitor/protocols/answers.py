"""From what a model's answer holds to a prediction and a score for each row. Used by the protocols."""

from typing import Any, Final

from serinus.monitor.protocols.bodies import Answer, Reason, UndecodedError
from serinus.monitor.serving import Task

CLASSIFYING: Final = ("Binary", "Multiclass")
SIDES: Final = 2


def answers_of(predictions: object, scores: object, rows: int, task: Task | None) -> list[Answer]:
    """Return the answers; a list that is not one for each row belongs to the only row."""
    if predictions is None:
        raise UndecodedError(Reason.NOTHING_FOUND)
    each = _per_row(predictions, rows)
    if scores is None:
        return [_answer(prediction, None, task) for prediction in each]
    theirs = _per_row(scores, len(each))
    if len(theirs) != len(each):
        raise UndecodedError(Reason.ROWS_DIFFER)
    return [_answer(prediction, score, task) for prediction, score in zip(each, theirs, strict=True)]


def _per_row(values: object, rows: int) -> list[Any]:
    if type(values) is not list:
        values = [values]
    if rows == len(values) or (rows == 0 and values):
        return values
    if rows == 1 and values:
        return [values]
    raise UndecodedError(Reason.ROWS_DIFFER)


def _answer(prediction: Any, score: Any, task: Task | None) -> Answer:  # noqa: ANN401 - JSON of any kind
    if type(score) is list:
        score = _sureness(score, task)
    if type(prediction) is not list:
        return Answer(prediction, score)
    if len(prediction) == 1:
        return _answer(prediction[0], score, task)
    if task not in CLASSIFYING or not prediction:
        raise UndecodedError(Reason.WRONG_SHAPE)
    sureness = _sureness(prediction, task)
    return Answer(prediction.index(max(prediction)), sureness if score is None else score)


def _sureness(probabilities: list[Any], task: Task | None) -> Any:  # noqa: ANN401 - the kind that is in the list
    """Return the probability of the positive class where there are two sides, else the highest one."""
    if not probabilities or not all(type(each) in (float, int) for each in probabilities):
        raise UndecodedError(Reason.WRONG_SHAPE)
    return probabilities[1] if task == "Binary" and len(probabilities) == SIDES else max(probabilities)
