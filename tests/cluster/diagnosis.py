"""What a failed test leaves to read: the objects, events and logs of its namespace, as sections of the report."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.cluster.backends import run_kubectl

LOG_LINES: Final = 60
QUESTIONS: Final = (
    ("get", "all", "--output=wide"),
    ("get", "modeldeployments,modelreleases", "--output=wide"),
    ("get", "events", "--sort-by=.lastTimestamp"),
    ("describe", "pods"),
)


def sections(kubeconfig: Path, namespace: str, logs: Iterable[Path]) -> list[tuple[str, str]]:
    """Titles and texts; what cannot be had says why instead."""
    questions = [(*question, f"--namespace={namespace}") for question in QUESTIONS]
    found = [(f"kubectl {' '.join(question)}", _answer(kubeconfig, question)) for question in questions]
    return found + [(f"end of {log}", _end_of(log)) for log in logs]


def _answer(kubeconfig: Path, question: tuple[str, ...]) -> str:
    try:
        return run_kubectl(kubeconfig, question) or "nothing there"
    except RuntimeError as error:
        return str(error)


def _end_of(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])
    except OSError as error:
        return str(error)
