"""The chart as helm renders it. Used by the tests here and by manifests.py."""

import subprocess
from dataclasses import dataclass
from typing import Any, Final

import yaml

from tests.cluster.install import CHART, NAMESPACE, helm_program

KUBERNETES: Final = "1.30.0"
"""The oldest that the chart is for."""


class RefusedError(Exception):
    """Helm did not render the chart; the message is what it said."""


@dataclass(frozen=True)
class Objects:
    """What one rendering consists of."""

    items: list[dict[str, Any]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [item for item in self.items if item["kind"] == kind]

    def one(self, kind: str, name: str = "serinus") -> dict[str, Any]:
        [found] = [item for item in self.of(kind) if item["metadata"]["name"] == name]
        return found

    @property
    def pod(self) -> dict[str, Any]:
        """The operator's pod template."""
        template: dict[str, Any] = self.one("Deployment")["spec"]["template"]
        return template

    @property
    def container(self) -> dict[str, Any]:
        [container] = self.pod["spec"]["containers"]
        return dict(container)


def render(*values: str) -> Objects:
    """The chart with these values, each as helm's --set-json takes it: `replicas=2`."""
    return Objects([item for item in yaml.safe_load_all(render_text(*values)) if item])


def render_text(*values: str) -> str:
    command = ["template", "serinus", str(CHART), f"--namespace={NAMESPACE}", f"--kube-version={KUBERNETES}"]
    flags = [flag for value in values for flag in ("--set-json", value)]
    done = subprocess.run([helm_program(), *command, *flags], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RefusedError(done.stderr)
    return done.stdout
