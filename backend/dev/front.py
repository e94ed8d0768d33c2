"""Makes a PostgREST look like a Supabase: `/rest/v1/...` reaches it at `/...`, a few fixed documents stand beside it.

A process of its own, run as `python -m dev.front`. Answers of PostgREST pass through as the bytes they are; there is
one upstream connection for each of the client's.
"""

import argparse
import asyncio
import contextlib
import json
from typing import cast

import httptools
import uvloop

PREFIX = b"/rest/v1"


def answer(status: bytes, document: object) -> bytes:
    body = json.dumps(document).encode()
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


class Front(asyncio.Protocol):
    """The client's connection. httptools calls the `on_` methods, in the order of the request."""

    def __init__(self, upstream: tuple[str, int], documents: dict[bytes, bytes]) -> None:
        self.upstream = upstream
        self.documents = documents
        self.parser = httptools.HttpRequestParser(self)
        self.back: asyncio.WriteTransport | None = None
        self.connecting: asyncio.Task[None] | None = None
        self.waiting = bytearray()  # for the upstream, until it is connected
        self.head = bytearray()
        self.url = b""
        self.chunked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.client = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.client.write(answer(b"400 Bad Request", {"message": "not HTTP"}))
            self.client.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self.connecting:
            self.connecting.cancel()
        if self.back:
            self.back.close()

    def on_message_begin(self) -> None:
        self.url, self.head, self.chunked = b"", bytearray(), False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.chunked |= name.lower() == b"transfer-encoding"
        self.head += b"%s: %s\r\n" % (name, value)

    def on_headers_complete(self) -> None:
        if not self.url.startswith(PREFIX):
            return
        target = self.url.removeprefix(PREFIX)
        target = target if target.startswith(b"/") else b"/" + target
        self.send(b"%s %s HTTP/1.1\r\n%s\r\n" % (self.parser.get_method(), target, self.head))

    def on_body(self, body: bytes) -> None:
        if self.url.startswith(PREFIX):
            self.send(b"%x\r\n%s\r\n" % (len(body), body) if self.chunked else body)

    def on_message_complete(self) -> None:
        if not self.url.startswith(PREFIX):
            document = self.documents.get(self.url.partition(b"?")[0])
            self.client.write(document or answer(b"404 Not Found", {"message": "no such path"}))
        elif self.chunked:
            self.send(b"0\r\n\r\n")

    def send(self, data: bytes) -> None:
        if self.back:
            self.back.write(data)
            return
        self.waiting += data
        if not self.connecting:
            self.connecting = asyncio.get_running_loop().create_task(self.connect())

    async def connect(self) -> None:
        try:
            back, _ = await asyncio.get_running_loop().create_connection(lambda: Back(self.client), *self.upstream)
        except OSError:
            self.client.write(answer(b"502 Bad Gateway", {"message": "PostgREST does not answer"}))
            self.client.close()
            return
        self.back = back
        back.write(bytes(self.waiting))


class Back(asyncio.Protocol):
    """The connection to PostgREST that belongs to one client."""

    def __init__(self, client: asyncio.WriteTransport) -> None:
        self.client = client

    def data_received(self, data: bytes) -> None:
        self.client.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.client.close()


async def serve(port: int, upstream: tuple[str, int], documents: dict[bytes, bytes]) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Front(upstream, documents), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream-port", type=int, required=True)
    parser.add_argument("--documents", type=json.loads, default={}, help="JSON object: path -> document")
    arguments = parser.parse_args()
    documents = {path.encode(): answer(b"200 OK", document) for path, document in arguments.documents.items()}
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(arguments.port, ("127.0.0.1", arguments.upstream_port), documents))


if __name__ == "__main__":
    main()
