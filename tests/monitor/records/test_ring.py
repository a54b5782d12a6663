"""The ring: messages however they are cut, records however they are broken."""

import asyncio
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.monitor.exchange import Exchange, Outcome
from serinus.monitor.records.record import FIELDS, LOG_FORMAT, LONGEST_PATH, outcome_of, read_record
from serinus.monitor.records.ring import LONGEST_FRAME, BrokenFrameError, Frames, Ring
from tests.cluster.ports import free_port

WHOLE = {
    "boot": "17",
    "sequence": "9",
    "stamp": b64encode(b"split|2-ab").decode(),
    "ended": "1764095000250",
    "head": "0",
    "wait": "40",
    "active": "250",
    "state": "--",
    "status": "200",
    "sent": "180",
    "method": "POST",
    "path": "/predict",
    "request_size": "2",
    "response_size": "3",
    "request": b64encode(b"{}").decode(),
    "response": b64encode(b"[1]").decode(),
}


def line(**changes: str) -> bytes:
    return " ".join(["serinus1", *(WHOLE | changes).values()]).encode()


def read(**changes: str) -> Exchange:
    exchange = read_record(line(**changes))
    assert exchange
    return exchange


def test_the_format_and_the_reader_agree_on_the_fields() -> None:
    assert len(WHOLE) == FIELDS
    assert "{boot}" in LOG_FORMAT


def test_a_record_is_an_exchange() -> None:
    assert read() == Exchange(
        boot="17",
        sequence=9,
        stamp="2-ab",
        at=1764095000.0,
        seconds=0.21,
        method="POST",
        path="/predict",
        status=200,
        outcome=Outcome.ANSWERED,
        request=b"{}",
        request_size=2,
        response=b"[1]",
        response_size=3,
    )


@pytest.mark.parametrize("header", [b"<134>", b"<134>Nov 25 18:27:01 h haproxy[12]: ", b"<134>1 2026 h a - - "])
def test_a_syslog_header_may_stand_before_it(header: bytes) -> None:
    assert read_record(header + line() + b"\n") == read()


def test_a_body_of_which_a_part_was_kept_was_not_kept() -> None:
    exchange = read(request_size="500")
    assert (exchange.request, exchange.request_size) == (None, 500)


def test_no_body_is_an_empty_one_and_not_one_that_was_not_kept() -> None:
    exchange = read(request="-", request_size="0", response="-", response_size="0")
    assert (exchange.request, exchange.response) == (b"", b"")


def test_a_streamed_answer_has_the_size_of_what_was_sent() -> None:
    exchange = read(response="-", response_size="-")
    assert (exchange.response, exchange.response_size) == (None, 180)


def test_a_request_that_was_none_is_told_of_too() -> None:
    exchange = read(
        stamp="-", head="-1", wait="-1", state="PR", status="400", method="<BADREQ>", path="<BADREQ>", request_size="-"
    )
    assert (exchange.stamp, exchange.path, exchange.outcome) == ("", "<BADREQ>", Outcome.CLIENT_ERROR)


def test_a_status_that_never_came_is_nought() -> None:
    exchange = read(status="-1", state="CR")
    assert (exchange.status, exchange.outcome) == (0, Outcome.ABORTED)


def test_a_long_path_is_cut() -> None:
    assert len(read(path="/" + "a" * 5000).path) == LONGEST_PATH


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": "nine"},
        {"sequence": "1 2"},
        {"stamp": "no base64"},
        {"stamp": b64encode(b"split|\xff").decode()},
        {"status": ""},
        {"request": "a"},
    ],
    ids=str,
)
def test_what_is_no_record_is_said_to_be_none(changes: dict[str, str]) -> None:
    assert read_record(line(**changes)) is None


@pytest.mark.parametrize(
    ("state", "status", "outcome"),
    [
        ("--", 200, Outcome.ANSWERED),
        ("--", 304, Outcome.ANSWERED),
        ("--", 500, Outcome.SERVER_ERROR),
        ("--", 503, Outcome.SERVER_ERROR),
        ("--", 404, Outcome.CLIENT_ERROR),
        ("SC", 503, Outcome.CONNECTION_FAILED),
        ("SH", 502, Outcome.CONNECTION_FAILED),
        ("sH", 504, Outcome.CONNECTION_FAILED),
        ("SD", 200, Outcome.CONNECTION_FAILED),
        ("sD", 200, Outcome.CONNECTION_FAILED),
        ("PH", 502, Outcome.CONNECTION_FAILED),
        ("IH", 500, Outcome.CONNECTION_FAILED),
        ("CD", 200, Outcome.ABORTED),
        ("cD", 200, Outcome.ABORTED),
        ("CH", 0, Outcome.ABORTED),
        ("CR", 0, Outcome.ABORTED),
        ("CD", 400, Outcome.ABORTED),
        ("cR", 408, Outcome.CLIENT_ERROR),
        ("PR", 400, Outcome.CLIENT_ERROR),
        ("PR", 0, Outcome.CLIENT_ERROR),
        ("LR", 200, Outcome.ANSWERED),
        ("", 0, Outcome.CONNECTION_FAILED),
    ],
)
def test_the_state_says_who_ended_a_request(state: str, status: int, outcome: Outcome) -> None:
    assert outcome_of(state, status) == outcome


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(message: bytes) -> None:
    read_record(message)
    read_record(b"serinus1 " + message)


ODD = st.sampled_from(["-", "-1", "", "\u00e9", "=", "9" * 400, "9" * 5000])


@given(st.dictionaries(st.sampled_from(sorted(WHOLE)), ODD, max_size=3))
def test_no_fields_break_the_reader(changes: dict[str, str]) -> None:
    read_record(line(**changes))


@given(st.lists(st.binary(min_size=1, max_size=50)), st.lists(st.integers(0, 200)))
def test_messages_arrive_however_the_stream_is_cut(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(b"%d %s" % (len(message), message) for message in messages)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    frames = Frames()
    arrived = [message for start, end in pairwise(edges) for message in frames.cut(stream[start:end])]
    assert arrived == messages


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1", b"x" * 100, b"-5 abcde", b"0 ", b"70001 a", b" a", b"1" * 99])
def test_what_is_no_frame_is_noticed(garbage: bytes) -> None:
    with pytest.raises(BrokenFrameError):
        list(Frames().cut(garbage))


@given(st.lists(st.binary(max_size=100), max_size=20))
def test_no_stream_breaks_the_frames_or_fills_the_memory(chunks: list[bytes]) -> None:
    frames = Frames()
    with suppress(BrokenFrameError):
        for chunk in chunks:
            list(frames.cut(chunk))
    assert len(frames._rest) <= LONGEST_FRAME + 100  # noqa: SLF001 - the bound is on what is inside


async def test_records_that_come_one_by_one_are_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[bytes] = []

    class Watched(Frames):
        def cut(self, data: bytes) -> Iterator[bytes]:
            reads.append(data)
            return super().cut(data)

    monkeypatch.setattr("serinus.monitor.records.ring.Frames", Watched)
    monkeypatch.setattr("serinus.monitor.records.ring.REST_SECONDS", 0.1)
    ring, port, number = Ring(lambda _: None, lambda: 0.0), free_port(), 50
    async with await ring.serve(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(number):
            writer.write(b"%d %s" % (len(line()), line()))
            await asyncio.sleep(0)  # the ring could read it now
        writer.write(b"garbage")
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
    assert ring.records == number
    assert len(reads) < number / 2


async def test_records_that_came_before_garbage_are_counted_and_the_connection_is_closed() -> None:
    exchanges: list[Exchange] = []
    ring, port = Ring(exchanges.append, lambda: 0.0), free_port()
    async with await ring.serve(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"%d %s5 hellogarbage" % (len(line()), line()))
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
    assert exchanges == [read()]
    assert (ring.records, ring.unreadable, ring.broken) == (1, 1, 1)
