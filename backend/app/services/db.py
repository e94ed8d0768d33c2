"""The data API: the one module that speaks to Supabase's PostgREST. The Supabase client builds and sends its queries.

One client and one pool of connections serve everybody. Identity is bound to each query when it is sent. Rows are not
rebuilt: the gateway reads identifiers, versions and timestamps, and passes on the rest as the bytes it came as.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

import httpx
import msgspec
from postgrest import AsyncRequestBuilder, AsyncSelectRequestBuilder
from postgrest.base_request_builder import RequestConfig
from pydantic import AwareDatetime
from supabase import AsyncClient, AsyncClientOptions

from app import metrics
from app.config import Settings
from app.context import Context
from app.errors import (
    BadUpstreamError,
    ConnectionLostError,
    DuplicateError,
    IdTakenError,
    NotFoundError,
    ProblemError,
    StaleVersionError,
    UnknownNodeError,
    UpstreamUnavailableError,
)
from app.models.page import Cursor, PageQuery, SearchQuery, SequenceQuery
from app.models.types import Input, Row
from app.services.pool import MAX_REFUSAL_BYTES, read_whole
from app.services.refusals import FAULTS, unreadable, upstream_problem
from app.services.repeats import differing
from app.sharing_errors import ReadOnlyError

SCHEMA_VERSION = "20261125000630"
"""The newest of `supabase/migrations` that the gateway's queries rely on."""

MAX_PAGE_BYTES = 16 * 1024 * 1024
"""The largest answer that is held in memory. A page of rows that would be larger ends earlier."""
FEW_ROWS = 3
"""So many rows, and one more, always fit: no row has 4 MiB."""

_IN_UTC = "timezone=UTC"
logger = logging.getLogger(__name__)
T = TypeVar("T")

# What is read of a row, by the type of the column. Whatever is not here passes through.
_READ: Mapping[Any, Any] = {
    UUID: str,
    int: int,
    AwareDatetime: datetime,
    AwareDatetime | None: datetime | None,
}


class Query(Protocol):
    """A query that the Supabase client's builder has built."""

    @property
    def request(self) -> RequestConfig[httpx.AsyncClient]: ...


class Database:
    """The shared way to Supabase: one client for the life of the process."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        key = settings.SUPABASE_PUBLISHABLE_KEY
        self.client = AsyncClient(
            settings.SUPABASE_URL,
            key.get_secret_value() if key else "sb_publishable_unset",
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
        return _read(msgspec.json.Decoder(str).decode, await session.send(query), "schema_version")


class Session:
    """One caller's access to the data API, for the length of one request."""

    __slots__ = ("_client", "_context", "_identity")

    def __init__(self, client: AsyncClient, identity: Mapping[str, str], context: Context | None) -> None:
        """`identity` are the headers that say who asks. `context` counts the memory and time that answers take."""
        self._client = client
        self._identity = identity
        self._context = context

    def table(self, name: str) -> AsyncRequestBuilder:
        """Begin a query of a table."""
        return self._client.postgrest.from_(name)

    def call(self, function: str, arguments: Mapping[str, Any], *, read_only: bool = False) -> Query:
        """A call of a database function."""
        return self._client.postgrest.rpc(function, dict(arguments), get=read_only)

    async def send(self, query: Query, *, one: bool = False) -> bytes:
        """Send the query; the answer's body. Raises as `open` does, and `BadUpstreamError` when it is larger than
        `MAX_PAGE_BYTES`."""
        body = await self.fetch(query, one=one)
        if body is None:
            raise BadUpstreamError
        return body

    async def read(self, query: Query, decode: Callable[[bytes], T], what: str) -> T:
        """As `send`, decoded. Raises `BadUpstreamError` when the answer is not `what` it is taken for."""
        return _read(decode, await self.send(query), what)

    def detached(self) -> "Session":
        """The same caller's access for work that outlives the request. Its answers count as no request's memory."""
        return Session(self._client, self._identity, None)

    async def fetch(self, query: Query, *, one: bool = False) -> bytes | None:
        """As `send`, but None when the body is larger than `MAX_PAGE_BYTES`."""
        answer = await self.open(query, one=one)
        try:
            return await read_whole(answer, MAX_PAGE_BYTES, self._count)
        except httpx.TransportError as error:
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
        headers = httpx.Headers(self._identity)
        if one:
            headers["Accept"] = "application/vnd.pgrst.object+json"
        prefer = request.headers.get("Prefer")
        request.headers["Prefer"] = f"{prefer},{_IN_UTC}" if prefer else _IN_UTC
        started_at = time.perf_counter()
        outcome = "failed"
        metrics.upstream_in_flight.inc()
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
            metrics.upstream_in_flight.dec()
            metrics.upstream.labels(request.http_method, outcome).observe(seconds)
        return answer

    async def _count(self, piece: bytes) -> None:
        if self._context:
            await self._context.memory.grow(2 * len(piece))  # it is there once more when it is written again


def lost(query: Query, error: httpx.TransportError) -> ProblemError:
    """What a broken connection means to a caller: only of a write it is unknown whether it happened."""
    refused = isinstance(error, httpx.ConnectError)
    return UpstreamUnavailableError() if refused or query.request.http_method == "GET" else ConnectionLostError()


class Page(NamedTuple):
    """Rows as JSON, and where the next page begins if there is one."""

    body: bytes
    following: Cursor | None


class Table:
    """A table's rows as the API's resources: what sources, labs, edges and the others have in common.

    Knows nothing of who asks: that is the `Session` given to each call.
    """

    def __init__(self, name: str, row: type[Row], *, searched: str | None = None, unique: tuple[str, ...] = ()) -> None:
        """`row` documents the columns; `searched` is the one that a list's `q` looks into; of those that are `unique`
        together there is one row."""
        self.name = name
        self._searched = searched
        self._unique = unique
        self._columns = ",".join(row.model_fields)
        self._kinds = kinds = {
            column: _READ.get(field.annotation, msgspec.Raw) for column, field in row.model_fields.items()
        }
        shape: Any = msgspec.defstruct(row.__name__, list(kinds.items()), gc=False)
        self._row = msgspec.json.Decoder(shape).decode
        self._rows = msgspec.json.Decoder(list[shape]).decode
        self._values = {column: attrgetter(column) for column in kinds}
        self.is_versioned = "version" in kinds

    async def create(self, session: Session, new: Input) -> tuple[Any, bool]:
        """Insert a row; the row, and whether it is new.

        When the client's own id is there already in the same workspace with what is sent, it is the answer. Raises
        `IdTakenError`, `DuplicateError`, `UnknownNodeError`, `NotFoundError` and `ReadOnlyError`.
        """
        values = new.model_dump(mode="json")
        insert = session.table(self.name).insert(values).select(self._columns)
        try:
            return _read(self._row, await session.send(insert, one=True), self.name), True
        except (IdTakenError, DuplicateError) as refusal:
            columns = ("id",) if isinstance(refusal, IdTakenError) else self._unique
            row = await self._in_the_way(session, {column: values.get(column) for column in columns})
            if row is None:
                raise
            if row.id != values.get("id") or ("workspace_id" in values and row.workspace_id != values["workspace_id"]):
                raise type(refusal)(existing=row.id) from None
            if differ := differing(values, row):
                raise IdTakenError(
                    f"A row with this id is there already, with other content ({', '.join(differ)})."
                    " Change that row, or make a new id.",
                    existing=row.id,
                ) from None
            return row, False
        except UnknownNodeError as refusal:
            raise await _located(session, values["workspace_id"], new, refusal) from None
        except NotFoundError as refusal:
            raise await write_refusal(session, values.get("workspace_id"), refusal) from None

    async def _in_the_way(self, session: Session, key: Mapping[str, Any]) -> Any | None:
        """The one row with these values, if the caller may see it and no other."""
        select = session.table(self.name).select(self._columns)
        for column, value in key.items():
            select = select.is_(column, "null") if value is None else select.eq(column, value)
        try:
            return _read(self._row, await session.send(select, one=True), self.name)
        except NotFoundError:
            return None

    async def list(self, session: Session, query: PageQuery, **scope: str) -> Page:
        """A page of rows, and the cursor of the next page when there is one."""
        column = query.order.removeprefix("-")
        position = query.position(self._kinds[column])
        limit = query.limit
        while (body := await session.fetch(self._select(session, query, position, limit + 1, scope))) is None:
            if limit <= FEW_ROWS:
                raise BadUpstreamError
            limit = FEW_ROWS
        rows = _read(self._rows, body, self.name)
        if len(rows) <= limit:
            return Page(_to_json(rows), None)
        last = rows[limit - 1]
        return Page(_to_json(rows[:limit]), Cursor(query.order, self._values[column](last), UUID(last.id)))

    def _select(
        self, session: Session, query: PageQuery, position: Cursor | None, limit: int, scope: Mapping[str, str]
    ) -> AsyncSelectRequestBuilder:
        select = session.table(self.name).select(self._columns)
        filters = query.model_dump(mode="json", exclude={"limit", "cursor", "order", "q", "after"}, exclude_none=True)
        for name, value in (*scope.items(), *filters.items()):
            select = select.eq(name, value)
        if self._searched and isinstance(query, SearchQuery) and query.q and not query.q.isspace():
            select = select.filter(self._searched, "imatch", _literal_pattern(query.q))
        column, descending = query.order.removeprefix("-"), query.order.startswith("-")
        if isinstance(query, SequenceQuery) and query.after is not None:
            select = select.gt(column, query.after)
        if position:
            select = _after(select, column, position, descending=descending)
        return select.order(column, desc=descending).order("id", desc=descending).limit(limit)

    async def get(self, session: Session, row_id: UUID) -> Any:
        """The row of this id. Raises `NotFoundError` when there is none that the caller may see."""
        select = session.table(self.name).select(self._columns).eq("id", row_id)
        return _read(self._row, await session.send(select, one=True), self.name)

    async def call(self, session: Session, function: str, arguments: Mapping[str, Any]) -> Any:
        """The one row that a function of the database answers. Raises what the function does."""
        return _read(self._row, await session.send(session.call(function, arguments), one=True), self.name)

    async def update(self, session: Session, row_id: UUID, change: Input, versions: frozenset[int] | None) -> Any:
        """Change the sent fields of a row; the row as it is then.

        `versions` are those the row may have (None: any). Raises `NotFoundError`, `ReadOnlyError`, `StaleVersionError`.
        """
        values = change.model_dump(mode="json")
        if not values:
            row = await self.get(session, row_id)
            if versions is not None and row.version not in versions:
                raise StaleVersionError
            return row
        update = session.table(self.name).update(values).eq("id", row_id)
        return _read(self._row, await self._write(session, update, row_id, versions, self._columns), self.name)

    async def delete(self, session: Session, row_id: UUID, versions: frozenset[int] | None) -> Sequence[str]:
        """Delete a row for good; the files that no source refers to any more. Raises as `update` does."""
        delete = session.table(self.name).delete().eq("id", row_id)
        _read(_read_id, await self._write(session, delete, row_id, versions, "id"), self.name)
        return []

    async def _write(
        self,
        session: Session,
        write: AsyncSelectRequestBuilder,
        row_id: UUID,
        versions: frozenset[int] | None,
        columns: str,
    ) -> bytes:
        if versions is not None:
            write = write.in_("version", sorted(versions))
        try:
            return await session.send(write.select(columns), one=True)
        except NotFoundError:
            row = await self.get(session, row_id)  # a hidden row is not found
            if versions is not None and row.version not in versions:
                raise StaleVersionError from None
            raise self._refusal(row) from None

    def _refusal(self, row: Any) -> ProblemError:  # to somebody who reads the row and may not write it
        return ReadOnlyError()


async def write_refusal(session: Session, workspace_id: UUID | str | None, refusal: ProblemError) -> ProblemError:
    """What a refused write in a workspace means: `ReadOnlyError` to its viewers, else the refusal itself."""
    if workspace_id is None:
        return refusal
    select = session.table("my_workspaces").select("role").eq("id", workspace_id).eq("role", "viewer")
    return ReadOnlyError() if await session.read(select, _read_roles, "my_workspaces") else refusal


async def _located(session: Session, workspace_id: str, request: Input, refusal: UnknownNodeError) -> UnknownNodeError:
    """The refusal with the place in the request of each node that is unknown."""
    named = {place: str(node_id) for place, node_id in request.named_nodes().items()}
    ids = sorted(set(named.values()))
    query = session.table("workspaces").select("sources(id),labs(id)").eq("id", workspace_id)
    try:
        answer = await session.send(query.in_("sources.id", ids).in_("labs.id", ids), one=True)
        known = _read(_read_nodes, answer, "nodes")
    except ProblemError:
        return refusal
    found = {node.id for node in (*known.sources, *known.labs)}
    errors = [
        {"loc": place, "msg": FAULTS[refusal.code].format(id=node_id), "type": refusal.code}
        for place, node_id in named.items()
        if node_id not in found
    ]
    return UnknownNodeError(errors=errors) if errors else refusal  # none when the node came meanwhile


_to_json = msgspec.json.Encoder().encode
_Id: Any = msgspec.defstruct("Id", [("id", str)])
_read_roles = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_id = msgspec.json.Decoder(_Id).decode
_Nodes: Any = msgspec.defstruct("Nodes", [("sources", list[_Id]), ("labs", list[_Id])])
_read_nodes = msgspec.json.Decoder(_Nodes).decode


def _read(decode: Callable[[bytes], T], body: bytes, what: str) -> T:
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        logger.warning("%s cannot be read: %s", what, error)
        raise unreadable(body) from error


def _literal_pattern(text: str) -> str:
    """A regular expression that matches the text itself. `ilike` will not do: its `*` cannot be escaped."""
    return re.sub(r"([\\.*+?()\[\]{}^$|])", r"\\\1", text)


def _after(select: Any, column: str, position: Cursor, *, descending: bool) -> Any:
    """Rows after the position. The plain bound is what lets Postgres begin at the position in the index; the `or`
    alone would make it read all rows before it."""
    value = position.value.isoformat() if isinstance(position.value, datetime) else position.value
    bound, beyond = (select.lte, "lt") if descending else (select.gte, "gt")
    return bound(column, value).or_(f'{column}.{beyond}."{value}",id.{beyond}.{position.id}')
