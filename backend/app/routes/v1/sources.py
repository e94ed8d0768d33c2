"""`/v1/sources`"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from app.dependencies import IfMatch, SourceFiles, Sources
from app.models.source import Source, SourceCreate, SourceQuery, SourceUpdate
from app.responses import LISTED, TAGGED, TAGGED_CHANGED, TAGGED_DELETED, created

router = APIRouter(prefix="/v1/sources", tags=["sources"])


@router.post("", status_code=status.HTTP_201_CREATED, responses=created(Source), response_model=Source)
async def create_source(new: SourceCreate, sources: Sources) -> Response:
    """Lay a source on the canvas."""
    return await sources.create(new)


@router.get("", responses=LISTED, response_model=list[Source])
async def list_sources(query: Annotated[SourceQuery, Query()], sources: Sources) -> Response:
    """List a workspace's sources, the oldest first."""
    return await sources.list(query)


@router.get("/{source_id}", responses=TAGGED, response_model=Source)
async def get_source(source_id: UUID, sources: Sources) -> Response:
    """Read one source."""
    return await sources.get(source_id)


@router.patch("/{source_id}", responses=TAGGED_CHANGED, response_model=Source)
async def update_source(source_id: UUID, change: SourceUpdate, sources: Sources, versions: IfMatch) -> Response:
    """Change a source. Moving it leaves `version` and `updated_at` as they are."""
    return await sources.update(source_id, change, versions)


@router.delete("/{source_id}", status_code=status.HTTP_204_NO_CONTENT, responses=TAGGED_DELETED)
async def delete_source(source_id: UUID, sources: Sources, versions: IfMatch, files: SourceFiles) -> None:
    """Take a source off the canvas, with its edges. Labs made from it stay as they are. It can be restored."""
    await files.discard(await sources.delete(source_id, versions))
