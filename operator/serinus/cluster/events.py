"""Kubernetes Events about ModelDeployments: named by what they say, so that saying it twice makes a series of one."""

import logging
import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any, Final

from serinus.api import modeldeployment
from serinus.api.names import API_VERSION, GROUP
from serinus.api.reasons import Reason
from serinus.cluster.client import Client
from serinus.cluster.errors import ApiError, ConflictError, NotFoundError, Retry
from serinus.cluster.objects import SeenModelDeployment
from serinus.cluster.resources import EVENT
from serinus.render.revision import digest

logger = logging.getLogger(__name__)

CONTROLLER: Final = f"{GROUP}/operator"
NOTE_LIMIT: Final = 1024
QUIET_SECONDS: Final = 300
"""The same Event is not sent again before."""
REMEMBERED: Final = 4096


class Events:
    """Sends Events. They inform people and decide nothing: one that cannot be sent is logged and dropped."""

    def __init__(self, client: Client, instance: str) -> None:
        self._client = client
        self._instance = instance
        self._sent: OrderedDict[str, float] = OrderedDict()

    async def send(
        self, regarding: SeenModelDeployment, action: str, reason: Reason, note: str, *, warning: bool = False
    ) -> None:
        """Tell what was done about a ModelDeployment and why."""
        namespace, owner = regarding.key
        name = f"{owner}.{digest([regarding.uid, action, reason, note])[:16]}"
        if time.monotonic() - self._sent.get(name, -QUIET_SECONDS) < QUIET_SECONDS:
            return
        self._remember(name)
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        body = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"name": name, "namespace": namespace},
            "eventTime": now,
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
            "action": action,
            "reason": reason,
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": modeldeployment.KIND,
                "namespace": namespace,
                "name": owner,
                "uid": regarding.uid,
            },
            "note": _cut(note),
            "type": "Warning" if warning else "Normal",
        }
        try:
            await self._send(namespace, name, body)
        except (ApiError, Retry) as error:
            logger.warning("an Event could not be sent", extra={"event": name, "error": str(error)})

    async def _send(self, namespace: str, name: str, body: dict[str, Any]) -> None:
        try:
            await self._client.create(EVENT, namespace, body)
        except ConflictError:
            try:
                known = await self._client.get(EVENT, namespace, name)
            except NotFoundError:  # it ended between our two requests; once more is not worth it
                return
            count = (known.get("series") or {}).get("count", 1) + 1
            series = {"count": count, "lastObservedTime": body["eventTime"]}
            await self._client.merge(EVENT, namespace, name, {"series": series})

    def _remember(self, name: str) -> None:
        self._sent[name] = time.monotonic()
        self._sent.move_to_end(name)
        if len(self._sent) > REMEMBERED:
            self._sent.popitem(last=False)


def _cut(note: str) -> str:
    """Return a note that the API server takes: it counts bytes."""
    text = note.encode()
    return note if len(text) <= NOTE_LIMIT else text[: NOTE_LIMIT - 3].decode(errors="ignore") + "..."
