"""What the liveness probe is told."""

import asyncio

import pytest

from serinus.cluster.client import WATCH_SECONDS
from serinus.controller.health import LAG_LIMIT_SECONDS, WATCH_LIMIT_SECONDS, Health
from tests.cluster_layer.clock import Clock

PODS, SERVICES = "/api/v1/pods", "/api/v1/services"


@pytest.fixture
def health(clock: Clock) -> Health:  # noqa: ARG001 - before it is looked at
    return Health()


def test_it_has_no_complaint_at_the_start(health: Health) -> None:
    assert health.complaint() is None
    assert health.watch_age_seconds() == 0


def test_it_complains_of_the_watch_that_nobody_renews(health: Health, clock: Clock) -> None:
    health.expect(PODS)
    health.expect(SERVICES)
    clock.now += WATCH_LIMIT_SECONDS - 1
    health.heard(SERVICES)
    health.answered("GET", 200)
    assert health.complaint() is None
    clock.now += 2
    assert health.complaint() == f"the watch of {PODS} was not renewed for {WATCH_LIMIT_SECONDS + 1} s"


def test_a_watch_that_is_renewed_gives_no_complaint(health: Health, clock: Clock) -> None:
    health.expect(PODS)
    for _ in range(5):
        clock.now += WATCH_SECONDS
        health.heard(PODS)
        health.answered("GET", 200)
        assert health.complaint() is None


def test_to_expect_a_watch_again_makes_it_no_younger(health: Health, clock: Clock) -> None:
    health.expect(PODS)
    clock.now += 100
    health.expect(PODS)
    assert health.watch_age_seconds() == 100


def test_a_server_that_does_not_answer_is_no_reason_to_restart(health: Health, clock: Clock) -> None:
    health.expect(PODS)
    clock.now += 10 * WATCH_LIMIT_SECONDS
    assert health.complaint() is None
    health.answered("GET", 200)
    assert health.complaint() is not None


async def test_it_complains_of_an_event_loop_that_lags(health: Health, clock: Clock) -> None:
    running = asyncio.create_task(health.run())
    await clock.advance()
    await clock.advance(1 + LAG_LIMIT_SECONDS + 0.5)
    assert health.complaint() == "the event loop runs 5.5 s late"
    await clock.advance(1)
    assert health.complaint() is None
    running.cancel()
    await asyncio.wait([running])
