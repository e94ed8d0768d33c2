"""Tables whose rows are deleted in a way of their own: most by functions of the database, which tell what files no
source refers to any more."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from app.errors import ProblemError
from app.services.db import Session, write_refusal
from app.services.leases import RUNNING
from app.services.tables import Table
from app.sharing_errors import AskerOnlyError


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
    """The messages, of which an answer that is being written is deleted by who has asked, or the workspace's owner."""

    async def refusal(self, session: Session, row: Any) -> ProblemError:
        """As that of `Table`; to editors `AskerOnlyError` for an answer that is being written."""
        if msgspec.json.decode(row.status) in RUNNING:
            return await write_refusal(session, row.workspace_id, AskerOnlyError())
        return await super().refusal(session, row)


async def _delete(
    session: Session, function: str, row_id: UUID, versions: frozenset[int] | None, **more: str
) -> Sequence[str]:
    arguments = {"id": str(row_id), "versions": None if versions is None else sorted(versions), **more}
    return await session.read(session.call(function, arguments), _read_paths, function)


_read_paths = msgspec.json.Decoder(list[str]).decode
