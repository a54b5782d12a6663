"""The way into the cluster's network carries bytes both ways and ends when either side does."""

import asyncio
import socket
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.cluster import forwarder


@asynccontextmanager
async def forwarding_to(port: int) -> AsyncIterator[int]:
    """The port of a forwarder to this port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        outer = listening.getsockname()[1]
        command = [sys.executable, forwarder.__file__, f"{listening.fileno()}=127.0.0.1:{port}"]
        process = await asyncio.create_subprocess_exec(*command, pass_fds=[listening.fileno()])
    try:
        yield outer
    finally:
        process.kill()
        await process.wait()


async def _answer_when_all_was_read(reader: StreamReader, writer: StreamWriter) -> None:
    received = await reader.read()
    writer.write(received[::-1])
    await writer.drain()
    writer.close()


async def _hang_up(_: StreamReader, writer: StreamWriter) -> None:
    writer.close()


async def test_a_large_answer_comes_after_the_client_has_ended_its_side() -> None:
    sent = bytes(range(256)) * 16_384
    server = await asyncio.start_server(_answer_when_all_was_read, "127.0.0.1", 0)
    async with server, forwarding_to(server.sockets[0].getsockname()[1]) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        writer.write_eof()
        received = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert received == sent[::-1]


@pytest.mark.parametrize("listens", [True, False], ids=["hangs up", "is not there"])
async def test_the_client_hears_when_the_other_side(listens: bool) -> None:  # noqa: FBT001 -- a parameter of the table
    server = await asyncio.start_server(_hang_up, "127.0.0.1", 0)
    inner = server.sockets[0].getsockname()[1]
    if not listens:
        server.close()
        await server.wait_closed()
    async with forwarding_to(inner) as port, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    server.close()
