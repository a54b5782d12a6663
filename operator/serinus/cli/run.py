"""Prints the answer to a command, or what is in its way. Called by main.py."""

import argparse
import os
import sys
from collections.abc import Callable

from serinus.cli.failure import Failure, one_line


def run(answer: Callable[[argparse.Namespace], str], arguments: argparse.Namespace) -> int:
    """Print what came of it and return the exit code."""
    try:
        text = answer(arguments)
    except Failure as error:
        print(f"kubectl serinus: {one_line(error)}", file=sys.stderr)
        return 1
    return _print(text)


def _print(text: str) -> int:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # as in `| head`: https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0
