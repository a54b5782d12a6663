"""Does what the arguments ask. Called by main.py, which imports it late: the client takes a second."""

import argparse
import os
import secrets
import sys

from serinus.cli.cluster import connect
from serinus.cli.failure import ANSWERS, Failure, one_line, sentence_of
from serinus.cli.give import await_answer, give
from serinus.cli.rotate import rotate_key
from serinus.cli.status import page


def run(arguments: argparse.Namespace) -> int:
    """Print what came of it and return the exit code."""
    try:
        text = _answer(arguments)
    except Failure as error:
        return _fail(one_line(error))
    except ANSWERS as error:
        return _fail(sentence_of(error))
    return _print(text)


def _answer(arguments: argparse.Namespace) -> str:
    cluster = connect(arguments.context, arguments.namespace)
    if arguments.verb == "rotate-key":
        return rotate_key(cluster)
    name = arguments.name
    if arguments.verb == "status":
        return page(cluster.model(name), cluster.releases(name), cluster.pods(name))
    command = give(cluster, name, arguments.verb, arguments.revision, nonce=secrets.token_hex(8))
    return await_answer(cluster, name, command, arguments.timeout)


def _print(text: str) -> int:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # as in `| head`: https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _fail(message: str) -> int:
    print(f"kubectl serinus: {message}", file=sys.stderr)
    return 1
