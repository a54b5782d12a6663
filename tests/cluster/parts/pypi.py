"""Parts that come as a program inside a Python package of the checkout's own environment."""

import sysconfig
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.cluster.parts.cache import NotBuiltError


@dataclass(frozen=True)
class PythonProgram:
    """A program that pip has put beside the interpreter."""

    name: str
    distribution: str

    @property
    def version(self) -> str:
        """Return the version that is installed."""
        try:
            return f"v{version(self.distribution)}"
        except PackageNotFoundError:
            return "not installed"

    @property
    def cached(self) -> bool:
        """Say whether the program is there."""
        return self._path.exists()

    def ensure(self) -> Path:
        """Return the program."""
        if not self.cached:
            raise NotBuiltError(
                f"{self.name} comes with the Python package {self.distribution}, which is not installed here: "
                "install requirements/dev.txt and use that environment's Python"
            )
        return self._path

    @property
    def _path(self) -> Path:
        return Path(sysconfig.get_path("scripts"), self.name)
