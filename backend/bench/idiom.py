"""(d) The usual idiom of templates and tutorials: a new Supabase client for each request, in a synchronous route."""

import os
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from supabase import create_client

from app.models.workspace import Workspace

app = FastAPI()


@app.get("/health")
async def check_health() -> None:
    """The process lives."""


@app.get("/v1/workspaces/{workspace_id}")
def get_workspace(
    workspace_id: UUID, credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
) -> Workspace:
    """One row."""
    client = create_client(os.environ["SUPABASE_URL"], os.environ["SUPABASE_PUBLISHABLE_KEY"])
    client.postgrest.auth(credentials.credentials)
    answer = client.table("workspaces").select("*").eq("id", str(workspace_id)).single().execute()
    return Workspace.model_validate(answer.data)
