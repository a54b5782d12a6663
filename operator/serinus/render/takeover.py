"""What a user's Service becomes when a model takes it over, and how it becomes again what it was."""

import json
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from serinus.api.names import ANNOTATION_BEFORE, ANNOTATION_INTENT, LABEL_DEPLOYMENT
from serinus.render.children import Manifest

Port = dict[str, Any]

_ADDED_NAME: Final = "serinus"
"""Of our port, where one of theirs has its name."""


class Before(BaseModel):
    """What a Service was before, as an annotation keeps it."""

    model_config = ConfigDict(frozen=True)

    selector: dict[str, str] = Field(min_length=1)
    ports: list[Port] = Field(min_length=1)

    @classmethod
    def of(cls, service: Manifest) -> "Before":
        """Return what is to be kept of a Service that is not taken over yet."""
        return cls(selector=service["spec"]["selector"], ports=service["spec"]["ports"])

    @classmethod
    def read(cls, text: str) -> "Before":
        """Return what an annotation says; ValueError if somebody made it unreadable."""
        return cls.model_validate_json(text)

    def text(self) -> str:
        """Return the annotation."""
        return json.dumps(self.model_dump(), separators=(",", ":"), sort_keys=True)


def taken_over(address: Manifest, before: Before) -> Manifest:
    """Return the Service at a model's address as it is where it was the user's: without an owner, so that it stays."""
    metadata = {key: value for key, value in address["metadata"].items() if key != "ownerReferences"}
    metadata["annotations"] = {ANNOTATION_BEFORE: before.text()}
    (ours,) = address["spec"]["ports"]
    return {**address, "metadata": metadata, "spec": {**address["spec"], "ports": _ports(ours, before.ports)}}


def put_back(service: Manifest, before: Before) -> Manifest:
    """Return the merge patch that makes a Service what it was; what the user added meanwhile stays."""
    there = service["spec"].get("selector") or {}
    return {
        "metadata": {
            "resourceVersion": service["metadata"]["resourceVersion"],
            "labels": {LABEL_DEPLOYMENT: None},
            "annotations": {ANNOTATION_BEFORE: None, ANNOTATION_INTENT: None},
        },
        "spec": {"selector": {**dict.fromkeys(there), **before.selector}, "ports": before.ports},
    }


def _ports(ours: Port, theirs: list[Port]) -> list[Port]:
    """Return the ports that callers know, under the numbers and names they know, and ours if there is room.

    A port that gets another name has no endpoints for a moment; so one without a name keeps none and stays alone.
    """
    target = {"targetPort": ours["targetPort"]}
    kept = [{**port, **target} if _leads_to_model(port, ours, theirs) else port for port in theirs]
    names = {port.get("name") for port in theirs}
    if None in names or any(_address(port) == _address(ours) for port in theirs):
        return kept
    return [*kept, {**ours, "name": _ADDED_NAME} if ours["name"] in names else ours]


def _leads_to_model(port: Port, ours: Port, theirs: list[Port]) -> bool:
    """Return whether callers of a port ask the model: not so a port for metrics, which stays as it is."""
    known = port["port"] == ours["port"] or port.get("name") == ours["name"]
    return port["protocol"] == ours["protocol"] and (known or len(theirs) == 1)


def _address(port: Port) -> tuple[int, str]:
    return port["port"], port["protocol"]
