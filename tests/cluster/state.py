"""What a running cluster wrote down about itself in state.json: read by `status`, by the next `up` and by `down`."""

import json
from dataclasses import asdict, dataclass

from tests.cluster.instance import Instance
from tests.cluster.processes import Process


@dataclass(frozen=True)
class State:
    """What a running cluster is made of, as written to state.json once it is up."""

    api_port: int
    gateway_port: int
    namespaces: tuple[str, ...]
    processes: tuple[Process, ...]
    parts: tuple[str, ...]
    """What it was started from; a cluster of other parts than the present ones is started anew."""

    def write(self, instance: Instance) -> None:
        temporary = instance.state_file.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(self), indent=1))
        temporary.rename(instance.state_file)

    @classmethod
    def read(cls, instance: Instance) -> "State | None":
        """None where there is no state, or one that another version of this file wrote."""
        try:
            content = json.loads(instance.state_file.read_text())
            processes = tuple(Process(**process) for process in content.pop("processes"))
            namespaces, parts = tuple(content.pop("namespaces")), tuple(content.pop("parts"))
            return cls(**content, namespaces=namespaces, processes=processes, parts=parts)
        except (OSError, ValueError, KeyError, TypeError):
            return None
