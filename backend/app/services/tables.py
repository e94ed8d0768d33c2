"""Tables of the data API as the API's resources: their rows, listed, read and changed."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from postgrest import AsyncSelectRequestBuilder
from pydantic import AwareDatetime

from app.errors import (
    BadUpstreamError,
    DuplicateError,
    IdTakenError,
    NotFoundError,
    ProblemError,
    StaleVersionError,
    UnknownNodeError,
    WriteConflictError,
)
from app.models.page import Cursor, PageQuery, SearchQuery, SequenceQuery
from app.models.types import Input, Row
from app.services.db import Session, decoded, write_refusal
from app.services.refusals import FAULTS
from app.services.repeats import differing
from app.sharing_errors import ReadOnlyError

FEW_ROWS = 3
"""So many rows and one more always fit into `MAX_PAGE_BYTES`: no row has 4 MiB."""

# The columns that are read, by their type in the model, and what they become. All others stay the bytes they came as.
_READ: Mapping[Any, Any] = {
    UUID: str,
    int: int,
    AwareDatetime: datetime,
    AwareDatetime | None: datetime | None,
}


class Page(NamedTuple):
    """Rows as JSON, and where the next page begins if there is one."""

    body: bytes
    following: Cursor | None


class Table:
    """A table's rows as the API's resources: what sources, labs, edges and the others have in common.

    Knows nothing of who asks: that is the `Session` given to each call.
    """

    def __init__(self, name: str, row: type[Row], *, searched: str | None = None, unique: tuple[str, ...] = ()) -> None:
        """`row` documents the columns; `searched` is the one that a list's `q` looks into. No two rows have the same
        values in all columns that are `unique`."""
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
        self.is_versioned = "version" in kinds

    async def create(self, session: Session, new: Input) -> tuple[Any, bool]:
        """Insert a row; the row, and whether it is new.

        When the client's own id is there already in the same workspace with what is sent, that row is the answer: the
        request is a repetition. Raises `IdTakenError`, `DuplicateError`, `UnknownNodeError`, `NotFoundError`,
        `ReadOnlyError` and `WriteConflictError`.
        """
        values = new.model_dump(mode="json")
        insert = session.table(self.name).insert(values).select(self._columns)
        try:
            return await session.read(insert, self._row, self.name, one=True), True
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
            # Whoever may write there by now was given the role back meanwhile.
            again = WriteConflictError()
            raise await write_refusal(session, values.get("workspace_id"), refusal, to_editors=again) from None

    async def _in_the_way(self, session: Session, key: Mapping[str, Any]) -> Any | None:
        """The row with these values, if the caller sees exactly one."""
        select = session.table(self.name).select(self._columns)
        for column, value in key.items():
            select = select.is_(column, "null") if value is None else select.eq(column, value)
        try:
            return await session.read(select, self._row, self.name, one=True)
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
        rows = decoded(self._rows, body, self.name)
        if len(rows) <= limit:
            return Page(_to_json(rows), None)
        last = rows[limit - 1]
        return Page(_to_json(rows[:limit]), Cursor(query.order, getattr(last, column), UUID(last.id)))

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
        return await session.read(select, self._row, self.name, one=True)

    async def check(self, session: Session, row_id: UUID) -> None:
        """Raise `NotFoundError` when there is no row of this id that the caller may see."""
        await session.send(session.table(self.name).select("id").eq("id", row_id), one=True)

    async def call(self, session: Session, function: str, arguments: Mapping[str, Any]) -> Any:
        """The one row that a function of the database answers. Raises what the function does."""
        return await session.read(session.call(function, arguments), self._row, self.name, one=True)

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
        return decoded(self._row, await self._write(session, update, row_id, versions, self._columns), self.name)

    async def delete(self, session: Session, row_id: UUID, versions: frozenset[int] | None) -> Sequence[str]:
        """Delete a row for good; the files that no source refers to any more. Raises as `update` does."""
        delete = session.table(self.name).delete().eq("id", row_id)
        decoded(_read_id, await self._write(session, delete, row_id, versions, "id"), self.name)
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
            raise await self.refusal(session, row) from None

    async def refusal(self, session: Session, row: Any) -> ProblemError:
        """Why the caller, who sees the row, may not write it."""
        return ReadOnlyError()


async def _located(session: Session, workspace_id: str, request: Input, refusal: UnknownNodeError) -> UnknownNodeError:
    """The refusal with the place in the request of each node that is unknown."""
    named = {place: str(node_id) for place, node_id in request.named_nodes().items()}
    ids = sorted(set(named.values()))
    query = session.table("workspaces").select("sources(id),labs(id)").eq("id", workspace_id)
    try:
        query = query.in_("sources.id", ids).in_("labs.id", ids)
        known = await session.read(query, _read_nodes, "nodes", one=True)
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
_read_id = msgspec.json.Decoder(_Id).decode
_Nodes: Any = msgspec.defstruct("Nodes", [("sources", list[_Id]), ("labs", list[_Id])])
_read_nodes = msgspec.json.Decoder(_Nodes).decode


def _literal_pattern(text: str) -> str:
    """A regular expression that matches the text itself. `ilike` will not do: its `*` cannot be escaped."""
    return re.sub(r"([\\.*+?()\[\]{}^$|])", r"\\\1", text)


def _after(select: Any, column: str, position: Cursor, *, descending: bool) -> Any:
    """Rows after the position. The plain bound is what lets Postgres begin at the position in the index; the `or`
    alone would make it read all rows before it."""
    value = position.value.isoformat() if isinstance(position.value, datetime) else position.value
    bound, beyond = (select.lte, "lt") if descending else (select.gte, "gt")
    return bound(column, value).or_(f'{column}.{beyond}."{value}",id.{beyond}.{position.id}')
