"""The end of the process: every part ends, also one that drops the first cancellation."""

import asyncio

from serinus.controller.process import AGAIN_SECONDS, _cancelled
from tests.cluster_layer.clock import Clock


async def test_what_drops_a_cancellation_is_cancelled_again(clock: Clock) -> None:
    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    task = asyncio.create_task(stubborn())
    await clock.advance()
    ending = asyncio.create_task(_cancelled([task]))
    await clock.advance()
    assert not ending.done()
    await clock.advance(AGAIN_SECONDS)
    assert task.cancelled()
    await ending


async def test_how_each_part_ended_is_told() -> None:
    async def broken() -> None:
        raise RuntimeError("broken")

    task = asyncio.create_task(broken())
    await asyncio.wait([task])
    [end] = await _cancelled([task])
    assert str(end) == "broken"
