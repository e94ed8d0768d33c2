"""A workspace's canvas as a whole: what the database's functions read and write in one request each."""

from typing import Any
from uuid import UUID

import httpx
import msgspec

from app.errors import NotFoundError
from app.memory import UNCOUNTED_BYTES
from app.models.canvas import CanvasUpdate
from app.models.canvas_edit import CanvasEdit
from app.services.db import Session, lost
from app.services.refusals import unreadable

MAX_SMALL_CANVAS_BYTES = 256 * 1024
"""Up to this size a canvas is read whole before its answer begins."""


async def open_canvas(session: Session, form: str, workspace_id: UUID) -> tuple[bytes, httpx.Response | None]:
    """The canvas as JSON in a list of one, made by the database's function of this name, `canvas` or `json_canvas`: all
    of it, or its first bytes and the answer with the rest, to be closed. Raises `NotFoundError`."""
    # A list of one row: asked for a single object, PostgREST would parse it once more.
    query = session.call(form, _of(workspace_id), read_only=True)
    answer = await session.open(query)
    rest: httpx.Response | None = answer
    try:
        first = b""
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        async for piece in answer.stream:
            first += piece
            if len(first) > UNCOUNTED_BYTES:
                await session.count(piece)
            if len(first) > MAX_SMALL_CANVAS_BYTES:
                break
        else:
            rest = None
            await answer.aclose()
        if first == b"[]":
            raise NotFoundError
        # It is not parsed here (see `Canvas`), so it must at least be whole from its first byte to its last.
        if not (first.startswith(b"[{") and (rest or first.endswith(b"}]"))):
            raise unreadable(first)
    except BaseException as error:
        await answer.aclose()
        if isinstance(error, httpx.TransportError):
            raise lost(query, error) from error
        raise
    return first, rest


async def save_layout(session: Session, workspace_id: UUID, layout: CanvasUpdate) -> None:
    """Lay out nodes and set the viewport in one transaction. Raises `NotFoundError`, `UnknownNodeError` and
    `InvalidRequestError`."""
    await session.perform("arrange_canvas", _of(workspace_id) | layout.model_dump(mode="json"))


async def edit_canvas(session: Session, workspace_id: UUID, changes: CanvasEdit) -> tuple[bytes, list[str]]:
    """Create, copy, delete and restore in one transaction; the ids that were concerned, as JSON, and the files that no
    source refers to any more.

    Raises `NotFoundError`, `IdTakenError`, `DuplicateError`, and `InvalidRequestError` or what is derived from it. They
    name the place in the request.
    """
    arguments = _of(workspace_id) | {"changes": changes.model_dump(mode="json")}
    edited = await session.read(session.call("edit_canvas", arguments), _read_edited, "edit_canvas")
    unused = msgspec.json.decode(edited.pop("unused", b"[]"), type=list[str])
    return msgspec.json.encode(edited), unused


_read_edited = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def _of(workspace_id: UUID) -> dict[str, Any]:
    return {"workspace_id": str(workspace_id)}
