"""The log of the monitor: one JSON object a line, and nothing in it that a client or a model has sent."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Final

_PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
OURS: Final = "serinus"


class ValuelessFormatter(logging.Formatter):
    """Leaves out what may hold a value: the texts of exceptions, and what other libraries put into their messages."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        is_ours = record.name.split(".")[0] == OURS
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage() if is_ours else "a message of a library",
        }
        if is_ours:
            line |= {key: value for key, value in vars(record).items() if key not in _PLAIN}
        if record.exc_info and record.exc_info[1]:
            line |= described(record.exc_info[1])
        return json.dumps(line, default=str)


def described(error: BaseException) -> dict[str, object]:
    """Return the kind of an exception and where it came from, without its text."""
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "at": [f"{frame.filename}:{frame.lineno}" for frame in frames]}


def set_up() -> None:
    """Log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ValuelessFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
