"""The rival `bare`: what FastAPI itself costs. The gateway without its routes, plain ones of FastAPI in their place.

Logs, metrics, middleware and token check are the gateway's own, and routes ask for their context as any would. None has
an upstream: their rows were made once.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Query, status

from app.dependencies import RequestContext
from app.main import create_app
from app.models.workspace import Workspace, WorkspaceCreate, WorkspaceQuery

ROW = {
    "id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
    "owner_id": "5e0a8f52-3c1b-4d57-8a9e-6b7c2d1f0e33",
    "name": "Linear algebra, part 1",
    "viewport": {"x": -120.0, "y": 40.0, "zoom": 0.75},
    "version": 1,
    "created_at": "2026-11-23T09:30:00.125120Z",
    "updated_at": "2026-11-23T10:05:12.482314Z",
    "active_at": "2026-11-23T10:05:12.482314Z",
    "role": "owner",
}
ROWS = [Workspace.model_validate(ROW) for _ in range(100)]

app = create_app()
app.router.routes.clear()


@app.get("/health")
async def check_health() -> None:
    """The process lives."""


@app.get("/v1/workspaces/{workspace_id}")
async def get_workspace(workspace_id: UUID, _: RequestContext) -> Workspace:
    """One row."""
    return ROWS[0]


@app.get("/v1/workspaces")
async def list_workspaces(query: Annotated[WorkspaceQuery, Query()], _: RequestContext) -> list[Workspace]:
    """As many rows as are asked for."""
    return ROWS[: query.limit]


@app.post("/v1/workspaces", status_code=status.HTTP_201_CREATED)
async def create_workspace(new: WorkspaceCreate, _: RequestContext) -> Workspace:
    """The row as if it were there now."""
    return ROWS[0]
