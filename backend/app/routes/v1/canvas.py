"""`/v1/workspaces/{workspace_id}/canvas`"""

from uuid import UUID

from fastapi import Response, status

from app.answers import ElementAnswer, json_answer
from app.dependencies import DatabaseSession
from app.errors import InvalidRequestError, UnknownNodeError, WriteConflictError
from app.models.canvas import Canvas, CanvasUpdate
from app.responses import FOUND, problems, resource_router
from app.services.db import open_canvas, save_layout

router = resource_router("/v1/workspaces/{workspace_id}/canvas", "canvas")


@router.get("", response_model=Canvas, responses=FOUND)
async def get_canvas(workspace_id: UUID, session: DatabaseSession) -> Response:
    """Load a whole canvas at once, in the shape of React Flow's `toObject()`."""
    first, rest = await open_canvas(session, workspace_id)
    return ElementAnswer(first, rest) if rest else json_answer(first[1:-1])


@router.patch(
    "",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=FOUND | problems(InvalidRequestError, UnknownNodeError, WriteConflictError),
)
async def update_canvas(workspace_id: UUID, layout: CanvasUpdate, session: DatabaseSession) -> None:
    """Move nodes and set the viewport: all of it or nothing. The last write wins; no `version` changes."""
    await save_layout(session, workspace_id, layout)
