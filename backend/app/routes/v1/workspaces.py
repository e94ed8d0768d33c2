"""`/v1/workspaces`"""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response, status

from app.dependencies import Caller, IfMatch, SourceFiles, Workspaces
from app.models.workspace import Workspace, WorkspaceCreate, WorkspaceQuery, WorkspaceUpdate
from app.responses import LISTED, TAGGED, TAGGED_CHANGED, TAGGED_DELETED, created, resource_router

router = resource_router("/v1/workspaces", "workspaces")


@router.post("", status_code=status.HTTP_201_CREATED, responses=created(Workspace), response_model=Workspace)
async def create_workspace(new: WorkspaceCreate, workspaces: Workspaces) -> Response:
    """Open a workspace owned by the caller."""
    return await workspaces.create(new)


@router.get("", responses=LISTED, response_model=list[Workspace])
async def list_workspaces(
    query: Annotated[WorkspaceQuery, Query()], workspaces: Workspaces, caller: Caller
) -> Response:
    """List the caller's workspaces, the one in use last first."""
    return await workspaces.list(query, owner_id=caller.id)


@router.get("/{workspace_id}", responses=TAGGED, response_model=Workspace)
async def get_workspace(workspace_id: UUID, workspaces: Workspaces) -> Response:
    """Read one workspace."""
    return await workspaces.get(workspace_id)


@router.patch("/{workspace_id}", responses=TAGGED_CHANGED, response_model=Workspace)
async def update_workspace(
    workspace_id: UUID, change: WorkspaceUpdate, workspaces: Workspaces, versions: IfMatch
) -> Response:
    """Rename a workspace or move its viewport."""
    return await workspaces.update(workspace_id, change, versions)


@router.delete("/{workspace_id}", status_code=status.HTTP_204_NO_CONTENT, responses=TAGGED_DELETED)
async def delete_workspace(workspace_id: UUID, workspaces: Workspaces, versions: IfMatch, files: SourceFiles) -> None:
    """Delete a workspace and everything in it, files too."""
    await files.discard(await workspaces.delete(workspace_id, versions))
