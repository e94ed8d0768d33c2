"""`/v1/labs`"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from app.dependencies import CodeRunner, IfMatch, Labs, SourceFiles
from app.errors import (
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    UnknownSourceError,
    UpstreamUnavailableError,
    WriteConflictError,
)
from app.lab_errors import (
    LabNotReadyError,
    NoSolutionError,
    RunnerUnavailableError,
    SolutionHiddenError,
    WrongLabTypeError,
)
from app.models.lab import Lab, LabCreate, LabQuery, LabUpdate
from app.models.lab_run import LabRun, LabRunCreate, LabRunQuery, Solution
from app.responses import (
    EDITED,
    FOUND,
    LISTED,
    TAGGED,
    TAGGED_CHANGED,
    TAGGED_DELETED,
    Responses,
    created,
    header,
    problems,
)

router = APIRouter(prefix="/v1/labs", tags=["labs"])

DOWNLOADED: Responses = {
    200: {
        "description": "The file.",
        "content": {
            "application/zip": {"schema": {"type": "string", "format": "binary"}},
            "text/plain": {"schema": {"type": "string"}},
        },
        "headers": {"Content-Disposition": header("Names the file.")},
    },
    **FOUND,
    **problems(WrongLabTypeError, LabNotReadyError),
}


@router.post("", status_code=status.HTTP_201_CREATED, responses=created(Lab, UnknownSourceError), response_model=Lab)
async def create_lab(new: LabCreate, labs: Labs) -> Response:
    """Lay a lab on the canvas."""
    return await labs.create(new)


@router.get("", responses=LISTED, response_model=list[Lab])
async def list_labs(query: Annotated[LabQuery, Query()], labs: Labs) -> Response:
    """List a workspace's labs, the oldest first."""
    return await labs.list(query)


@router.get("/{lab_id}", responses=TAGGED, response_model=Lab)
async def get_lab(lab_id: UUID, labs: Labs) -> Response:
    """Read one lab, with all that was generated for it."""
    return await labs.get(lab_id)


@router.patch(
    "/{lab_id}", responses=TAGGED_CHANGED | problems(InvalidRequestError, UnknownSourceError), response_model=Lab
)
async def update_lab(lab_id: UUID, change: LabUpdate, labs: Labs, versions: IfMatch) -> Response:
    """Change a lab. Moving it leaves `version` and `updated_at` as they are."""
    return await labs.update(lab_id, change, versions)


@router.delete("/{lab_id}", status_code=status.HTTP_204_NO_CONTENT, responses=TAGGED_DELETED)
async def delete_lab(lab_id: UUID, labs: Labs, versions: IfMatch, files: SourceFiles) -> None:
    """Take a lab off the canvas, with its edges. It can be restored."""
    await files.discard(await labs.delete(lab_id, versions))


@router.post(
    "/{lab_id}/run",
    responses=EDITED
    | problems(
        WrongLabTypeError,
        LabNotReadyError,
        WriteConflictError,
        OverloadedError,
        UpstreamUnavailableError,
        RunnerUnavailableError,
    ),
    response_model=LabRun,
)
async def run_lab(lab_id: UUID, attempt: LabRunCreate, labs: Labs, runner: CodeRunner) -> Response:
    """Run code against the tests of a code lab. The result is kept, the newest 50 of each lab; when every test passes,
    the lab's `status` becomes `completed`."""
    return await labs.run(lab_id, attempt.code, runner)


@router.get("/{lab_id}/runs", responses=FOUND | LISTED, response_model=list[LabRun])
async def list_lab_runs(lab_id: UUID, query: Annotated[LabRunQuery, Query()], labs: Labs) -> Response:
    """List what was run in a lab, the newest first."""
    return await labs.list_runs(lab_id, query)


@router.post(
    "/{lab_id}/reset", responses=TAGGED | EDITED | problems(LabNotReadyError, WriteConflictError), response_model=Lab
)
async def reset_lab(lab_id: UUID, labs: Labs) -> Response:
    """Start a lab over: `status` is `in_progress` and `user_state` empty again. Its runs stay."""
    return await labs.reset(lab_id)


@router.get("/{lab_id}/download", responses=DOWNLOADED, response_class=Response)
async def download_lab(lab_id: UUID, labs: Labs) -> Response:
    """Download a code lab as a zip that runs with plain Python (`python run_tests.py`), or flashcards as a text file
    that Anki imports."""
    return await labs.download(lab_id)


@router.get(
    "/{lab_id}/solution",
    responses=problems(NotFoundError, NoSolutionError, SolutionHiddenError),
    response_model=Solution,
)
async def get_lab_solution(lab_id: UUID, labs: Labs) -> Response:
    """Read the reference solution of a lab that is `completed` or `given_up`."""
    return await labs.solution(lab_id)
