"""Labs as one caller may use them: what can be done with them beyond the five operations."""

from urllib.parse import quote
from uuid import UUID

from fastapi import Request, Response

from app.answers import json_answer
from app.models.lab_run import LabRun, LabRunQuery
from app.resources import Collection
from app.services import labs
from app.services.db import Session
from app.services.runner import Runner
from app.services.tables import Table

_RUNS = Table("lab_runs", LabRun)


class LabCollection(Collection):
    """The labs that a caller sees, with their runs, for one request."""

    def __init__(self, table: Table, session: Session, request: Request) -> None:
        super().__init__(table, session, request)
        self._runs = Collection(_RUNS, session, request)

    async def run(self, lab_id: UUID, code: str, runner: Runner) -> Response:
        """Run code against the lab's tests, and keep the result."""
        lab = await self._table.get(self._session, lab_id)
        return await self._runs.call("record_run", await labs.run_code(runner, lab, code))

    async def list_runs(self, lab_id: UUID, query: LabRunQuery) -> Response:
        """A page of the lab's runs."""
        return await self.list_within(lab_id, self._runs, query, lab_id=str(lab_id))

    async def reset(self, lab_id: UUID) -> Response:
        """Start the lab over."""
        return await self.call("reset_lab", {"lab_id": str(lab_id)})

    async def download(self, lab_id: UUID) -> Response:
        """The lab as a file."""
        name, made = labs.export(await self._table.get(self._session, lab_id))
        # RFC 6266, section 4.1: the name in UTF-8, so that nothing in a title ends the field.
        disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        return Response(made.content, headers={"Content-Disposition": disposition}, media_type=made.media_type)

    async def solution(self, lab_id: UUID) -> Response:
        """The lab's reference solution."""
        return json_answer(await labs.read_solution(self._session, lab_id))
