"""HTTP to Supabase: the client that the Supabase client is given, over one pool of connections."""

import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from io import BytesIO
from types import TracebackType
from typing import Self

import aiohttp
import httpx
from yarl import URL

from app import metrics
from app.config import Settings
from app.memory import UNCOUNTED_BYTES

LARGE_BYTES = 64 * 1024
"""A larger body is sent in pieces, as a file is, so that other requests go on meanwhile."""

MAX_REFUSAL_BYTES = 64 * 1024
"""So much is read of an answer that is a refusal."""

IDLE_SECONDS = 15.0
"""A connection that was idle for so long is not used again. Servers have to keep theirs for longer: a request that is
sent on one just when it is closed is lost."""

FAILURE_SECONDS = 30.0
"""One line in the log for each kind of failure in this time."""

_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
_LOST = (aiohttp.ClientError, TimeoutError, OSError)
# Of a failure, the first of these that it is.
_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "its name is not found (DNS)"),
    (aiohttp.ClientConnectorCertificateError, "its certificate is not trusted"),
    (aiohttp.ClientSSLError, "TLS failed"),
    (aiohttp.ClientHttpProxyError, "the proxy does not let it through"),
    (aiohttp.ConnectionTimeoutError, "no connection within CONNECT_TIMEOUT, to it or free in the pool"),
    (aiohttp.ServerDisconnectedError, "it closed the connection"),
    (TimeoutError, "it did not answer in time"),
    (ConnectionRefusedError, "it refused the connection"),
    (ConnectionResetError, "it reset the connection"),
)

logger = logging.getLogger(__name__)


class Failures:
    """Tells the log why Supabase could not be reached, without flooding it."""

    def __init__(self) -> None:
        self._told_at: dict[str, float] = {}
        self._untold: Counter[str] = Counter()

    def tell(self, error: BaseException) -> None:
        """Log the cause, unless one of its kind was logged within `FAILURE_SECONDS`: those are counted."""
        cause = getattr(error, "os_error", error)
        kind = next((text for cls, text in _KINDS if isinstance(error, cls) or isinstance(cause, cls)), "it failed")
        now = time.monotonic()
        if now - self._told_at.get(kind, float("-inf")) < FAILURE_SECONDS:
            self._untold[kind] += 1
            return
        self._told_at[kind] = now
        untold = self._untold.pop(kind, 0)
        more = f" ({untold} more like it before)" if untold else ""
        logger.warning("Supabase cannot be used: %s%s: %s", kind, more, _text(error))


def _text(error: BaseException) -> str:
    """What may be told of a failure: aiohttp's text of a refusal by the proxy has its address, password and all."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"status {error.status}"
    return str(error) or type(error).__name__


class AiohttpClient(httpx.AsyncClient):
    """An httpx client that sends by aiohttp, which costs a third of what httpx's own transport does.

    Cookies are neither kept nor sent (one caller's would travel with the next one's request), redirects are not
    followed, nothing is retried. To be used as a context, `async with client`, within one event loop at a time.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(transport=httpx.AsyncBaseTransport())
        self._limit = settings.UPSTREAM_CONNECTIONS
        self._wait = settings.CONNECT_TIMEOUT
        self._proxy = settings.proxy
        self._session: aiohttp.ClientSession
        self._failures = Failures()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._limit, keepalive_timeout=IDLE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=self._proxy,
            timeout=aiohttp.ClientTimeout(total=None, connect=self._wait, sock_connect=self._wait),
        )
        # aiohttp repeats a DELETE on a stale connection by itself; a write is never repeated here. It has no public
        # setting: https://github.com/aio-libs/aiohttp/issues/10790
        self._session._retry_connection = False
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self._session.close()

    async def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        *,
        content: bytes | AsyncIterator[bytes] | None = None,
        params: httpx.QueryParams | None = None,
        headers: httpx.Headers | None = None,
        auth: None = None,
    ) -> httpx.Response:
        """Send one request. The answer's body is not read yet: whoever asked bounds it (`read_whole`), and closes it.

        Raises `httpx.ConnectError` when nothing was sent, else another `httpx.TransportError`.
        """
        metrics.upstream_in_flight.inc()
        try:
            response = await self._session.request(
                method,
                URL(url).with_query(params.multi_items()) if params else url,
                headers=headers.multi_items() if headers else None,
                data=BytesIO(content) if isinstance(content, bytes) and len(content) > LARGE_BYTES else content,
                allow_redirects=False,
            )
        except BaseException as error:
            metrics.upstream_in_flight.dec()
            if not isinstance(error, _LOST):
                raise
            self._failures.tell(error)
            kind = httpx.ConnectError if isinstance(error, _NOT_SENT) else httpx.ReadError
            raise kind(_text(error)) from error
        return httpx.Response(response.status, headers=response.raw_headers, stream=_Body(response, self._failures))


class _Body(httpx.AsyncByteStream):
    """The body of an answer, as it comes."""

    __slots__ = ("_failures", "_is_open", "_response")

    def __init__(self, response: aiohttp.ClientResponse, failures: Failures) -> None:
        self._response = response
        self._failures = failures
        self._is_open = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while piece := await self._response.content.readany():
                yield piece
        except _LOST as error:
            self._failures.tell(error)
            raise httpx.ReadError(_text(error)) from error

    async def aclose(self) -> None:
        self._response.close()
        if self._is_open:
            self._is_open = False
            metrics.upstream_in_flight.dec()


async def read_whole(
    answer: httpx.Response, most: int, count: Callable[[bytes], Awaitable[None]] | None = None
) -> bytes | None:
    """The answer's body, or None when it is larger than `most` bytes. Closes the answer.

    `count` is told of each piece beyond the first `UNCOUNTED_BYTES`. Raises `httpx.ReadError`.
    """
    pieces = []
    size = 0
    try:
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        async for piece in answer.stream:
            size += len(piece)
            if size > most:
                return None
            if size > UNCOUNTED_BYTES and count:
                await count(piece)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    finally:
        await answer.aclose()
