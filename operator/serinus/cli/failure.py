"""What ends a command: one sentence for the person at the terminal. Used by all of the CLI, without any package."""


class Failure(Exception):  # noqa: N818 - it is no error of the program
    """What was asked cannot be done; the text says why."""


def one_line(error: object) -> str:
    """Return a text without its line ends."""
    return " ".join(str(error).split())
