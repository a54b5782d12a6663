"""The work queue, by a clock that the tests move."""

import asyncio
from itertools import pairwise

import pytest

from serinus.cluster.objects import Key
from serinus.controller.queue import LONGEST_BACKOFF_SECONDS, URGENT_IN_A_ROW, Queue
from tests.cluster_layer.clock import Clock

A, B, C = Key("risk", "a"), Key("risk", "b"), Key("risk", "c")
MILLISECOND = 0.001


async def taken(queue: Queue) -> list[Key]:
    """Take all keys that are ready."""
    keys: list[Key] = []
    while True:
        task = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        if not task.done():
            task.cancel()
            return keys
        keys.append(task.result())


async def worked_on(queue: Queue) -> list[Key]:
    """Take all keys that are ready, and give them back."""
    keys = await taken(queue)
    for key in keys:
        queue.done(key)
    return keys


async def seconds_until_ready(queue: Queue, clock: Clock) -> float:
    """Move the clock until a key is ready; return for how long, and give the key back."""
    started = clock.now
    while not await worked_on(queue):
        await clock.advance(MILLISECOND if clock.now - started < 0.1 else 0.05)
    return clock.now - started


@pytest.fixture
async def queue(clock: Clock) -> Queue:  # noqa: ARG001 - before the queue looks at it
    return Queue()


async def test_keys_come_in_the_order_in_which_they_were_added(queue: Queue) -> None:
    queue.add(B)
    queue.add(A)
    assert await taken(queue) == [B, A]


async def test_a_key_that_waits_already_is_not_added_again(queue: Queue) -> None:
    queue.add(A)
    queue.add(A)
    assert await worked_on(queue) == [A]
    assert await taken(queue) == []


async def test_a_key_that_is_worked_on_waits_until_it_is_given_back(queue: Queue) -> None:
    queue.add(A)
    await taken(queue)
    queue.add(A)
    queue.add(A)
    assert await taken(queue) == []
    queue.done(A)
    assert await worked_on(queue) == [A]
    assert await taken(queue) == []


async def test_a_timer_that_rings_while_its_key_is_worked_on_makes_it_wait_too(queue: Queue, clock: Clock) -> None:
    queue.add_later(A, 1)
    queue.add(A)
    await taken(queue)
    await clock.advance(1)
    assert await taken(queue) == []
    queue.done(A)
    assert await taken(queue) == [A]


async def test_a_key_for_later_comes_when_it_is_time_and_not_before(queue: Queue, clock: Clock) -> None:
    queue.add_later(A, 10)
    await clock.advance(9.9)
    assert await taken(queue) == []
    await clock.advance(0.2)
    assert await taken(queue) == [A]


@pytest.mark.parametrize(("first", "second"), [(5, 50), (50, 5)])
async def test_a_later_wish_replaces_an_earlier_one(queue: Queue, clock: Clock, first: float, second: float) -> None:
    queue.add_later(A, first)
    queue.add_later(A, second)
    await clock.advance(second - 0.1)
    assert await worked_on(queue) == []
    await clock.advance(0.2)
    assert await worked_on(queue) == [A]
    await clock.advance(100)
    assert await worked_on(queue) == []


async def test_none_takes_a_wish_back(queue: Queue, clock: Clock) -> None:
    queue.add_later(A, 5)
    queue.add_later(B, 5)
    queue.add_later(A, None)
    await clock.advance(10)
    assert await taken(queue) == [B]


async def test_none_for_a_key_without_a_wish_does_nothing(queue: Queue) -> None:
    queue.add_later(A, None)
    assert await taken(queue) == []


async def test_many_timers_ring_in_the_order_of_their_times(queue: Queue, clock: Clock) -> None:
    keys = [Key("risk", f"model-{number}") for number in range(200)]
    for number, key in enumerate(keys):
        queue.add_later(key, (number * 37) % 200)
    expected = sorted(keys, key=lambda key: (keys.index(key) * 37) % 200)
    came: list[Key] = []
    for _ in range(20):
        await clock.advance(10)
        came += await worked_on(queue)
    assert came == expected


async def test_timers_that_a_stopped_process_missed_ring_in_order_all_the_same(queue: Queue, clock: Clock) -> None:
    queue.add_later(A, 3)
    queue.add_later(B, 2)
    await clock.advance(3600)
    assert await taken(queue) == [B, A]


async def test_a_key_that_fails_again_and_again_comes_later_each_time(queue: Queue, clock: Clock) -> None:
    waits = []
    for _ in range(8):
        queue.retry(A)
        waits.append(await seconds_until_ready(queue, clock))
    assert waits[0] < 0.1
    assert all(later > 1.1 * sooner for sooner, later in pairwise(waits))


async def test_back_off_has_an_end(queue: Queue, clock: Clock) -> None:
    for _ in range(100):
        queue.retry(A)
    assert 0.7 * LONGEST_BACKOFF_SECONDS < await seconds_until_ready(queue, clock) < 1.3 * LONGEST_BACKOFF_SECONDS


async def test_a_success_makes_the_next_back_off_short(queue: Queue, clock: Clock) -> None:
    for _ in range(100):
        queue.retry(A)
    queue.succeeded(A)
    queue.retry(A)
    assert await seconds_until_ready(queue, clock) < 0.1


async def test_keys_that_failed_together_do_not_come_back_together(queue: Queue, clock: Clock) -> None:
    keys = [Key("risk", f"model-{number}") for number in range(50)]
    for key in keys:
        queue.retry(key)
    await clock.advance(0.05)
    assert 0 < len(await taken(queue)) < len(keys)


async def test_it_tells_how_long_the_first_key_waits_and_the_slowest_worker_works(queue: Queue, clock: Clock) -> None:
    assert (queue.oldest_seconds(), queue.longest_work_seconds()) == (0, 0)
    queue.add(A)
    await clock.advance(2)
    queue.add(B)
    assert queue.oldest_seconds() == pytest.approx(2)
    await taken(queue)
    await clock.advance(3)
    assert queue.oldest_seconds() == 0
    assert queue.longest_work_seconds() == pytest.approx(3)


async def test_timers_that_were_replaced_take_no_room(queue: Queue, clock: Clock) -> None:
    for _ in range(10_000):
        queue.add_later(A, 86_400)
    queue.add_later(B, 3_600)
    assert len(queue._timers) < 100  # noqa: SLF001 - memory is not to be seen from outside
    await clock.advance(3_600)
    assert await worked_on(queue) == [B]
    await clock.advance(86_400)
    assert await worked_on(queue) == [A]


async def test_an_urgent_key_goes_before_the_others(queue: Queue) -> None:
    queue.add(A)
    queue.add(B, urgent=True)
    queue.add(C, urgent=True)
    assert await taken(queue) == [B, C, A]


async def test_a_key_that_becomes_urgent_while_it_waits_is_taken_once_and_sooner(queue: Queue) -> None:
    queue.add(A)
    queue.add(B)
    queue.add(B, urgent=True)
    queue.add(B)
    assert await taken(queue) == [B, A]


async def test_a_key_that_becomes_urgent_while_it_is_worked_on_comes_next(queue: Queue) -> None:
    queue.add(A)
    await taken(queue)
    queue.add(B)
    queue.add(A, urgent=True)
    queue.add(A)
    queue.succeeded(A)  # what it saw was from before
    assert await queue.get() == B
    queue.add(C)
    queue.done(A)
    assert await taken(queue) == [A, C]


async def test_what_was_urgent_and_failed_is_urgent_when_it_comes_again(queue: Queue, clock: Clock) -> None:
    queue.add(A, urgent=True)
    await taken(queue)
    queue.retry(A)
    queue.done(A)
    queue.add(B)
    await clock.advance(1)
    assert await taken(queue) == [A, B]


async def test_what_was_urgent_and_succeeded_is_like_any_other(queue: Queue) -> None:
    queue.add(A, urgent=True)
    await taken(queue)
    queue.succeeded(A)
    queue.done(A)
    queue.add(B)
    queue.add(A)
    assert await taken(queue) == [B, A]


async def test_urgent_keys_that_never_end_let_the_others_have_their_turn(queue: Queue) -> None:
    for number in range(2):
        queue.add(Key("risk", f"patient-{number}"))
    came = []
    for number in range(20):
        for each in range(2):
            queue.add(Key("risk", f"urgent-{number}-{each}"), urgent=True)
        came.append(await queue.get())
    patient = [at for at, key in enumerate(came) if key.name.startswith("patient")]
    assert patient == [URGENT_IN_A_ROW, 2 * URGENT_IN_A_ROW + 1]


async def test_it_tells_how_long_an_urgent_key_waits_too(queue: Queue, clock: Clock) -> None:
    queue.add(A)
    await clock.advance(2)
    queue.add(B)
    queue.add(A, urgent=True)
    await clock.advance(1)
    assert queue.oldest_seconds() == pytest.approx(3)
