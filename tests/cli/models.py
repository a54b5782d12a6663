"""ModelDeployments as the API server shows them, and one that answers commands. Used by the tests of the CLI."""

from dataclasses import dataclass, field

from kubernetes.client.exceptions import ApiException

from serinus.api.commands import ANNOTATION_COMMAND
from serinus.cli.command import Document

STABLE = "4d18ac5c37"
CANARY = "9c7e1f20ab"

SERVING: Document = {"observedGeneration": 2, "stable": {"revision": STABLE, "version": "7"}}
TRYING: Document = SERVING | {"canary": {"revision": CANARY, "version": "8"}}


def model(status: Document | None = None, annotation: str | None = None, version: str = "1") -> Document:
    metadata: Document = {"name": "fraud", "namespace": "risk", "generation": 2, "resourceVersion": version}
    if annotation:
        metadata["annotations"] = {ANNOTATION_COMMAND: annotation}
    return {"metadata": metadata, "status": TRYING if status is None else status}


@dataclass
class FakeCluster:
    """A model, the user who looks at it, and what happens to it: each read shows the next state, the last one stays."""

    states: list[Document | Exception]
    name: str | None = "ada"
    refusals: list[int] = field(default_factory=list)
    written: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def model(self, name: str) -> Document:
        assert name == "fraud"
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, Exception):
            raise state
        return state

    def annotate(self, name: str, resource_version: str, annotations: dict[str, str]) -> None:
        assert name == "fraud"
        if self.refusals:
            raise ApiException(status=self.refusals.pop(0))
        self.written.append((resource_version, annotations))

    def user(self) -> str | None:
        return self.name


class FakeTime:
    """Passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
