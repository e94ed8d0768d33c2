"""(b) What FastAPI itself costs: the gateway's middleware, token check and models, and rows made once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, Query, Response, status

from app import auth, metrics
from app.config import get_settings
from app.dependencies import AccessToken
from app.main import create_app, spare_collector
from app.models.workspace import Workspace, WorkspaceCreate, WorkspaceQuery
from app.services.pool import Pool

ROW = {
    "id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
    "owner_id": "5e0a8f52-3c1b-4d57-8a9e-6b7c2d1f0e33",
    "name": "Linear algebra, part 1",
    "viewport": {"x": -120.0, "y": 40.0, "zoom": 0.75},
    "version": 1,
    "created_at": "2026-11-23T09:30:00.125120Z",
    "updated_at": "2026-11-23T10:05:12.482314Z",
}
WORKSPACE = Workspace.model_validate(ROW)
ONE = [WORKSPACE]
HUNDRED = [Workspace.model_validate(ROW) for _ in range(100)]
CANVAS = b'{"nodes":[],"edges":[],"viewport":{}}'.ljust(120_000)


Caller = Annotated[auth.Caller, Depends(AccessToken(lambda request, response, caller: caller))]


def like_the_gateway() -> FastAPI:
    """An app without routes, with the gateway's logs, metrics, middleware, token check and care of memory."""
    settings = get_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = Pool(settings)
        app.state.verifier = auth.Verifier(settings, pool)
        if settings.METRICS_PORT:
            metrics.serve(settings.METRICS_PORT)
        spare_collector()
        yield
        await pool.aclose()

    app = FastAPI(
        lifespan=lifespan, telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False}
    )
    app.user_middleware = create_app(settings).user_middleware
    return app


app = like_the_gateway()


@app.get("/health")
async def check_health() -> None:
    """The process lives."""


@app.get("/v1/workspaces/{workspace_id}")
async def get_workspace(workspace_id: UUID, caller: Caller) -> Workspace:
    """One row."""
    return WORKSPACE


@app.get("/v1/workspaces")
async def list_workspaces(query: Annotated[WorkspaceQuery, Query()], caller: Caller) -> list[Workspace]:
    """A hundred rows, or one."""
    return HUNDRED if query.limit == len(HUNDRED) else ONE


@app.post("/v1/workspaces", status_code=status.HTTP_201_CREATED)
async def create_workspace(new: WorkspaceCreate, caller: Caller) -> Workspace:
    """The row as if it were there now."""
    return WORKSPACE


@app.get("/v1/workspaces/{workspace_id}/canvas")
async def get_canvas(workspace_id: UUID, caller: Caller) -> Response:
    """As many bytes as a canvas of 200 nodes has."""
    return Response(CANVAS, media_type="application/json")
