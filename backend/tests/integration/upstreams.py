"""Upstreams that misbehave, on real sockets."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from anyio.from_thread import start_blocking_portal

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes, *, status: str = "200 OK", media: str = "application/json", headers: str = "") -> Behaviour:
    """Answers one request and closes the connection."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(f"{head}{headers}\r\n".encode() + body)
        await writer.drain()

    return behave


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """The next request of the connection; nothing when it was closed."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            head += await reader.readexactly(int(line.split(b":")[1]))
    return head


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Resets the connection instead of an answer."""
    await read_request(reader)
    writer.transport.abort()


async def reset_within_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Resets the connection in the middle of an answer."""
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n[")
    await writer.drain()
    writer.transport.abort()


async def close_within_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes the connection in the middle of a chunked answer."""
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[{\r\n")
    await writer.drain()


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Never answers."""
    while await reader.read(65536):
        pass


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers a byte at a time, so slowly that it never ends."""
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)


async def gush(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers more than anybody can want."""
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    with contextlib.suppress(ConnectionError):
        for _ in range(1024):
            writer.write(chunk)
            await writer.drain()


async def not_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers in another language."""
    await read_request(reader)
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    await writer.drain()


class Upstream:
    """A server that behaves as it is told."""

    def __init__(self) -> None:
        self.behaviour: Behaviour = silence
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self.behaviour(reader, writer)
        writer.close()


@contextlib.contextmanager
def misbehaving_upstream() -> Iterator[Upstream]:
    """An upstream on a free port of this machine, served by a thread of its own."""
    upstream = Upstream()
    with start_blocking_portal() as portal:
        start = partial(asyncio.start_server, upstream._serve, "127.0.0.1", 0, limit=1 << 24)
        server = portal.call(start)
        upstream.port = server.sockets[0].getsockname()[1]
        yield upstream
        portal.call(server.close)
