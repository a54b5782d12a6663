"""The entry point `kubectl-serinus`: `kubectl serinus status NAME`, `kubectl serinus promote NAME` and friends."""

import argparse
import re
import sys
from pathlib import Path
from typing import Final

from serinus import __version__
from serinus.cli.failure import Failure
from serinus.cli.run import run

INTERRUPTED: Final = 130
"""What a shell reports of a program that Ctrl-C ended."""

EXTRAS: Final = {"kubernetes": "cli", "pyarrow": "profile"}
"""Which extra of ours brings a package."""

COMMANDS: Final = {
    "promote": "approve the canary, or end the pause of its step",
    "promote-full": "skip the remaining steps: the canary takes over",
    "abort": "give up the canary: back to the stable revision",
    "pause": "hold the canary at its share of the traffic",
    "resume": "let a held canary go on",
    "retry": "try a revision again that was rolled back",
}

HELP_OF_PROFILE: Final = "make a profile of training data: a ConfigMap that live data is compared with"
LISTS_OF_COLUMNS: Final = {
    "features": "what the model is given (default: all other columns)",
    "exclude": "what it is not given",
    "category": "numbers that are codes, such as postcodes",
}


def main() -> int:
    """Run the command that the arguments name."""
    try:
        return run(_answer, _parser().parse_args())
    except KeyboardInterrupt:
        return INTERRUPTED


def _answer(arguments: argparse.Namespace) -> str:
    """Import what the verb needs: up to a second, which Ctrl-C may end, too."""
    try:
        if arguments.verb == "profile":
            from serinus.cli.profiling.profile import answer  # noqa: PLC0415
        else:
            from serinus.cli.ask import answer  # noqa: PLC0415
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package not in EXTRAS:
            raise
        raise Failure(f"{package} is not installed: pip install 'serinus[{EXTRAS[package]}]'") from error
    return answer(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubectl serinus",
        description="Look at ModelDeployments, give commands to their operator, and make profiles of data.",
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
    usage = "kubectl serinus profile FILE [options]"  # a list of columns before it would take the file for one
    _add_profile(verbs.add_parser("profile", help=HELP_OF_PROFILE, description=HELP_OF_PROFILE, usage=usage))
    return parser


def _add_profile(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", type=Path, metavar="FILE", help="training data: .parquet, .csv, .arrow or .feather")
    command.add_argument("--target", metavar="COLUMN", help="the truth")
    command.add_argument("--positive", metavar="CLASS", help="the positive class of two (default: 1, or true)")
    command.add_argument(
        "--score", metavar="COLUMN", help="probability of the positive class, or of the predicted one if there is none"
    )
    command.add_argument(
        "--prediction", metavar="COLUMN", help="what the model predicted (default: positive from a score of 0.5)"
    )
    for name, what in LISTS_OF_COLUMNS.items():
        command.add_argument(f"--{name}", nargs="+", default=[], metavar="COLUMN", help=what)
    command.add_argument("-o", "--output", type=Path, metavar="FILE", help="where the ConfigMap goes (default: stdout)")
    command.add_argument("--name", help="how its name begins (default: like the output, or else the data)")


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
