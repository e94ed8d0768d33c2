"""An upstream of constant cost: answers each kind of request with bytes that a real PostgREST once answered.

Run as `python -m bench.static PORT FILE`. The file is a JSON list of [needle, answer]: a request is answered by the
first whose needle is in its head.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import cast

import uvloop

_LENGTH = b"content-length:"


class Static(asyncio.Protocol):
    """A connection. Knows as much of HTTP as its clients need: keep-alive, and bodies of a known length."""

    def __init__(self, answers: list[tuple[bytes, bytes]]) -> None:
        self.answers = answers
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = self.received[:end]
            body = end + 4
            if not head.startswith(b"GET"):
                _, _, rest = head.lower().partition(_LENGTH)
                body += int(rest.partition(b"\r\n")[0] or 0)
            if len(self.received) < body:
                return
            self.received = self.received[body:]
            self.transport.write(next(answer for needle, answer in self.answers if needle in head))


async def serve(port: int, answers: list[tuple[bytes, bytes]]) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Static(answers), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    port, file = sys.argv[1:]
    answers = [(needle.encode(), answer.encode()) for needle, answer in json.loads(Path(file).read_text())]
    uvloop.run(serve(int(port), answers))


if __name__ == "__main__":
    main()
