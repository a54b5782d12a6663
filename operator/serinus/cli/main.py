"""The entry point `kubectl-serinus`: `kubectl serinus status NAME`, `kubectl serinus promote NAME` and friends."""

import argparse
import re
import sys
from typing import Final

from serinus import __version__

INTERRUPTED: Final = 130
"""What a shell reports of a program that Ctrl-C ended."""

COMMANDS: Final = {
    "promote": "approve the canary, or end the pause of its step",
    "promote-full": "skip the remaining steps: the canary takes over",
    "abort": "give up the canary: back to the stable revision",
    "pause": "hold the canary at its share of the traffic",
    "resume": "let a held canary go on",
    "retry": "try a revision again that was rolled back",
}


def main() -> int:
    """Run the command that the arguments name."""
    try:
        arguments = _parser().parse_args()
        from serinus.cli.run import run  # noqa: PLC0415 - a second of imports, which Ctrl-C may end, too

        return run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubectl serinus", description="Look at ModelDeployments, and give commands to their operator."
    )
    parser.add_argument("--version", action="version", version=f"kubectl-serinus {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("-n", "--namespace", help="the namespace (default: the context's)")
    where.add_argument("--context", help="context of the kubeconfig (default: the current one)")
    which = argparse.ArgumentParser(add_help=False, parents=[where])
    which.add_argument("name", metavar="NAME", help="name of the ModelDeployment")
    help_of_status = "show a ModelDeployment, its revisions and their pods"
    verbs.add_parser("status", parents=[which], help=help_of_status, description=help_of_status)
    help_of_rotation = "sign the receipts of a namespace's models with a new key from now on"
    verbs.add_parser("rotate-key", parents=[where], help=help_of_rotation, description=help_of_rotation)
    for verb, effect in COMMANDS.items():
        command = verbs.add_parser(verb, parents=[which], help=effect, description=effect)
        command.add_argument("--revision", type=_revision, help="for which revision (default: the canary)")
        command.add_argument(
            "--timeout", type=_seconds, default=10, metavar="SECONDS", help="how long to wait for the answer (10)"
        )
    return parser


def _revision(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{10}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the 10 digits that kubectl get mdep shows")
    return text


def _seconds(text: str) -> int:
    if not re.fullmatch("[0-9]{1,6}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
