"""SIGTERM and SIGINT, as process.py hears of them."""

import asyncio
import signal
from typing import Final

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """Whether somebody asked the process to end."""

    def __init__(self) -> None:
        self._told = asyncio.Event()

    def listen(self) -> None:
        """Hear of the signals, whoever heard of them before."""
        loop = asyncio.get_running_loop()
        for each in _ENDING:
            loop.add_signal_handler(each, self._told.set)

    async def wait(self) -> None:
        """Return when somebody did."""
        await self._told.wait()
