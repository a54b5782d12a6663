"""What a running cluster wrote down about itself in state.json: read by `status`, by the next `up` and by `down`."""

import json
from dataclasses import asdict, dataclass, field

from tests.cluster.instance import Instance
from tests.cluster.processes import Process


@dataclass(frozen=True)
class State:
    """What a running cluster is made of, as written to state.json."""

    api_port: int = 0
    gateway_port: int = 0
    namespaces: tuple[str, ...] = ()
    processes: tuple[Process, ...] = ()
    kernel_settings: dict[str, str] = field(default_factory=dict)
    """What the machine had before the kubelets set their own; put back when the cluster ends."""
    complete: bool = False
    """False while the cluster is still being started."""

    def write(self, instance: Instance) -> None:
        temporary = instance.state_file.with_suffix(".new")
        instance.folder.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(asdict(self), indent=1))
        temporary.rename(instance.state_file)

    @classmethod
    def read(cls, instance: Instance) -> "State | None":
        """None where there is no state, or one that another version of this file wrote."""
        try:
            content = json.loads(instance.state_file.read_text())
            processes = tuple(Process(**process) for process in content.pop("processes"))
            namespaces = tuple(content.pop("namespaces"))
            return cls(**content, namespaces=namespaces, processes=processes)
        except (OSError, ValueError, KeyError, TypeError):
            return None
