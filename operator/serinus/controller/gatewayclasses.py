"""What the controllers of a route's parents can do, as their GatewayClasses say. Asked by reconcile.py."""

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from serinus.api.gateway import Gateway
from serinus.api.gatewayfeatures import extended_features
from serinus.cluster.client import Client
from serinus.cluster.errors import ApiError
from serinus.cluster.resources import GATEWAY_CLASS

logger = logging.getLogger(__name__)

FRESH_SECONDS: Final = 60
"""For how long the classes are believed: they change when a controller is upgraded."""


class GatewayClasses:
    """Reads the classes when a gateway is asked for something that not every controller can do.

    One may accept a route with such a feature all the same, and answer its requests with errors.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._features: dict[str, frozenset[str]] = {}
        self._read_at: datetime | None = None

    async def complaint(self, gateway: Gateway, controllers: tuple[str, ...], now: datetime) -> str | None:
        """Return what a controller does not support, in a sentence for people."""
        asked = extended_features(gateway)
        if not asked:
            return None
        if controllers and (self._read_at is None or now - self._read_at > timedelta(seconds=FRESH_SECONDS)):
            self._features = await self._read()
            self._read_at = now
        for controller in controllers:
            supported = self._features.get(controller, frozenset())
            lacking = next((feature for feature in asked if feature not in supported), None)
            if lacking:
                return (
                    f"spec.{asked[lacking]} needs {lacking}, which no GatewayClass of controller {controller} lists in "
                    "status.supportedFeatures: take it out, or name a parent of another class"
                )
        return None

    async def _read(self) -> dict[str, frozenset[str]]:
        """Return the features of every controller; what may not be read lists none."""
        features: dict[str, frozenset[str]] = {}
        try:
            async for page in self._client.pages(GATEWAY_CLASS, "application/json"):
                for item in page["items"] or ():
                    controller = item["spec"]["controllerName"]
                    features[controller] = features.get(controller, frozenset()) | _features(item)
        except ApiError as error:
            logger.warning("the GatewayClasses cannot be read", extra={"error": str(error)})
        return features


def _features(gateway_class: dict[str, Any]) -> frozenset[str]:
    """Return what a class lists: words in older versions of Gateway API, objects in later ones."""
    listed = gateway_class.get("status", {}).get("supportedFeatures", ())
    return frozenset(each["name"] if isinstance(each, dict) else each for each in listed)
