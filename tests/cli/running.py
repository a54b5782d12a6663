"""kubectl-serinus as a person runs it. Used by the tests of the CLI."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from tests.cluster.api import Json

PROGRAM = (sys.executable, "-m", "serinus.cli.main")


def environment(kubeconfig: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "KUBECONFIG": str(kubeconfig)}


def run(kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], env=environment(kubeconfig), capture_output=True, text=True, check=False, timeout=60
    )


def complaint(kubeconfig: Path, *arguments: str) -> str:
    """What it says on one line of stderr, and nothing on stdout, when it cannot do what it is asked."""
    done = run(kubeconfig, *arguments)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done
    name, _, sentence = done.stderr.rstrip("\n").partition(": ")
    assert name == "kubectl serinus"
    return sentence


def write_kubeconfig(file: Path, server: str, user: Json, **cluster: str) -> Path:
    content = {
        "clusters": [{"name": "test", "cluster": {"server": server} | cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    file.write_text(yaml.safe_dump(content))
    return file
