"""An upstream of constant cost: repeats what the real one answered to the first request of each kind.

Run as `python -m bench.static PORT UPSTREAM_PORT`. Requests of a kind have the same method and address, but for the
UUIDs in it.
"""

import asyncio
import re
import socket
import sys
from functools import partial
from typing import cast

import uvloop

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f-]{27}")
CONNECTION = re.compile(rb"\r\nconnection: [^\r]*", re.IGNORECASE)


class Static(asyncio.Protocol):
    """A connection. Knows as much of HTTP as its clients need: keep-alive, and bodies of a known length."""

    def __init__(self, upstream_port: int, answers: dict[bytes, bytes]) -> None:
        self.upstream_port = upstream_port
        self.answers = answers
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            length = None if self.received.startswith(b"GET") else LENGTH.search(self.received, 0, end)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self.received) < size:
                return
            request, self.received = self.received[:size], self.received[size:]
            kind = UUID.sub(b"", request[: request.index(b"\r\n")])
            if kind not in self.answers:
                self.answers[kind] = self.ask(request)
            self.transport.write(self.answers[kind])

    def ask(self, request: bytes) -> bytes:
        """The real answer, as it goes over the wire; it ends with its connection."""
        with socket.create_connection(("127.0.0.1", self.upstream_port), timeout=10) as upstream:
            head, _, body = CONNECTION.sub(b"", request, count=1).partition(b"\r\n\r\n")
            upstream.sendall(head + b"\r\nConnection: close\r\n\r\n" + body)
            return CONNECTION.sub(b"", b"".join(iter(partial(upstream.recv, 1 << 20), b"")), count=1)


async def serve(port: int, upstream_port: int) -> None:
    answers: dict[bytes, bytes] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Static(upstream_port, answers), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(*map(int, sys.argv[1:])))
