"""Workspaces as one caller may use them: what can be done with them beyond the five operations."""

from typing import Any
from uuid import UUID

from fastapi import Response, status

from app.errors import IdTakenError, ProblemError
from app.models.workspace import WorkspaceCopy
from app.resources import Collection
from app.services.files import Files
from app.services.sharing import abandon_copy, begin_copy


class WorkspaceCollection(Collection):
    """The workspaces that a caller may read, for one request."""

    async def copy(self, workspace_id: UUID, new: WorkspaceCopy, files: Files) -> Response:
        """Copy a workspace: 201 with the `Location` of the new one."""
        values = new.model_dump(mode="json")
        new_id = values.pop("id", None)
        try:
            row = await self._copy(workspace_id, new_id, values, files)
        except IdTakenError:
            if not new_id or not await self._sees(new_id):
                raise
            raise IdTakenError(existing=new_id) from None
        workspaces = self._request.scope["path"].rsplit("/", 2)[0]
        return self._answer(row, status.HTTP_201_CREATED, {"Location": f"{workspaces}/{row.id}"})

    async def _copy(self, workspace_id: UUID, new_id: str | None, values: dict[str, Any], files: Files) -> Any:
        copy = await begin_copy(self._session, workspace_id, new_id)
        try:
            missing = await files.copy(copy.paths)
            finish = {"copy_id": copy.id, "missing": missing, **values}
            return await self._table.call(self._session, "finish_copy", finish)
        except ProblemError:
            if await abandon_copy(self._session, copy):  # else the rows may be there, and name the files
                await files.discard(list(copy.paths.values()))
            raise

    async def _sees(self, workspace_id: str) -> bool:
        try:
            await self._table.check(self._session, UUID(workspace_id))
        except ProblemError:
            return False
        return True
