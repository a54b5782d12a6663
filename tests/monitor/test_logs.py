"""The log of the monitor: where something broke, and never a value."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from serinus.monitor.counts.counting import Counting
from serinus.monitor.exchange import Exchange
from serinus.monitor.logs import ValuelessFormatter
from tests.monitor.watching import core, exchange

CARD = "4111111111111111"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ValuelessFormatter())
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def test_an_exception_is_logged_without_its_text(lines: io.StringIO) -> None:
    try:
        int(f"no number: {CARD}")
    except ValueError:
        logging.getLogger("serinus.monitor.x").exception("it broke")
    line = json.loads(lines.getvalue())
    assert (line["message"], line["level"], line["error"]) == ("it broke", "error", "ValueError")
    assert "test_logs.py" in line["at"][0]
    assert CARD not in lines.getvalue()


@pytest.mark.parametrize("logger", ["aiohttp.server", "asyncio"])
def test_the_words_of_libraries_are_left_out(lines: io.StringIO, logger: str) -> None:
    logging.getLogger(logger).error("Exception in callback data_received(%r)", CARD)
    assert CARD not in lines.getvalue()
    assert json.loads(lines.getvalue())["logger"] == logger


def test_a_bug_of_ours_costs_one_exchange_and_little_log(
    lines: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Counting, told: Exchange) -> None:
        raise RuntimeError(told.request)

    watched = core(tmp_path)
    monkeypatch.setattr(Counting, "count", broken)
    for _ in range(1000):
        watched.count(exchange({"features": {"card": CARD}}))
    assert watched.faults == 1000
    assert len(lines.getvalue().splitlines()) == 10
    assert CARD not in lines.getvalue()


@pytest.mark.parametrize(
    "request_body",
    [
        b'{"features": {"card": "%b"}' % CARD.encode(),
        b'{"features": {"card": %b}}' % (CARD.encode() * 400),
        b'{"features": "%b"}' % CARD.encode(),
        b"[" * 9999 + CARD.encode(),
    ],
)
def test_no_payload_is_logged_however_it_is_broken(lines: io.StringIO, tmp_path: Path, request_body: bytes) -> None:
    watched = core(tmp_path)
    watched.count(msgspec.structs.replace(exchange(), request=request_body, path=f"/{CARD}", stamp=f"1-{CARD}"))
    assert CARD not in lines.getvalue()
