"""The way to Supabase over HTTP."""

from collections.abc import Iterable
from typing import NamedTuple

import aiohttp
import httpx
from yarl import URL

from app.config import Settings
from app.errors import BadUpstreamError

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""The largest answer the gateway takes from upstream: several times a canvas of 5,000 well-filled nodes."""


class Answer(NamedTuple):
    """What an HTTP server answered, read whole."""

    status: int
    body: bytes


class Pool:
    """One shared pool of aiohttp's connections, which cost a third of httpx's, and no memory.

    Cookies are neither kept nor sent (one caller's would travel with the next one's request), redirects are not
    followed, nothing is retried. `transport` replaces the network in tests.
    """

    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._stand_in = transport and httpx.AsyncClient(transport=transport)
        wait = settings.CONNECT_TIMEOUT
        self._connections = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=settings.UPSTREAM_CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=wait, sock_connect=wait),
        )
        # aiohttp repeats a DELETE on a stale connection by itself; a write is never repeated here.
        self._connections._retry_connection = False

    async def request(
        self, method: str, url: URL, headers: Iterable[tuple[str, str]] = (), content: bytes | None = None
    ) -> Answer:
        """Send one request and read its answer whole, up to `MAX_ANSWER_BYTES`.

        Raises `httpx.ConnectError` when nothing was sent, another `httpx.TransportError` when the answer was lost, and
        `BadUpstreamError`.
        """
        if self._stand_in:
            response = await self._stand_in.request(method, str(url), headers=list(headers), content=content)
            return Answer(response.status_code, response.content)
        try:
            async with self._connections.request(
                method, url, headers=headers, data=content, allow_redirects=False
            ) as answer:
                return Answer(answer.status, await _read(answer.content))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise httpx.ConnectError(str(error)) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise httpx.ReadError(str(error)) from error

    async def aclose(self) -> None:
        """Close all connections."""
        await self._connections.close()


async def _read(stream: aiohttp.StreamReader) -> bytes:
    chunks = []
    size = 0
    async for chunk in stream.iter_any():
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise BadUpstreamError
        chunks.append(chunk)
    return b"".join(chunks)
