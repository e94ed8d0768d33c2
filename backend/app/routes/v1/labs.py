"""`/v1/labs`"""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response, status

from app.dependencies import IfMatch, Labs
from app.errors import InvalidRequestError, UnknownSourceError
from app.models.lab import Lab, LabCreate, LabQuery, LabUpdate
from app.responses import LISTED, TAGGED, TAGGED_CHANGED, TAGGED_DELETED, created, problems, resource_router

router = resource_router("/v1/labs", "labs")


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
async def delete_lab(lab_id: UUID, labs: Labs, versions: IfMatch) -> None:
    """Take a lab off the canvas, with its edges. It can be restored."""
    await labs.delete(lab_id, versions)
