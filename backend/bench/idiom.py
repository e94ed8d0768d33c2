"""The rival `idiom`, of templates and tutorials: a new Supabase client for each request, in a synchronous route."""

import os
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from supabase import Client, create_client

from app.models.workspace import Workspace

app = FastAPI()


def open_client(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> Client:
    """A client that acts with the caller's token."""
    client = create_client(os.environ["SUPABASE_URL"], os.environ["SUPABASE_PUBLISHABLE_KEY"])
    client.postgrest.auth(credentials.credentials)
    return client


@app.get("/health")
async def check_health() -> None:
    """The process lives."""


@app.get("/v1/workspaces/{workspace_id}")
def get_workspace(workspace_id: UUID, supabase: Annotated[Client, Depends(open_client)]) -> Workspace:
    """One row."""
    answer = supabase.table("my_workspaces").select("*").eq("id", str(workspace_id)).single().execute()
    return Workspace.model_validate(answer.data)
