"""`python -m tests.cluster.images [serinus|pause|base|inputs]`: make an image and print the path of its archive."""

import argparse
import sys
from typing import Final

from tests.cluster.images import base_image, build_image, pause_image, prepare_inputs
from tests.cluster.parts import NotBuiltError

TAG: Final = "localhost/serinus:dev"


def main() -> None:
    """Make what is asked for."""
    makers = {"serinus": lambda: build_image(TAG), "pause": pause_image, "base": base_image, "inputs": prepare_inputs}
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.images", description=__doc__)
    parser.add_argument("image", nargs="?", choices=makers, default="serinus")
    try:
        print(makers[parser.parse_args().image]())
    except NotBuiltError as problem:
        sys.exit(str(problem))


main()
