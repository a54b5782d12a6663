"""What the demo shows while things happen: the lines of commands that run on, each under a prefix of its own."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.cluster.backends import kubectl_program, run_kubectl

INDENT: Final = " " * 8
FIRST_LINE_SECONDS: Final = 60
MESSAGE: Final = "MESSAGE"
AFTER_MESSAGE: Final = "URL"


def say(*lines: str) -> None:
    """Print lines whole, whoever else prints."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


class _Background:
    """A kubectl whose every line is looked at as it comes; ended with the block that it belongs to."""

    def __init__(self, kubeconfig: Path, *arguments: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the kubectl of this checkout
            [kubectl_program(), *arguments],
            env=os.environ | {"KUBECONFIG": str(kubeconfig)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        with self._process.stdout as lines:
            for line in lines:
                self.see(line.rstrip("\n"))

    def see(self, line: str) -> None:
        """Look at a line."""
        raise NotImplementedError


class Following(_Background):
    """What a pod says, until it ends."""

    def __init__(self, kubeconfig: Path, namespace: str, pod: str) -> None:
        self._spoke = threading.Event()
        super().__init__(kubeconfig, "logs", "--follow", f"--namespace={namespace}", pod)

    def see(self, line: str) -> None:
        """Show the line."""
        say(f"{INDENT}{line}")
        self._spoke.set()

    def wait_for_line(self) -> None:
        """Return once something was said."""
        self._spoke.wait(FIRST_LINE_SECONDS)

    def wait(self) -> None:
        """Return when the pod has ended."""
        self._reader.join()


class Watching(_Background):
    """`kubectl get mdep --output=wide`, anew whenever something in it has changed; the message on a line of its own."""

    def __init__(self, kubeconfig: Path, namespace: str, name: str) -> None:
        self._kubeconfig = kubeconfig
        self._get = ("get", "mdep", name, f"--namespace={namespace}", "--ignore-not-found", "--output=wide")
        self._header = ""
        self._shown: tuple[str, str] | None = None
        super().__init__(kubeconfig, "get", "mdep", f"--namespace={namespace}", "--watch", "--output=name")

    def see(self, _line: str) -> None:
        """Show how it is now, unless that was shown already."""
        header, _, row = run_kubectl(self._kubeconfig, self._get).strip().partition("\n")
        cut, end = header.find(MESSAGE), header.find(AFTER_MESSAGE)
        header, row, message = header[:cut].rstrip(), row[:cut].rstrip(), row[cut:end].rstrip()
        if not message or (row, message) == self._shown:
            return
        say(*(f"{INDENT}{line}" for line in (header, row) if line != self._header), f"{INDENT}  {message}")
        self._header, self._shown = header, (row, message)
