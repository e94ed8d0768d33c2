"""Tables whose rows are deleted in a way of their own: most by functions of the database, which tell what files no
source refers to any more."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from app.errors import ProblemError
from app.services.db import Session, Table
from app.services.refusals import unreadable
from app.sharing_errors import AskerOnlyError

_UNFINISHED = {b'"streaming"', b'"stopping"'}


class TrashedTable(Table):
    """A table whose rows go to the trash when they are deleted, a node's edges along with it."""

    async def delete(self, session: Session, row_id: UUID, versions: frozenset[int] | None) -> Sequence[str]:
        """Put a row into the trash, from where an edit of the canvas restores it. Else as that of `Table`."""
        return await _delete(session, "move_to_trash", row_id, versions, kind=self.name)


class WorkspaceTable(Table):
    """The workspaces, with all that is in them."""

    async def delete(self, session: Session, row_id: UUID, versions: frozenset[int] | None) -> Sequence[str]:
        """As that of `Table`."""
        return await _delete(session, "delete_workspace", row_id, versions)


class MessageTable(Table):
    """The messages, of which an answer that is being written is deleted by who has asked alone."""

    def _refusal(self, row: Any) -> ProblemError:
        return AskerOnlyError() if bytes(row.status) in _UNFINISHED else super()._refusal(row)


async def _delete(
    session: Session, function: str, row_id: UUID, versions: frozenset[int] | None, **more: str
) -> Sequence[str]:
    arguments = {"id": str(row_id), "versions": None if versions is None else sorted(versions), **more}
    answer = await session.send(session.call(function, arguments))
    try:
        return _paths(answer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise unreadable(answer) from error


_paths = msgspec.json.Decoder(list[str]).decode
