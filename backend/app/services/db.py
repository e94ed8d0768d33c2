"""The data API: the one module that speaks to Supabase's PostgREST. The Supabase client builds and sends its queries.

One client and one pool of connections serve everybody. Identity is bound to each query when it is sent. Rows are not
rebuilt: the gateway reads identifiers, versions and timestamps, and passes on the rest as the bytes it came as.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar
from uuid import UUID

import httpx
import msgspec
from postgrest import AsyncRequestBuilder, AsyncRPCFilterRequestBuilder
from postgrest.base_request_builder import RequestConfig
from supabase import AsyncClient, AsyncClientOptions

from app import metrics
from app.config import Settings
from app.context import Context
from app.errors import (
    BadUpstreamError,
    ConnectionLostError,
    ProblemError,
    UpstreamUnavailableError,
)
from app.services.pool import MAX_REFUSAL_BYTES, read_whole
from app.services.refusals import unreadable, upstream_problem
from app.sharing_errors import ReadOnlyError

SCHEMA_VERSION = "20261126000410"
"""The newest of `supabase/migrations` that the gateway's queries rely on."""

MAX_PAGE_BYTES = 16 * 1024 * 1024
"""The largest answer that is held in memory. A page of rows that would be larger ends earlier."""

DETACHED_SECONDS = 6.0
"""How long a query may take that no request's deadline bounds: two of them fit into the lease of a turn."""

_IN_UTC = "timezone=UTC"

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Query(Protocol):
    """A query that the Supabase client's builder has built."""

    @property
    def request(self) -> RequestConfig[httpx.AsyncClient]: ...


class Database:
    """The shared way to Supabase: one client for the life of the process."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        self.client = AsyncClient(
            settings.SUPABASE_URL,
            settings.publishable_key,
            AsyncClientOptions(httpx_client=http, auto_refresh_token=False, persist_session=False),
        )
        # Without it a query that has no identity is sent without a token.
        del self.client.postgrest.headers["Authorization"]

    def session(self, context: Context) -> "Session":
        """Access to the data API as the caller of this request, and as nobody else."""
        return Session(self.client, context.identity(), context)

    async def schema_version(self) -> str:
        """The newest migration that the database has: the one question that needs no user."""
        session = Session(self.client, {}, None)
        query = session.call("schema_version", {}, read_only=True)
        return await session.read(query, msgspec.json.Decoder(str).decode, "schema_version")


class Session:
    """One caller's access to the data API, for the length of one request."""

    __slots__ = ("_client", "_context", "_identity", "_seconds")

    def __init__(
        self,
        client: AsyncClient,
        identity: Mapping[str, str],
        context: Context | None,
        seconds: float | None = None,
    ) -> None:
        """`identity` are the headers that say who asks. `context` counts the memory and time that answers take.
        `seconds` bounds each query; without it the request's deadline does."""
        self._client = client
        self._identity = identity
        self._context = context
        self._seconds = seconds

    def table(self, name: str) -> AsyncRequestBuilder:
        """Begin a query of a table."""
        return self._client.postgrest.from_(name)

    def call(
        self, function: str, arguments: Mapping[str, Any], *, read_only: bool = False
    ) -> AsyncRPCFilterRequestBuilder:
        """A call of a database function."""
        return self._client.postgrest.rpc(function, dict(arguments), get=read_only)

    async def send(self, query: Query, *, one: bool = False) -> bytes:
        """Send the query; the answer's body. Raises as `open` does, and `BadUpstreamError` when it is larger than
        `MAX_PAGE_BYTES`."""
        body = await self.fetch(query, one=one)
        if body is None:
            raise BadUpstreamError
        return body

    async def read(self, query: Query, decode: Callable[[bytes], T], what: str, *, one: bool = False) -> T:
        """As `send`, decoded. Raises `BadUpstreamError` when the answer is not `what` it is taken for."""
        return decoded(decode, await self.send(query, one=one), what)

    def detached(self) -> "Session":
        """The same caller's access for work that outlives the request: each query is bounded by `DETACHED_SECONDS`, and
        the memory of its answers is not counted."""
        return Session(self._client, self._identity, None, DETACHED_SECONDS)

    async def fetch(self, query: Query, *, one: bool = False) -> bytes | None:
        """As `send`, but None when the body is larger than `MAX_PAGE_BYTES`."""
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self.open(query, one=one)
                return await read_whole(answer, MAX_PAGE_BYTES, self.count)
        except (httpx.TransportError, TimeoutError) as error:
            raise lost(query, error) from error

    async def perform(self, function: str, arguments: Mapping[str, Any]) -> None:
        """Call a database function that answers nothing. Raises as `send` does."""
        answer = await self.send(self.call(function, arguments))
        if answer not in {b"", b"null"}:
            raise unreadable(answer)

    async def open(self, query: Query, *, one: bool = False) -> httpx.Response:
        """Send the query; its answer, the body unread, to be closed.

        With `one` it must concern exactly one row, which is answered as an object. Raises `NotFoundError` when it
        concerns none, else what `upstream_problem` makes of a refusal, or `lost` of a broken connection.
        """
        request = query.request
        said = {**self._identity, "Prefer": _IN_UTC}
        if one:
            said["Accept"] = "application/vnd.pgrst.object+json"
        if prefer := request.headers.get("Prefer"):
            request.headers["Prefer"] = f"{prefer},{_IN_UTC}"
        headers = httpx.Headers(said)
        started_at = time.perf_counter()
        outcome = "failed"
        try:
            try:
                answer = await request.send(headers)
            except httpx.ConnectError:
                raise
            except httpx.TransportError:
                # Supabase may have closed a connection that was kept alive. Reading again is harmless, once.
                if request.http_method != "GET":
                    raise
                answer = await request.send(headers)
            outcome = str(answer.status_code)
            if answer.status_code > 299:
                body = await read_whole(answer, MAX_REFUSAL_BYTES)
                problem = upstream_problem(answer.status_code, body or b"")
                lost_nothing = request.http_method == "GET" and isinstance(problem, ConnectionLostError)
                raise UpstreamUnavailableError if lost_nothing else problem
        except httpx.TransportError as error:
            raise lost(query, error) from error
        finally:
            seconds = time.perf_counter() - started_at
            if self._context:
                self._context.upstream_seconds += seconds
            metrics.upstream.labels(request.http_method, outcome).observe(seconds)
        return answer

    async def count(self, piece: bytes) -> None:
        """Count a piece of an answer as memory of the request, until it ends. Raises `OverloadedError`."""
        if self._context:
            await self._context.memory.grow(2 * len(piece))  # it is there once more when it is written again


def lost(query: Query, error: httpx.TransportError | TimeoutError) -> ProblemError:
    """What a broken connection means to a caller: only of a write it is unknown whether it happened."""
    refused = isinstance(error, httpx.ConnectError)
    return UpstreamUnavailableError() if refused or query.request.http_method == "GET" else ConnectionLostError()


async def write_refusal(
    session: Session, workspace_id: UUID | str | None, refusal: ProblemError, *, to_editors: ProblemError | None = None
) -> ProblemError:
    """What a refused write in a workspace means: `ReadOnlyError` to its viewers, `to_editors` to those who may write
    there, else the refusal itself."""
    role = workspace_id and await read_role(session, workspace_id)
    if not role:
        return refusal
    return ReadOnlyError() if role == "viewer" else to_editors or refusal


async def read_role(session: Session, workspace_id: UUID | str) -> str | None:
    """The caller's role in a workspace, or None when it is hidden from the caller."""
    select = session.table("my_workspaces").select("role").eq("id", workspace_id)
    found = await session.read(select, _read_roles, "my_workspaces")
    return str(found[0].role) if found else None


_Membership: Any = msgspec.defstruct("Membership", [("role", str)])
_read_roles = msgspec.json.Decoder(list[_Membership]).decode


def decoded(decode: Callable[[bytes], T], body: bytes, what: str) -> T:
    """The body, decoded. Raises `BadUpstreamError` when it is not `what` it is taken for."""
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        logger.warning("%s cannot be read: %s", what, error)
        raise unreadable(body) from error
