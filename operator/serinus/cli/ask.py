"""What a person asks about a ModelDeployment, or gives as a command. Called by main.py, which imports it late."""

import argparse
import secrets

from serinus.cli.answers import ANSWERS, sentence_of
from serinus.cli.cluster import connect
from serinus.cli.failure import Failure
from serinus.cli.give import await_answer, give
from serinus.cli.rotate import rotate_key
from serinus.cli.status import page


def answer(arguments: argparse.Namespace) -> str:
    """Return what came of it, for people."""
    try:
        return _answer(arguments)
    except ANSWERS as error:
        raise Failure(sentence_of(error)) from error


def _answer(arguments: argparse.Namespace) -> str:
    cluster = connect(arguments.context, arguments.namespace)
    if arguments.verb == "rotate-key":
        return rotate_key(cluster)
    name = arguments.name
    if arguments.verb == "status":
        return page(cluster.model(name), cluster.releases(name), cluster.pods(name))
    command = give(cluster, name, arguments.verb, arguments.revision, nonce=secrets.token_hex(8))
    return await_answer(cluster, name, command, arguments.timeout)
