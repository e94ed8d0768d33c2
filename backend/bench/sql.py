"""(e) No Supabase API at all: SQLAlchemy and asyncpg, straight to Postgres.

The gateway's middleware, token check and models. Row-level security applies as behind PostgREST: each transaction
takes the caller's role and claims.
"""

import json
import os
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response, status
from pydantic import TypeAdapter
from sqlalchemy import (
    Column,
    DateTime,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Uuid,
    bindparam,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from app.errors import NotFoundError
from app.models.workspace import Workspace, WorkspaceCreate, WorkspaceQuery
from bench.bare import Caller, like_the_gateway

# As many connections as PostgREST opens by default.
engine = create_async_engine(os.environ["BENCH_DSN"], pool_size=10, max_overflow=0)
workspaces = Table(
    "workspaces",
    MetaData(),
    Column("id", Uuid),
    Column("owner_id", Uuid),
    Column("name", String),
    Column("viewport", JSONB),
    Column("version", Integer),
    Column("created_at", DateTime(timezone=True)),
    Column("updated_at", DateTime(timezone=True)),
)
rows = TypeAdapter(list[Workspace])
become = select(
    func.set_config("role", "authenticated", True),
    func.set_config("request.jwt.claims", bindparam("claims", type_=String), True),
)
app = like_the_gateway()


async def open_transaction(caller: Caller) -> AsyncIterator[AsyncConnection]:
    """A transaction in the caller's name."""
    async with engine.begin() as connection:
        await connection.execute(become, {"claims": json.dumps({"sub": caller.id, "role": "authenticated"})})
        yield connection


Transaction = Annotated[AsyncConnection, Depends(open_transaction, scope="function")]


async def _one(transaction: AsyncConnection, query: Select[tuple[object, ...]]) -> Workspace:
    row = (await transaction.execute(query)).one_or_none()
    if row is None:
        raise NotFoundError
    return Workspace.model_validate(row, from_attributes=True)


@app.get("/health")
async def check_health() -> None:
    """The process lives."""


@app.get("/v1/workspaces/{workspace_id}")
async def get_workspace(workspace_id: UUID, transaction: Transaction) -> Workspace:
    """One row."""
    return await _one(transaction, select(workspaces).where(workspaces.c.id == workspace_id))


@app.get("/v1/workspaces")
async def list_workspaces(
    query: Annotated[WorkspaceQuery, Query()], caller: Caller, transaction: Transaction
) -> list[Workspace]:
    """The caller's workspaces, the one changed last first."""
    page = (
        select(workspaces)
        .where(workspaces.c.owner_id == UUID(caller.id))
        .order_by(workspaces.c.updated_at.desc(), workspaces.c.id.desc())
        .limit(query.limit + 1)
    )
    return rows.validate_python((await transaction.execute(page)).all()[: query.limit], from_attributes=True)


@app.post("/v1/workspaces", status_code=status.HTTP_201_CREATED)
async def create_workspace(new: WorkspaceCreate, transaction: Transaction) -> Workspace:
    """A new row."""
    answer = await transaction.execute(insert(workspaces).values(new.model_dump()).returning(workspaces))
    return Workspace.model_validate(answer.one(), from_attributes=True)


@app.get("/v1/workspaces/{workspace_id}/canvas")
async def get_canvas(workspace_id: UUID, transaction: Transaction) -> Response:
    """The canvas by the same function of the database."""
    query = text("select row_to_json(canvas)::text from public.canvas(:id) canvas")
    canvas = (await transaction.execute(query, {"id": workspace_id})).scalar_one_or_none()
    if canvas is None:
        raise NotFoundError
    return Response(canvas, media_type="application/json")
