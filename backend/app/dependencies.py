"""What a route may ask for: the caller, and each resource as that caller may see and change it."""

import re
from collections.abc import Callable
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Header, Request, Response, status
from fastapi.security import HTTPBearer
from pydantic import WithJsonSchema

from app import auth
from app.errors import MalformedRequestError
from app.models.chat_message import ChatMessage
from app.models.edge import Edge
from app.models.lab import Lab
from app.models.page import PageQuery
from app.models.source import Source
from app.models.types import Input, Row
from app.models.workspace import Workspace
from app.services.db import Database, Session, Table

R = TypeVar("R", bound=Row)
T = TypeVar("T")

# W3C Trace Context, section 3.2.
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class AccessToken(HTTPBearer, Generic[T]):
    """The `Authorization` header as a security scheme of OpenAPI, and as a dependency whatever it opens.

    `open_` makes that of the verified caller. It is no dependency of its own, since FastAPI takes as long over one
    dependency within another as the gateway over building a query.
    """

    def __init__(self, open_: Callable[[Request, Response, auth.Caller], T]) -> None:
        super().__init__(
            bearerFormat="JWT",
            scheme_name="AccessToken",
            description="The `access_token` that Supabase's login service gives a user.",
        )
        self._open = open_

    async def __call__(self, request: Request, response: Response) -> T:  # type: ignore[override]
        """What the token opens. Raises as `authenticate` does."""
        return self._open(request, response, await auth.authenticate(request.scope))


def open_session(request: Request, response: Response, caller: auth.Caller) -> Session:
    """The caller's access to the data API for this request."""
    identity = {"Authorization": f"Bearer {caller.token}", "X-Request-ID": request.state.request_id}
    trace = request.headers.get("traceparent", "")
    if _TRACE.fullmatch(trace):
        identity["traceparent"] = trace
    database: Database = request.app.state.database
    request.state.session = session = database.session(identity)
    return session


DatabaseSession = Annotated[Session, Depends(AccessToken(open_session))]


# RFC 9110, section 8.8.3: an entity tag, weak or strong.
_ETAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_ETAGS = re.compile(rf"{_ETAG}(?:[ \t]*,[ \t]*{_ETAG})*")
MAX_VERSIONS = 100
"""That `If-Match` may list: all of them go upstream in an address."""
_VERSION = re.compile(r'(?<!W/)"([1-9][0-9]{0,8})"')


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


IfMatch = Annotated[frozenset[int] | None, Depends(read_versions)]


class Collection(Generic[R]):
    """One resource over HTTP, for one request: a table's rows, and the headers that go with them."""

    def __init__(
        self, table: Table[R], session: Session, caller: auth.Caller, request: Request, response: Response
    ) -> None:
        self.caller = caller
        self._table = table
        self._session = session
        self._request = request
        self._response = response

    async def create(self, new: Input) -> R:
        """Create a row: 201 with its `Location`, or 200 when the same id was created here before."""
        row, is_new = await self._table.create(self._session, new)
        if not is_new:
            self._response.status_code = status.HTTP_200_OK
        self._response.headers["Location"] = f"{self._path}/{row.id}"
        return self._tagged(row)

    async def list(self, query: PageQuery, **scope: str) -> list[R]:
        """A page of rows, with `Link` to the next page when there is one."""
        rows, following = await self._table.list(self._session, query, **scope)
        if following:
            asked = [(name, value) for name, value in self._request.query_params.multi_items() if name != "cursor"]
            url = f"{self._path}?{urlencode([*asked, ('cursor', following.encode())])}"
            self._response.headers["Link"] = f'<{url}>; rel="next"'
        return rows

    async def get(self, row_id: UUID) -> R:
        """One row."""
        return self._tagged(await self._table.get(self._session, row_id))

    async def update(self, row_id: UUID, change: Input, versions: frozenset[int] | None = None) -> R:
        """Change the sent fields of one row, when it has one of the versions."""
        return self._tagged(await self._table.update(self._session, row_id, change, versions))

    async def delete(self, row_id: UUID, versions: frozenset[int] | None = None) -> None:
        """Delete one row, when it has one of the versions."""
        await self._table.delete(self._session, row_id, versions)

    @property
    def _path(self) -> str:
        return self._request.url.path

    def _tagged(self, row: R) -> R:
        if version := getattr(row, "version", None):
            self._response.headers["ETag"] = f'"{version}"'
        return row


def collection(table: Table[R]) -> AccessToken[Collection[R]]:
    """A dependency that opens the table for the caller."""

    def open_collection(request: Request, response: Response, caller: auth.Caller) -> Collection[R]:
        return Collection(table, open_session(request, response, caller), caller, request, response)

    return AccessToken(open_collection)


Workspaces = Annotated[Collection[Workspace], Depends(collection(Table("workspaces", Workspace, searched="name")))]
Sources = Annotated[Collection[Source], Depends(collection(Table("sources", Source, searched="title")))]
Labs = Annotated[Collection[Lab], Depends(collection(Table("labs", Lab)))]
ChatMessages = Annotated[Collection[ChatMessage], Depends(collection(Table("chat_messages", ChatMessage)))]
Edges = Annotated[Collection[Edge], Depends(collection(Table("edges", Edge)))]
