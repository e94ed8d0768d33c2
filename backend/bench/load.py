"""The load generator: keeps a number of connections busy, each with one request at a time, and times the answers."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import cast
from uuid import uuid4

import httptools
import uvloop

Journey = Sequence[bytes]
"""Requests as they go over the wire, sent one after the other; `{uuid}` in one becomes a new id each time."""


@dataclass
class Load:
    """What came of it."""

    responses: int = 0
    seconds: float = 0
    times: list[float] = field(default_factory=list)
    """Milliseconds, one for each journey."""


class Connection(asyncio.Protocol):
    """A connection to the server. httptools calls `on_message_complete`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)
        self.parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.status.set_result(self.parser.get_status_code())

    def connection_lost(self, error: Exception | None) -> None:
        if not self.status.done():
            self.status.set_exception(error or ConnectionResetError())

    async def send(self, request: bytes) -> None:
        """Returns with the end of the answer. Raises OSError unless it is a success: a figure of failures is none."""
        self.status = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        if not 200 <= await self.status < 300:
            raise OSError(f"a request is answered {self.status.result()}: {request[:200]!r}")


async def _load(url: str, journeys: Sequence[Journey], connections: int, seconds: float, amount: float) -> Load:
    result = Load()
    host, port = url.removeprefix("http://").split(":")
    loop = asyncio.get_running_loop()

    async def repeat(journey: Journey) -> None:
        transport, connection = await loop.create_connection(Connection, host, int(port))
        while time.perf_counter() - started_at < seconds and result.responses < amount:
            begun_at = time.perf_counter()
            for request in journey:
                if b"{uuid}" in request:
                    request = request.replace(b"{uuid}", str(uuid4()).encode())
                await connection.send(request)
            result.times.append(1000 * (time.perf_counter() - begun_at))
            result.responses += len(journey)
        transport.close()

    started_at = time.perf_counter()
    await asyncio.gather(*(repeat(journey) for journey in islice(cycle(journeys), connections)))
    result.seconds = time.perf_counter() - started_at
    return result


def run(
    url: str, journeys: Sequence[Journey], *, connections: int = 1, seconds: float = math.inf, amount: float = math.inf
) -> Load:
    """Repeats the journeys, one on each connection, until `seconds` or `amount` responses are over, and finishes those
    that have begun."""
    return uvloop.run(_load(url, journeys, connections, seconds, amount))
