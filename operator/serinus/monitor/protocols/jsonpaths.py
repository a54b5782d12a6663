"""JMESPath expressions of spec.endpoint. Plain `a.b` is looked up without the library, which is slow."""

from collections.abc import Callable
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from serinus.monitor.protocols.bodies import Reason, UndecodedError

Find = Callable[[Any], Any]


def finder(expression: str) -> Find:
    """Return what finds the expression's value in a document; null where there is none."""
    try:
        compiled = jmespath.compile(expression)
    except JMESPathError:
        return _fail
    keys = _keys(compiled.parsed)
    if keys is not None and len(keys) == 1:
        (key,) = keys
        return lambda document: document.get(key) if type(document) is dict else None
    if keys is not None:
        return lambda document: _get(document, keys)

    def search(document: Any) -> Any:  # noqa: ANN401 - JSON
        try:
            return compiled.search(document)
        except RecursionError:
            raise UndecodedError(Reason.TOO_DEEP) from None
        except Exception:  # noqa: BLE001 - the functions of the library raise what Python raises
            return _fail(document)

    return search


def _fail(_: object) -> Any:  # noqa: ANN401 - never returns
    raise UndecodedError(Reason.EXPRESSION_FAILED)


def _keys(node: Any) -> tuple[str, ...] | None:  # noqa: ANN401 - a tree of the library
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] != "subexpression":
        return None
    left, right = map(_keys, node["children"])
    return None if left is None or right is None else left + right


def _get(document: Any, keys: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    for key in keys:
        if type(document) is not dict:
            return None
        document = document.get(key)
    return document
