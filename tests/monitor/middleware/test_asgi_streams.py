"""Streams through the middleware: not held up, and counted by their end."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from serinus.monitor.labels.outcomes import PARTS
from serinus.monitor.middleware.kept import END_OF_STREAM, KeptStream
from tests.monitor.middleware.served import STAMP, Served, served
from tests.monitor.servings import serving

CHAT = "/v1/chat/completions"
ASKED = {"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": True}


def event(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


class Writer:
    """A server of texts, each piece of which is sent when the test says so."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self.left = asyncio.Event()
        routes = [Route(CHAT, self.chat, methods=["POST"]), Route("/v1/embeddings", self.embed, methods=["POST"])]
        self.app = Starlette(routes=routes)

    async def chat(self, _: Request) -> Response:
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def embed(self, _: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"embedding": [0.1]}], "usage": {"prompt_tokens": 1}})

    async def _stream(self) -> AsyncIterator[bytes]:
        try:
            while piece := await self.pieces.get():
                yield piece
        finally:
            self.left.set()

    def write(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.pieces.put_nowait(piece)


@pytest.fixture
def writer() -> Writer:
    return Writer()


@pytest.fixture
async def chat(writer: Writer, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(writer.app, tmp_path, serving("OpenAI", task="Generation", warm_up_seconds=0)) as it:
        yield it


async def test_each_piece_arrives_before_the_next_is_made(chat: Served, writer: Writer) -> None:
    headers = {"x-serinus-split": STAMP}
    async with asyncio.timeout(10), chat.session.post(chat.url + CHAT, json=ASKED, headers=headers) as response:
        receipt = response.headers["x-serinus-receipt"]  # before there is a piece
        for word in ("one", "two", "three"):
            writer.write(event(word))
            assert await response.content.readuntil(b"\n\n") == event(word)
        writer.write(event("", "stop"), b"data: [DONE]\n\n", b"")
        await response.read()
    await chat.requests({"ANSWERED": 1})
    assert (await chat.counts())["predictions"] == {"stop": PARTS}
    assert chat.read(receipt).prediction == ""
    assert await chat.label({"receipt": receipt, "label": True}) == ["counted"]


async def test_of_a_long_stream_the_end_counts(chat: Served, writer: Writer) -> None:
    words = [event("word" * 50) for _ in range(8_000)]
    writer.write(b": welcome\n\n", *words, event("", "length"), b"data: [DONE]\n\n", b"")
    reply = await chat.ask(ASKED, CHAT)
    assert len(reply.body) > 2 * 2**20
    await chat.requests({"ANSWERED": 1})
    counts = await chat.counts()
    assert counts["predictions"] == {"length": PARTS}
    assert "undecoded" not in counts


async def test_a_client_that_leaves_a_stream_is_aborted(chat: Served, writer: Writer) -> None:
    async with chat.session.post(chat.url + CHAT, json=ASKED, headers={"x-serinus-split": STAMP}) as response:
        writer.write(event("one"))
        await response.content.readuntil(b"\n\n")
        response.close()
    await asyncio.wait_for(writer.left.wait(), 5)
    await chat.requests({"ABORTED": 1})


async def test_embeddings_count_and_predict_nothing(chat: Served) -> None:
    reply = await chat.ask({"model": "m", "input": "hello"}, "/v1/embeddings")
    assert chat.read(reply.receipt).prediction == ""
    counts = await chat.counts()
    assert counts["requests"] == {"ANSWERED": 1}
    assert "predictions" not in counts


@pytest.mark.parametrize("size", [1, 7, 1000, 70_000])
def test_what_is_kept_of_a_stream_is_bounded_and_begins_with_an_event(size: int) -> None:
    kept = KeptStream()
    stream = b"".join(event("word") for _ in range(10_000))
    for start in range(0, len(stream), size):
        kept.add(stream[start : start + size], more=True)
    assert kept.body is None
    kept.add(b"", more=False)
    assert kept.body
    assert kept.body.startswith(event("word"))
    assert stream.endswith(kept.body)
    assert len(kept.body) <= 2 * END_OF_STREAM


def test_a_stream_without_an_event_in_its_end_is_not_captured() -> None:
    kept = KeptStream()
    kept.add(b"x" * 10 * END_OF_STREAM, more=False)
    assert kept.body is None
