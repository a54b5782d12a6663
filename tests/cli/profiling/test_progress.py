"""A bar where somebody looks at it, gone when the work is done."""

from io import StringIO

from serinus.cli.profiling.progress import Progress

PARTS = [("a", 0.25), ("b", 0.5), ("c", 1.0)]


class Screen(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_how_far_it_is() -> None:
    screen, seconds = Screen(), iter([0.0, 0.0, 0.01, 0.2, 0.2])
    assert list(Progress(screen, lambda: next(seconds)).of("counting", PARTS)) == ["a", "b", "c"]
    shown = screen.getvalue().split("\r\x1b[K")
    assert shown == ["", f"counting [{'#' * 8:<30}]  25%", f"counting [{'#' * 30}] 100%", ""]


def test_a_log_shows_nothing() -> None:
    stream = StringIO()
    assert list(Progress(stream).of("counting", PARTS)) == ["a", "b", "c"]
    assert stream.getvalue() == ""
