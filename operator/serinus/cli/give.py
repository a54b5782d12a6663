"""Gives a command and waits until the operator has answered. Called by ask.py."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, Protocol

from kubernetes.client.exceptions import ApiException

from serinus.api.commands import ANNOTATION_COMMAND, Command, Verb
from serinus.cli.answers import ANSWERS, sentence_of
from serinus.cli.command import Document, answer_to, revision_to_command
from serinus.cli.failure import Failure

TRIES: Final = 5
INTERVAL: Final = 0.25


class Commandable(Protocol):
    """What this needs of the cluster."""

    def model(self, name: str) -> Document:
        """Return a ModelDeployment."""

    def annotate(self, name: str, resource_version: str, annotations: dict[str, str]) -> None:
        """Annotate a ModelDeployment, unless it changed since it had that resourceVersion."""

    def user(self) -> str | None:
        """Return who gives the command, where that can be known."""


def give(cluster: Commandable, name: str, verb: str, revision: str | None, nonce: str) -> Command:
    """Write a command for the revision that is named, or else for the canary that is there at that moment."""
    by = cluster.user()
    for _ in range(TRIES):
        model = cluster.model(name)
        command = Command(Verb(verb), revision or revision_to_command(verb, model), nonce, by)
        try:
            cluster.annotate(name, model["metadata"]["resourceVersion"], {ANNOTATION_COMMAND: str(command)})
        except ApiException as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
        else:
            return command
    raise Failure(f"{name} changed {TRIES} times while the command was being given: try again")


def await_answer(
    cluster: Commandable,
    name: str,
    command: Command,
    seconds: float,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Return what came of a command."""
    deadline = now() + seconds
    while True:
        try:
            answer = answer_to(command, cluster.model(name))
        except ANSWERS as error:
            raise Failure(
                f'the command "{command}" was given; what came of it is not known: {sentence_of(error)}'
            ) from error
        if answer is not None:
            return answer
        if now() >= deadline:
            raise Failure(
                f'the command "{command}" was given, and the operator has not answered within {seconds:g} s: it counts '
                "as soon as the operator sees it; is it running? "
                "(kubectl get pods -A -l app.kubernetes.io/name=serinus)"
            )
        sleep(INTERVAL)
