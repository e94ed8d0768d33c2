"""One resource over HTTP: the status and headers that go with its rows, whichever table they are of."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from fastapi import Header, Request, Response, status
from pydantic import WithJsonSchema

from app.answers import json_answer
from app.context import Context
from app.errors import MalformedRequestError
from app.models.page import PageQuery
from app.models.types import Input
from app.services.db import Database, Session
from app.services.tables import Page, Table

# RFC 9110, section 8.8.3: an entity tag, weak or strong.
_ETAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_ETAGS = re.compile(rf"{_ETAG}(?:[ \t]*,[ \t]*{_ETAG})*")
# Proxies that compress mark our tags as weak. They name content, not bytes, so both forms are the same.
_VERSION = re.compile(r'"([1-9][0-9]{0,8})"')
MAX_VERSIONS = 100
"""That `If-Match` may list: all of them are part of an address upstream."""


async def open_session(request: Request) -> Session:
    """The caller's access to the data API for this request."""
    database: Database = request.app.state.database
    return database.session(Context.of(request.scope))


async def read_versions(
    if_match: Annotated[
        list[str] | None,
        WithJsonSchema({"type": "string", "pattern": rf"^(?:\*|{_ETAGS.pattern})$", "examples": ['"3"']}),
        Header(
            alias="If-Match",
            description='The versions the row may have, as `ETag` gave them: `"3"`, a list of such, or `*` for any.',
        ),
    ] = None,
) -> frozenset[int] | None:
    """The versions that `If-Match` allows; None when any is allowed. Raises `MalformedRequestError`."""
    if if_match is None:
        return None
    value = ",".join(if_match).strip()
    if value == "*":
        return None
    if not _ETAGS.fullmatch(value):
        raise MalformedRequestError('`If-Match` must be `*` or a list of entity tags such as `"3"`.')
    versions = frozenset(map(int, _VERSION.findall(value)))
    if len(versions) > MAX_VERSIONS:
        raise MalformedRequestError(f"`If-Match` lists more than {MAX_VERSIONS} versions.")
    return versions


class Collection:
    """A table's rows as one caller may see and change them, for one request."""

    def __init__(self, table: Table, session: Session, request: Request) -> None:
        self._table = table
        self._session = session
        self._request = request

    async def create(self, new: Input) -> Response:
        """Create a row: 201 with its `Location`, or 200 when the same id was created here before."""
        row, is_new = await self._table.create(self._session, new)
        location = {"Location": f"{self._request.scope['path']}/{row.id}"}
        return self._answer(row, status.HTTP_201_CREATED if is_new else status.HTTP_200_OK, location)

    async def list(self, query: PageQuery, **scope: str) -> Response:
        """A page of rows, with `Link` to the next page when there is one."""
        return self._listed(await self._table.list(self._session, query, **scope))

    async def list_within(self, row_id: UUID, inner: "Collection", query: PageQuery, **scope: str) -> Response:
        """A page of the rows of another table that belong to one of these. Raises `NotFoundError`."""
        page = await inner._table.list(self._session, query, **scope)
        if page.body == b"[]":
            await self._table.check(self._session, row_id)  # what belongs to a hidden row is not found, as the row is
        return self._listed(page)

    def _listed(self, page: Page) -> Response:
        headers = {}
        if page.following:
            asked = [(name, value) for name, value in self._request.query_params.multi_items() if name != "cursor"]
            url = f"{self._request.scope['path']}?{urlencode([*asked, ('cursor', page.following.encode())])}"
            headers["Link"] = f'<{url}>; rel="next"'
        return json_answer(page.body, headers=headers)

    async def get(self, row_id: UUID) -> Response:
        """One row."""
        return self._answer(await self._table.get(self._session, row_id))

    async def update(self, row_id: UUID, change: Input, versions: frozenset[int] | None = None) -> Response:
        """Change the sent fields of one row, when it has one of the versions."""
        return self._answer(await self._table.update(self._session, row_id, change, versions))

    async def delete(self, row_id: UUID, versions: frozenset[int] | None = None) -> Sequence[str]:
        """Delete one row, when it has one of the versions; the files that no source refers to any more."""
        return await self._table.delete(self._session, row_id, versions)

    async def call(self, function: str, arguments: Mapping[str, Any]) -> Response:
        """The row that a function of the database makes or changes."""
        return self._answer(await self._table.call(self._session, function, arguments))

    def _answer(self, row: Any, code: int = status.HTTP_200_OK, headers: dict[str, str] | None = None) -> Response:
        headers = headers or {}
        if self._table.is_versioned:
            headers["ETag"] = f'"{row.version}"'
        return json_answer(msgspec.json.encode(row), code, headers)


C = TypeVar("C", bound=Collection)


def collection(table: Table, kind: type[C]) -> Callable[[Request], Awaitable[C]]:
    """A dependency that opens the table for the caller, as a collection of this kind."""

    async def open_collection(request: Request) -> C:
        return kind(table, await open_session(request), request)

    return open_collection
