"""`/v1/workspaces`"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from app.dependencies import IfMatch, SourceFiles, Workspaces
from app.errors import IdTakenError, WriteConflictError
from app.models.workspace import Workspace, WorkspaceCopy, WorkspaceCreate, WorkspaceQuery, WorkspaceUpdate
from app.responses import (
    FOUND,
    LISTED,
    TAGGED,
    TAGGED_CHANGED,
    TAGGED_DELETED,
    Responses,
    created,
    problems,
)
from app.sharing_errors import LimitReachedError, OwnerOnlyError, ReadOnlyError

router = APIRouter(prefix="/v1/workspaces", tags=["workspaces"])

_MADE = FOUND | created(Workspace) | problems(IdTakenError, WriteConflictError, LimitReachedError)
COPIED: Responses = {status: response for status, response in _MADE.items() if status != 200}
"""A copy is never repeated: what a second request with the same `id` asks for is another moment's."""


@router.post("", status_code=status.HTTP_201_CREATED, responses=created(Workspace), response_model=Workspace)
async def create_workspace(new: WorkspaceCreate, workspaces: Workspaces) -> Response:
    """Open a workspace owned by the caller."""
    return await workspaces.create(new)


@router.get("", responses=LISTED, response_model=list[Workspace])
async def list_workspaces(query: Annotated[WorkspaceQuery, Query()], workspaces: Workspaces) -> Response:
    """List the caller's workspaces and those shared with the caller, the one in use last first."""
    return await workspaces.list(query)


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


@router.delete(
    "/{workspace_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=TAGGED_DELETED | problems(ReadOnlyError, OwnerOnlyError),
)
async def delete_workspace(workspace_id: UUID, workspaces: Workspaces, versions: IfMatch, files: SourceFiles) -> None:
    """Delete a workspace and everything in it, files too. Only its owner may."""
    await files.discard(await workspaces.delete(workspace_id, versions))


@router.post(
    "/{workspace_id}/copy",
    status_code=status.HTTP_201_CREATED,
    responses=COPIED,
    response_model=Workspace,
)
async def copy_workspace(
    workspace_id: UUID, new: WorkspaceCopy, workspaces: Workspaces, files: SourceFiles
) -> Response:
    """Copy a workspace into a new one of the caller's own: its sources with their files and text, its labs as nobody
    has worked on them yet, its edges and layout. Chat, runs, members and trash are not copied.

    Whoever may read a workspace may copy it. An `id` that is taken is refused, also by an earlier copy.
    """
    return await workspaces.copy(workspace_id, new, files)
