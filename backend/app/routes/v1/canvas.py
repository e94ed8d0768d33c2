"""`/v1/workspaces/{workspace_id}/canvas` and `/jsoncanvas`"""

from uuid import UUID

import httpx
from fastapi import APIRouter, Response, status

from app.answers import ElementAnswer, json_answer
from app.dependencies import DatabaseSession, SourceFiles
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
from app.models.json_canvas import JsonCanvas
from app.responses import EDITED, FOUND, problems
from app.services import canvas

router = APIRouter(prefix="/v1/workspaces/{workspace_id}", tags=["canvas"])


@router.get("/canvas", response_model=Canvas, responses=FOUND)
async def get_canvas(workspace_id: UUID, session: DatabaseSession) -> Response:
    """Load a whole canvas at once, in the shape of React Flow's `toObject()`."""
    return _whole(*await canvas.open_canvas(session, "canvas", workspace_id))


@router.patch(
    "/canvas",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=EDITED | problems(InvalidRequestError, UnknownNodeError, WriteConflictError),
)
async def update_canvas(workspace_id: UUID, layout: CanvasUpdate, session: DatabaseSession) -> None:
    """Move and resize nodes and set the viewport: all of it or nothing. The last write wins; no `version` changes."""
    await canvas.save_layout(session, workspace_id, layout)


@router.post(
    "/canvas",
    response_model=CanvasEdited,
    responses=EDITED
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
async def edit_canvas(
    workspace_id: UUID, changes: CanvasEdit, session: DatabaseSession, files: SourceFiles
) -> Response:
    """Create, copy, delete and restore nodes and edges: all of it or nothing.

    With ids of your own in `create` and `copy` a repeated request is harmless. What one answer has as `deleted` is what
    another request sends as `restore`. Nodes and edges in the trash are kept for seven days.
    """
    edited, unused = await canvas.edit_canvas(session, workspace_id, changes)
    await files.discard(unused)
    return json_answer(edited)


@router.get("/jsoncanvas", response_model=JsonCanvas, responses=FOUND)
async def get_json_canvas(workspace_id: UUID, session: DatabaseSession) -> Response:
    """Save a canvas as a JSON Canvas 1.0 file (jsoncanvas.org), as Obsidian and others open it.

    Sources and labs become cards; a source with an address in `metadata.url` becomes a link. Names of handles that are
    sides (`top`, `right`, `bottom`, `left`) say where an edge begins and ends.
    """
    answer = _whole(*await canvas.open_canvas(session, "json_canvas", workspace_id))
    answer.headers["Content-Disposition"] = f'attachment; filename="{workspace_id}.canvas"'
    return answer


def _whole(first: bytes, rest: httpx.Response | None) -> Response:
    return ElementAnswer(first, rest) if rest else json_answer(first[1:-1])
