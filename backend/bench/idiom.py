"""(d) The usual idiom of templates and tutorials: a new Supabase client for each request, in a synchronous route."""

import os
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from supabase import Client, create_client

from app.models.canvas import Canvas
from app.models.workspace import Workspace, WorkspaceCreate

app = FastAPI()


def open_client(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> Client:
    """A client that acts with the caller's token."""
    client = create_client(os.environ["SUPABASE_URL"], os.environ["SUPABASE_PUBLISHABLE_KEY"])
    client.postgrest.auth(credentials.credentials)
    return client


Supabase = Annotated[Client, Depends(open_client)]


@app.get("/health")
async def check_health() -> None:
    """The process lives."""


@app.get("/v1/workspaces/{workspace_id}")
def get_workspace(workspace_id: UUID, supabase: Supabase) -> Workspace:
    """One row."""
    answer = supabase.table("workspaces").select("*").eq("id", str(workspace_id)).single().execute()
    return Workspace.model_validate(answer.data)


@app.get("/v1/workspaces")
def list_workspaces(supabase: Supabase, limit: int = 50) -> list[Workspace]:
    """The caller's workspaces, the one changed last first."""
    answer = supabase.table("workspaces").select("*").order("updated_at", desc=True).limit(limit).execute()
    return [Workspace.model_validate(row) for row in answer.data]


@app.post("/v1/workspaces", status_code=status.HTTP_201_CREATED)
def create_workspace(new: WorkspaceCreate, supabase: Supabase) -> Workspace:
    """A new row."""
    answer = supabase.table("workspaces").insert(new.model_dump(mode="json")).execute()
    return Workspace.model_validate(answer.data[0])


@app.get("/v1/workspaces/{workspace_id}/canvas")
def get_canvas(workspace_id: UUID, supabase: Supabase) -> Canvas:
    """The canvas by the same function of the database."""
    answer = supabase.rpc("canvas", {"workspace_id": str(workspace_id)}).single().execute()
    return Canvas.model_validate(answer.data)
