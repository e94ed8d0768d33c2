"""`/v1/workspaces/{workspace_id}/canvas`"""

from uuid import UUID

from fastapi import Response, status

from app.answers import ElementAnswer, json_answer
from app.dependencies import DatabaseSession
from app.errors import (
    DuplicateError,
    IdTakenError,
    InvalidRequestError,
    UnknownEdgeError,
    UnknownNodeError,
    UnknownSourceError,
    WriteConflictError,
)
from app.models.canvas import Canvas, CanvasUpdate
from app.models.canvas_edit import CanvasEdit, CanvasEdited
from app.responses import FOUND, problems, resource_router
from app.services import canvas

router = resource_router("/v1/workspaces/{workspace_id}/canvas", "canvas")


@router.get("", response_model=Canvas, responses=FOUND)
async def get_canvas(workspace_id: UUID, session: DatabaseSession) -> Response:
    """Load a whole canvas at once, in the shape of React Flow's `toObject()`."""
    first, rest = await canvas.open_canvas(session, workspace_id)
    return ElementAnswer(first, rest) if rest else json_answer(first[1:-1])


@router.patch(
    "",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=FOUND | problems(InvalidRequestError, UnknownNodeError, WriteConflictError),
)
async def update_canvas(workspace_id: UUID, layout: CanvasUpdate, session: DatabaseSession) -> None:
    """Move and resize nodes and set the viewport: all of it or nothing. The last write wins; no `version` changes."""
    await canvas.save_layout(session, workspace_id, layout)


@router.post(
    "",
    response_model=CanvasEdited,
    responses=FOUND
    | problems(
        InvalidRequestError,
        UnknownNodeError,
        UnknownEdgeError,
        UnknownSourceError,
        IdTakenError,
        DuplicateError,
        WriteConflictError,
    ),
)
async def edit_canvas(workspace_id: UUID, changes: CanvasEdit, session: DatabaseSession) -> Response:
    """Create, copy, delete and restore nodes and edges: all of it or nothing.

    With ids of your own in `create` and `copy` a repeated request is harmless. What one answer has as `deleted` is what
    another request sends as `restore`. Nodes and edges in the trash are kept for seven days.
    """
    return json_answer(await canvas.edit_canvas(session, workspace_id, changes))
