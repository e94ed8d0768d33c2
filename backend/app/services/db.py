"""The data API: the one module that speaks to Supabase's PostgREST, in queries that the Supabase client builds.

One client and one pool of connections serve everybody. Identity is bound to each query on its way out.
"""

import logging
import re
import time
from collections.abc import Mapping
from copy import copy
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import httpx
from postgrest import AsyncRequestBuilder, AsyncSelectRequestBuilder
from postgrest.base_request_builder import RequestConfig
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json
from supabase import AsyncClient, AsyncClientOptions

from app import metrics
from app.config import Settings
from app.errors import (
    BadUpstreamError,
    ConnectionLostError,
    DuplicateError,
    IdTakenError,
    NotFoundError,
    StaleVersionError,
    UpstreamUnavailableError,
    upstream_problem,
)
from app.models.canvas import CanvasUpdate
from app.models.page import Cursor, PageQuery
from app.models.types import Input, Row
from app.services.pool import Answer, Pool

SCHEMA_VERSION = "20261124000100"
"""The newest of `supabase/migrations` that the gateway's queries rely on."""

logger = logging.getLogger(__name__)

R = TypeVar("R", bound=Row)
P = TypeVar("P")

_KEY = TypeAdapter(Row)


class Query(Protocol):
    """A query that the Supabase client's builder has built."""

    @property
    def request(self) -> RequestConfig[httpx.AsyncClient]: ...


class Database:
    """The shared way to Supabase: one pool and one client for the life of the process."""

    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.pool = Pool(settings, transport)
        key = settings.SUPABASE_PUBLISHABLE_KEY
        self._selects: dict[tuple[str, str], AsyncSelectRequestBuilder] = {}
        self.client = AsyncClient(
            settings.SUPABASE_URL,
            key.get_secret_value() if key else "sb_publishable_unset",
            AsyncClientOptions(
                httpx_client=httpx.AsyncClient(transport=httpx.AsyncBaseTransport()),
                auto_refresh_token=False,
                persist_session=False,
            ),
        )
        # Without it a query that nobody gave an identity goes out as nobody.
        del self.client.postgrest.headers["Authorization"]

    def select(self, table: str, columns: str) -> AsyncSelectRequestBuilder:
        """Begin to read a table's columns.

        A copy, since the client looks at each letter of the columns: building takes four times as long.
        """
        built = self._selects.get((table, columns))
        if built is None:
            built = self._selects[table, columns] = self.client.postgrest.from_(table).select(columns)
        query = copy(built)
        query.request = copy(built.request)
        return query

    def session(self, identity: Mapping[str, str]) -> "Session":
        """Access to the data API with these headers: one caller's, for the length of one request."""
        return Session(self, identity)

    async def schema_version(self) -> str:
        """The newest migration that the database has: the one question that needs no user."""
        session = self.session({})
        query = session.call("schema_version", {}, read_only=True)
        return TypeAdapter(str).validate_json(await session.send(query))

    async def aclose(self) -> None:
        """Close the pool."""
        await self.pool.aclose()


class Session:
    """One caller's access to the data API: every query it sends carries the caller's own token."""

    __slots__ = ("_database", "_identity", "seconds")

    def __init__(self, database: Database, identity: Mapping[str, str]) -> None:
        self._database = database
        self._identity = identity
        self.seconds = 0.0
        """How long Supabase took over this session's queries, in all."""

    def table(self, name: str) -> AsyncRequestBuilder:
        """Begin a query that changes a table."""
        return self._database.client.postgrest.from_(name)

    def select(self, table: str, columns: str) -> AsyncSelectRequestBuilder:
        """Begin a query that reads a table's columns."""
        return self._database.select(table, columns)

    def call(self, function: str, arguments: Mapping[str, Any], *, read_only: bool = False) -> Query:
        """A call of a database function."""
        return self._database.client.postgrest.rpc(function, dict(arguments), get=read_only)

    async def send(self, query: Query, *, one: bool = False) -> bytes:
        """Send the query; the answer's body. With `one` it must concern exactly one row, which is answered as an
        object, and `NotFoundError` is raised when it concerns none. Raises what `upstream_problem` makes of a refusal,
        `UpstreamUnavailableError` or `DeadlineExceededError`."""
        request = query.request
        method = request.http_method
        started_at = time.perf_counter()
        outcome = "failed"
        metrics.upstream_under_way.inc()
        try:
            answer = await self._exchange(request, one=one)
            outcome = str(answer.status)
        except httpx.TransportError as error:
            refused = isinstance(error, httpx.ConnectError)
            raise (UpstreamUnavailableError if refused or method == "GET" else ConnectionLostError) from error
        finally:
            seconds = time.perf_counter() - started_at
            self.seconds += seconds
            metrics.upstream_under_way.dec()
            metrics.upstream.labels(method, outcome).observe(seconds)
        if answer.status > 299:
            problem = upstream_problem(*answer)
            lost_nothing = method == "GET" and isinstance(problem, ConnectionLostError)
            raise UpstreamUnavailableError if lost_nothing else problem
        return answer.body

    async def _exchange(self, request: RequestConfig[httpx.AsyncClient], *, one: bool) -> Answer:
        # What the client's own `send` does, without httpx, which would cost more than all the rest of the gateway.
        url = request.path.with_query(request.params.multi_items())
        headers = [*self._identity.items(), *request.headers.multi_items()]
        if one:
            headers.append(("Accept", "application/vnd.pgrst.object+json"))
        content = None
        if request.json is not None:
            headers.append(("Content-Type", "application/json"))
            content = to_json(request.json)
        try:
            return await self._database.pool.request(request.http_method, url, headers, content)
        except httpx.ConnectError:
            raise
        except httpx.TransportError:
            # Supabase may have closed a connection that was kept alive. Reading again is harmless, once.
            if request.http_method != "GET":
                raise
            return await self._database.pool.request(request.http_method, url, headers, content)


class Table(Generic[R]):
    """A table's rows as the API's resources: what sources, labs, edges and the others have in common.

    Knows nothing of who asks: that is the `Session` given to each call.
    """

    def __init__(self, name: str, row: type[R], *, searched: str | None = None) -> None:
        """`searched` is the column that a list's `q` looks into."""
        self.name = name
        self._searched = searched
        self._columns = ",".join(row.model_fields)
        self._row: TypeAdapter[R] = TypeAdapter(row)
        self._rows: TypeAdapter[list[R]] = TypeAdapter(list[row])  # type: ignore[valid-type]

    async def create(self, session: Session, new: Input) -> tuple[R, bool]:
        """Insert a row; the row, and whether it is new.

        When the client's own id is there already in the same workspace, that row is the answer: the request is a
        repetition. Raises `IdTakenError` when the id is any other row's, and `DuplicateError`.
        """
        values = new.model_dump(mode="json")
        insert = session.table(self.name).insert(values).select(self._columns)
        try:
            return self._parse(self._row, await session.send(insert, one=True)), True
        except (IdTakenError, DuplicateError):
            if "id" not in values:
                raise
            try:
                row = await self.get(session, values["id"])
            except NotFoundError:
                row = None
            if row is None or str(getattr(row, "workspace_id", None)) != str(values.get("workspace_id")):
                raise
            return row, False

    async def list(self, session: Session, query: PageQuery, **scope: str) -> tuple[list[R], Cursor | None]:
        """A page of rows, and the cursor of the next page when there is one."""
        select = session.select(self.name, self._columns)
        filters = query.model_dump(mode="json", exclude={"limit", "cursor", "order", "q"}, exclude_none=True)
        for column, value in (scope | filters).items():
            select = select.eq(column, value)
        if self._searched and (part := getattr(query, "q", None)):
            select = select.filter(self._searched, "imatch", _literal_pattern(part))
        column, descending = query.order.removeprefix("-"), query.order.startswith("-")
        if position := query.position():
            select = _after(select, column, position, descending=descending)
        select = select.order(column, desc=descending)
        if column != "seq":
            select = select.order("id", desc=descending)
        rows = self._parse(self._rows, await session.send(select.limit(query.limit + 1)))
        if len(rows) <= query.limit:
            return rows, None
        last = rows[query.limit - 1]
        return rows[: query.limit], Cursor(query.order, getattr(last, column), last.id)

    async def get(self, session: Session, row_id: UUID) -> R:
        """The row of this id. Raises `NotFoundError` when there is none that the caller may see."""
        select = session.select(self.name, self._columns).eq("id", row_id)
        return self._parse(self._row, await session.send(select, one=True))

    async def update(self, session: Session, row_id: UUID, change: Input, versions: frozenset[int] | None) -> R:
        """Change the sent fields of a row; the row as it is then.

        `versions` are those the row may have (None: any). Raises `NotFoundError` and `StaleVersionError`.
        """
        values = change.model_dump(mode="json")
        if not values or versions == frozenset():
            row = await self.get(session, row_id)
            _require_version(row, versions)
            return row
        update = session.table(self.name).update(values).eq("id", row_id)
        return self._parse(self._row, await self._write(session, update, row_id, versions, self._columns))

    async def delete(self, session: Session, row_id: UUID, versions: frozenset[int] | None) -> None:
        """Delete a row. Raises as `update` does."""
        if versions == frozenset():
            _require_version(await self.get(session, row_id), versions)
        delete = session.table(self.name).delete().eq("id", row_id)
        self._parse(_KEY, await self._write(session, delete, row_id, versions, "id"))

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
            if versions is None:
                raise
            await self.get(session, row_id)  # a hidden row is not found; one that is there was stale
            raise StaleVersionError from None

    def _parse(self, adapter: TypeAdapter[P], answer: bytes) -> P:
        try:
            return adapter.validate_json(answer)
        except ValidationError as error:
            wrong = [(item["loc"], item["type"]) for item in error.errors(include_input=False)[:3]]
            logger.warning("rows of %s cannot be read: %s", self.name, wrong)
            raise BadUpstreamError from error


async def load_canvas(session: Session, workspace_id: UUID) -> bytes:
    """The canvas as JSON, made by the database's function `canvas`. Raises `NotFoundError`."""
    rows = await session.send(session.call("canvas", {"workspace_id": str(workspace_id)}, read_only=True))
    if rows == b"[]":
        raise NotFoundError
    # A list of one row, since PostgREST parses a single object once more. It is not parsed here either (see `Canvas`),
    # so it must at least be whole from its first byte to its last.
    if not (rows.startswith(b"[{") and rows.endswith(b"}]")):
        raise BadUpstreamError
    return rows[1:-1]


async def save_layout(session: Session, workspace_id: UUID, layout: CanvasUpdate) -> None:
    """Move nodes and set the viewport in one transaction. Raises `NotFoundError` and `UnknownNodeError`."""
    arguments = {"workspace_id": str(workspace_id)} | layout.model_dump(mode="json")
    if await session.send(session.call("arrange_canvas", arguments)) not in {b"", b"null"}:
        raise BadUpstreamError


def _require_version(row: BaseModel, versions: frozenset[int] | None) -> None:
    if versions is not None and getattr(row, "version", None) not in versions:
        raise StaleVersionError


def _literal_pattern(text: str) -> str:
    """A regular expression that matches the text itself. `ilike` will not do: its `*` cannot be escaped."""
    return re.sub(r"([\\.*+?()\[\]{}^$|])", r"\\\1", text)


def _after(select: Any, column: str, position: Cursor, *, descending: bool) -> Any:
    """Rows behind the position. The plain bound is what lets Postgres begin at the position in the index; the `or`
    alone would make it read all rows before it."""
    value = position.value.isoformat() if isinstance(position.value, datetime) else position.value
    if column == "seq":
        return select.lt("seq", value) if descending else select.gt("seq", value)
    bound, beyond = (select.lte, "lt") if descending else (select.gte, "gt")
    return bound(column, value).or_(f'{column}.{beyond}."{value}",id.{beyond}.{position.id}')
