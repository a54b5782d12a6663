"""The protocol of OpenAI: what can be counted of texts without keeping any. Streamed answers are read, too."""

from typing import Any, Final

import msgspec

from serinus.monitor.protocols.bodies import Answer, Reason, Row, UndecodedError, read_json
from serinus.monitor.serving import Serving

PATHS: Final = ("/completions", "/embeddings")
NUMBERS: Final = ("temperature", "top_p", "max_tokens", "max_completion_tokens", "n", "dimensions")
MOST_NESTED: Final = 6
EVENT: Final = b"data:"
LAST_EVENT: Final = b"[DONE]"


class Choice(msgspec.Struct, gc=False):
    """One of the answers."""

    finish_reason: str | None = None


class Response(msgspec.Struct, gc=False):
    """An answer, or an event of a streamed one; that of embeddings has no choices."""

    choices: list[Choice] = []


REQUEST: Final = msgspec.json.Decoder(dict[str, Any])
RESPONSE: Final = msgspec.json.Decoder(Response)


class OpenAI:
    """See bodies.Decoder. The prediction is why the text ended."""

    def __init__(self, serving: Serving, names: tuple[str, ...]) -> None:
        """Nothing of it is open to choice."""

    def predicts(self, method: str, path: str) -> bool:
        """Return whether a request asks for a prediction."""
        return method == "POST" and path.endswith(PATHS)

    def rows(self, body: bytes) -> list[Row]:
        """Return what describes a request."""
        request = read_json(body, REQUEST)
        text = request.get("messages") or request.get("prompt") or request.get("input")
        if text is None:
            raise UndecodedError(Reason.NOTHING_FOUND)
        return [
            {
                "model": request.get("model"),
                "characters": _characters(text),
                "messages": len(text) if type(text) is list else 1,
                "stream": bool(request.get("stream")),
                "tools": len(tools) if type(tools := request.get("tools")) is list else 0,
                **{name: request[name] for name in NUMBERS if name in request},
            }
        ]

    def answers(self, body: bytes, rows: int) -> list[Answer]:  # noqa: ARG002 - a request is one row
        """Return why the text ended; embeddings predict nothing."""
        events = _events(body) if body.lstrip()[:5] == EVENT else [body]
        reasons = [
            choice.finish_reason
            for event in events
            for choice in read_json(event, RESPONSE).choices
            if choice.finish_reason is not None
        ]
        return [Answer(reasons[-1])] if reasons else []


def _events(body: bytes) -> list[bytes]:
    lines = (line[len(EVENT) :].strip() for line in body.splitlines() if line.startswith(EVENT))
    return [line for line in lines if line != LAST_EVENT]


def _characters(text: Any, depth: int = MOST_NESTED) -> int:  # noqa: ANN401 - JSON
    """Return the length of a text, of a list of texts, or of messages whose content is either or has parts."""
    if type(text) is str:
        return len(text)
    if type(text) is list and depth:
        return sum(_characters(part, depth - 1) for part in text)
    if type(text) is dict and depth:
        return _characters(text.get("content") or text.get("text"), depth - 1)
    return 0
