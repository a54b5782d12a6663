"""Parts that come from Go modules. Each module has a folder below `go/` whose go.mod and go.sum pin everything."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.cluster.parts.cache import Entry, NotBuiltError, obtain

MODULES: Final = Path(__file__).parent / "go"
OLDEST_GO: Final = (1, 24)
FLAGS: Final = ("-trimpath", "-gcflags=all=-dwarf=false")
INSTEAD: Final = (
    f"install Go {OLDEST_GO[0]}.{OLDEST_GO[1]} or newer, "
    "or use kind where Docker runs (--cluster=kind), or a cluster you have (--cluster=existing)"
)


@dataclass(frozen=True)
class GoProgram:
    """A program compiled from a package of a module."""

    name: str
    module: str
    package: str
    stamped: tuple[str, ...] = ()
    """Packages whose variables tell the program its own version."""

    @property
    def version(self) -> str:
        """Return the module's version."""
        return required_version(self.module, self.package)

    @property
    def cached(self) -> bool:
        """Say whether the program is there."""
        return self._entry.cached

    def ensure(self) -> Path:
        """Return the program, built if need be."""
        return obtain(self._entry, self._build)

    @property
    def _entry(self) -> Entry:
        recipe = (toolchain(self.module), *pinned(self.module), self.package, *FLAGS, self._linker_flags)
        # One at a time, for the compiler uses every core and what one program has compiled serves the next.
        return Entry(self.name, self.version, recipe, workshop="go")

    @property
    def _linker_flags(self) -> str:
        major, minor, _ = self.version.removeprefix("v").split(".", 2)
        told = {"gitVersion": self.version, "gitMajor": major, "gitMinor": minor}
        return " ".join(["-s -w", *(f"-X {package}.{key}={told[key]}" for package in self.stamped for key in told)])

    def _build(self, program: Path) -> None:
        run_go(self.module, "build", *FLAGS, f"-ldflags={self._linker_flags}", f"-o={program}", self.package)


@dataclass(frozen=True)
class GoFolder:
    """A folder of files copied out of a module."""

    name: str
    module: str
    origin: str
    folder: str

    @property
    def version(self) -> str:
        """Return the module's version."""
        return required_version(self.module, self.origin)

    @property
    def cached(self) -> bool:
        """Say whether the copy is there."""
        return self._entry.cached

    def ensure(self) -> Path:
        """Return the copy, made if need be."""
        return obtain(self._entry, self._copy)

    @property
    def _entry(self) -> Entry:
        return Entry(self.name, self.version, (*pinned(self.module), self.folder))

    def _copy(self, folder: Path) -> None:
        downloaded = json.loads(run_go(self.module, "mod", "download", "-json", self.origin))
        # The module cache is read-only; a copy that keeps its modes could never be removed.
        shutil.copytree(Path(downloaded["Dir"], self.folder), folder, copy_function=shutil.copyfile)
        for inner in (folder, *folder.rglob("*")):
            inner.chmod(0o755 if inner.is_dir() else 0o644)


@cache
def required_version(module: str, path: str) -> str:
    """Return the version at which a go.mod requires the module that a package path lies in."""
    required = re.findall(r"^(?:require )?\s*(\S+) (v\S+)(?: // indirect)?$", pinned(module)[0], re.MULTILINE)
    holding: dict[str, str] = {origin: version for origin, version in required if f"{path}/".startswith(f"{origin}/")}
    if not holding:
        raise ValueError(f"{module}/go.mod does not require {path}")
    return holding[max(holding, key=len)]


@cache
def pinned(module: str) -> tuple[str, ...]:
    """Return what decides which sources a module is made of."""
    return tuple((MODULES / module / name).read_text() for name in ("go.mod", "go.sum"))


@cache
def toolchain(module: str) -> str:
    """Return version and architecture of the Go that a module is compiled with."""
    described = run_go(module, "env", "GOVERSION", "GOOS", "GOARCH").split()
    if tuple(int(number) for number in re.findall(r"\d+", described[0])[:2]) < OLDEST_GO:
        raise NotBuiltError(f"{described[0]} is too old to build the parts of the local cluster: {INSTEAD}")
    return "-".join(described)


def run_go(module: str, *arguments: str) -> str:
    """Run the go command in a module's folder and return what it prints."""
    go = shutil.which("go")
    if go is None:
        raise NotBuiltError(f"The parts of the local cluster are built with Go, but there is no go command: {INSTEAD}")
    environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off"}
    done = subprocess.run(
        [go, *arguments], cwd=MODULES / module, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last_lines = "\n".join(done.stderr.splitlines()[-20:])
        raise NotBuiltError(f"go {arguments[0]} in {module} ended with {done.returncode}:\n{last_lines}")
    return done.stdout
