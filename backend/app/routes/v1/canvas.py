"""`/v1/workspaces/{workspace_id}/canvas`"""

from uuid import UUID

from fastapi import Response, status

from app.dependencies import DatabaseSession
from app.errors import InvalidRequestError, UnknownNodeError, WriteConflictError
from app.models.canvas import Canvas, CanvasUpdate
from app.openapi import FOUND, problems, resource_router
from app.services.db import load_canvas, save_layout

router = resource_router("/v1/workspaces/{workspace_id}/canvas", "canvas")


@router.get("", response_model=Canvas, responses=FOUND)
async def get_canvas(workspace_id: UUID, session: DatabaseSession) -> Response:
    """Load a whole canvas at once, in the shape of React Flow's `toObject()`."""
    return Response(await load_canvas(session, workspace_id), media_type="application/json")


@router.patch(
    "",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=FOUND | problems(InvalidRequestError, UnknownNodeError, WriteConflictError),
)
async def update_canvas(workspace_id: UUID, layout: CanvasUpdate, session: DatabaseSession) -> None:
    """Move nodes and set the viewport: all of it or nothing. The last write wins; no `version` changes."""
    await save_layout(session, workspace_id, layout)
