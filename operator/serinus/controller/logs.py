"""JSON logs, one object a line, each line of a reconcile with its key and id. Set up by the entry point."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from itertools import count
from typing import Final

from serinus.cluster.objects import Key
from serinus.cluster.resources import HTTP_ROUTE

_PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_context: ContextVar[dict[str, str]] = ContextVar("reconcile", default={})  # noqa: B039 - never changed in place
_numbers = count(1)


@contextmanager
def reconcile_context(key: Key) -> Iterator[None]:
    """Mark every line logged meanwhile with the key and an id of this reconcile."""
    token = _context.set({"key": str(key), "reconcile": str(next(_numbers))})
    try:
        yield
    finally:
        _context.reset(token)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, context and what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_context.get(),
        }
        if record.name.startswith("serinus"):  # others put whole objects there
            line |= {key: value for key, value in vars(record).items() if key not in _PLAIN}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class Once(logging.Filter):
    """Passes each message once."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the message is a new one."""
        message = record.getMessage()
        is_new = message not in self._said
        self._said.add(message)
        return is_new


def calm_about_gateway_api(record: logging.LogRecord) -> bool:
    """Turn Kopf's warning that there is no HTTPRoute alone into a notice: a cluster may do without."""
    message = record.getMessage()
    if "Unresolved resources" in message and message.count("Selector(") == message.count(HTTP_ROUTE.plural) == 1:
        record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        record.msg, record.args = "Gateway API is not installed: nobody can use traffic.gateway until it is", ()
    return True


def set_up(level: str) -> None:
    """Log to standard error, in JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # one line for every event otherwise
    # At every change of any definition it says anew what is not installed.
    observation = logging.getLogger("kopf._core.reactor.observation")
    observation.addFilter(calm_about_gateway_api)
    observation.addFilter(Once())
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
