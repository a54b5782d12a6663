"""`python -m tests.cluster.parts [--list] [NAME...]`: make the parts of the local cluster, with progress."""

import argparse
import sys

from tests.cluster.parts import PARTS, NotBuiltError, build_all
from tests.cluster.parts.progress import step


def main() -> None:
    """Make or list the parts."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.parts", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--list", action="store_true", help="show every part and whether it is there")
    arguments = parser.parse_args()
    try:
        if arguments.list:
            for part in PARTS:
                print(f"{part.name:24} {part.version:10} {'there' if part.cached else 'to be built'}")
        else:
            build_all(arguments.names)
            step("the parts are there")
    except (NotBuiltError, ValueError) as problem:
        sys.exit(str(problem))


main()
