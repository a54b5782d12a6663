"""The operator with a source of verdicts that does not ship: it believes whoever tells it, over a port of its own.

A program that stands in the place of `python -m serinus`, and the way to tell it. It stands on nothing that an image of
the operator has not.
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Final

from serinus.cluster.objects import Key
from serinus.controller import logs, settings
from serinus.controller.process import Operator, Part
from serinus.controller.settings import Settings
from serinus.rollout.view import NO_GATES, Judgement, Verdict, View

PROGRAM: Final = ("-P", str(Path(__file__).resolve()))
"""What the interpreter is to run."""
PORT: Final = "SERINUS_TEST_VERDICTS_PORT"
"""The variable that says where it listens, on loopback."""


async def tell(port: int, key: Key, judgement: Judgement) -> None:
    """Return when the operator knows a verdict."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        told = {"key": key, "verdict": judgement.verdict.value, "says": judgement.says}
        writer.write(json.dumps(told).encode() + b"\n")
        assert await reader.readline() == b"ok\n"
    finally:
        writer.close()


class JudgedOperator(Operator):
    """Of whom nobody told it anything, there are no gates."""

    def __init__(self, settings: Settings) -> None:
        self._told: dict[Key, Judgement] = {}
        super().__init__(settings, self._judge)

    def _judge(self, key: Key, _view: View) -> Judgement:
        return self._told.get(key, NO_GATES)

    def _parts(self) -> list[Part]:
        return [*super()._parts(), self._listen()]

    async def _listen(self) -> None:
        async with await asyncio.start_server(self._hear, "127.0.0.1", int(os.environ[PORT])) as server:
            await server.serve_forever()

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told = json.loads(await reader.readline())
        key, verdict = Key(*told["key"]), Verdict(told["verdict"])
        self._told[key] = Judgement(verdict, told["says"])
        self._queue.add(key, urgent=verdict is Verdict.WORSE)
        writer.write(b"ok\n")
        writer.close()


def main() -> int:
    """Run it, with the flags of `serinus operator`."""
    parser = argparse.ArgumentParser()
    settings.add_flags(parser.add_subparsers(required=True).add_parser("operator"))
    chosen = settings.settings_from(parser.parse_args())
    logs.set_up(chosen.log_level)

    async def run() -> None:
        await JudgedOperator(chosen).run()

    asyncio.run(run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
