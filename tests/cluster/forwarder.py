"""The way from the machine into a cluster's network: listens on loopback, connects inside.

Started by `local` inside the cluster's namespace with sockets that were made to listen outside it, as
`python -m tests.cluster.forwarder DESCRIPTOR=ADDRESS:PORT...`.
"""

import asyncio
import contextlib
import socket
import sys

CHUNK = 64 * 1024


async def main(arguments: list[str]) -> None:
    async with contextlib.AsyncExitStack() as servers:
        for argument in arguments:
            descriptor, _, target = argument.partition("=")
            address, _, port = target.rpartition(":")
            server = await _serve(socket.socket(fileno=int(descriptor)), address, int(port))
            await servers.enter_async_context(server)
        await asyncio.Event().wait()


async def _serve(listening: socket.socket, address: str, port: int) -> asyncio.Server:
    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            inner_reader, inner_writer = await asyncio.open_connection(address, port, limit=CHUNK)
            with contextlib.closing(inner_writer):
                await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    return await asyncio.start_server(connect, sock=listening, limit=CHUNK)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies until one side ends; a half-closed connection stays open the other way."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
