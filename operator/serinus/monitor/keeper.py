"""The first process of a sidecar: runs a program, starts it again when it dies, and ends it as it wants to be ended.

A sidecar that is down takes its pod out of service, and a kubelet takes seconds to start it again.
"""

import signal
import subprocess  # noqa: TC003 - Start is looked at while the program runs
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
"""Between a death and the next start, if it dies at once again and again."""
STEADY_SECONDS: Final = 10.0
"""Who ran for so long has not died at once, and is started again without a pause."""

Start = Callable[[int], "subprocess.Popen[bytes]"]
"""Starts the program; it is told how often it was started before."""


def keep(start: Start, ends_by: signal.Signals = signal.SIGTERM) -> int:
    """Run until we are told to end; return the exit code of the program then."""
    return _Keeper(start, ends_by).run()


class _Keeper:
    def __init__(self, start: Start, ends_by: signal.Signals) -> None:
        self._start = start
        self._ends_by = ends_by
        self._child: subprocess.Popen[bytes] | None = None
        self._ending = False

    def run(self) -> int:
        for told in (signal.SIGTERM, signal.SIGINT):
            signal.signal(told, self._end)
        starts, pause = 0, 0.0
        while True:
            began = time.monotonic()
            self._child = self._start(starts)
            if self._ending:  # we were told while it was being started
                self._child.send_signal(self._ends_by)
            code = self._child.wait()
            if self._ending:
                return 0 if code in (0, -self._ends_by) else abs(code)
            steady = time.monotonic() - began > STEADY_SECONDS
            pause = 0.0 if steady else min(max(2 * pause, FIRST_PAUSE), LONGEST_PAUSE)
            starts += 1
            _say(f"{self._child.args[0]!r} ended with {code}; it is started again")  # type: ignore[index]
            self._wait(pause)
            if self._ending:
                return 0

    def _wait(self, seconds: float) -> None:
        """Sleep, but not on when we are told to end."""
        until = time.monotonic() + seconds
        while not self._ending and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, FIRST_PAUSE))

    def _end(self, _signal: int, _frame: FrameType | None) -> None:
        self._ending = True
        if self._child and self._child.poll() is None:
            self._child.send_signal(self._ends_by)


def _say(text: str) -> None:
    sys.stderr.write(f"serinus: {text}\n")
    sys.stderr.flush()
