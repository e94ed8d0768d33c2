"""`/v1/sources/{source_id}/file` and what is read from it, `/v1/workspaces/{workspace_id}/search`"""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response, status

from app.answers import FileAnswer, json_answer
from app.dependencies import IfMatch, SourceFiles
from app.errors import (
    InvalidRequestError,
    RangeError,
    UnsupportedFileError,
)
from app.models.file import Chapter, FileName, FilePage, FilePageQuery, FoundPage, TextQuery
from app.models.source import Source
from app.responses import FOUND, PAGED, TAGGED_CHANGED, TAGGED_DELETED, header, problems
from app.services.documents import MEDIA_TYPES
from app.services.files import SavedSource, Upload

router = APIRouter(prefix="/v1", tags=["files"])

_BYTES = {"schema": {"type": "string", "format": "binary"}}
_HEADERS = {
    "ETag": header("Names these bytes, for `If-Range`."),
    "Accept-Ranges": header("`bytes`: a part of the file can be asked for."),
    "Content-Disposition": header("Names the file."),
}
_FILE: dict[str, Any] = {
    "description": "The bytes of the file.",
    "headers": _HEADERS,
    "content": dict.fromkeys(MEDIA_TYPES, _BYTES),
}
_SENT = {"requestBody": {"required": True, "content": dict.fromkeys(MEDIA_TYPES, _BYTES)}}
_PART = {
    "description": "The range of the bytes that `Range` asks for.",
    "headers": _HEADERS | {"Content-Range": header("Which bytes these are.")},
    "content": dict.fromkeys(MEDIA_TYPES, _BYTES),
}


@router.put(
    "/sources/{source_id}/file",
    response_model=Source,
    responses=TAGGED_CHANGED | problems(UnsupportedFileError),
    openapi_extra=_SENT,
)
async def upload_file(
    source_id: UUID,
    request: Request,
    files: SourceFiles,
    versions: IfMatch,
    name: Annotated[FileName | None, Query()] = None,
) -> Response:
    """Give a source a file: the bytes of a PDF, of Markdown or plain text, as they are. They are stored and read; the
    file that the source had is replaced. One that cannot be read is kept too: `status` is `failed` then, and `failure`
    says why. `If-Match` names versions of the source, and a stale one is refused before the bytes are taken."""
    size = request.headers.get("content-length", "")
    announced = int(size) if size.isdigit() else None
    upload = Upload(request.headers.get("content-type", ""), announced, request.stream())
    return _saved(await files.upload(source_id, upload, name, versions))


@router.get(
    "/sources/{source_id}/file",
    response_class=Response,
    responses=FOUND | problems(InvalidRequestError, RangeError) | {200: _FILE, 206: _PART},
)
async def download_file(
    source_id: UUID,
    files: SourceFiles,
    byte_range: Annotated[
        str | None, Header(alias="Range", description="`bytes=0-99`, `bytes=100-`, `bytes=-50`.")
    ] = None,
    if_range: Annotated[
        str | None, Header(alias="If-Range", description="The `ETag` that the range belongs to.")
    ] = None,
) -> Response:
    """Download a source's file, all of it or a range of its bytes."""
    return FileAnswer(*await files.download(source_id, byte_range, if_range))


@router.delete("/sources/{source_id}/file", status_code=status.HTTP_204_NO_CONTENT, responses=TAGGED_DELETED)
async def delete_file(source_id: UUID, files: SourceFiles, versions: IfMatch) -> None:
    """Take a source's file away, with its text. The source stays, and is `empty`. `If-Match` names versions of the
    source."""
    await files.remove(source_id, versions)


@router.post(
    "/sources/{source_id}/text",
    response_model=Source,
    responses=TAGGED_CHANGED | problems(InvalidRequestError, UnsupportedFileError),
)
async def read_file(source_id: UUID, files: SourceFiles, versions: IfMatch) -> Response:
    """Read the file at the source's `storage_path`: one that was uploaded to Supabase Storage itself, or once more."""
    return _saved(await files.read_again(source_id, versions))


@router.get("/sources/{source_id}/chapters", response_model=list[Chapter], responses=FOUND)
async def list_chapters(source_id: UUID, files: SourceFiles) -> Response:
    """List the chapters of a source's file, in reading order. There are none before it was read."""
    return json_answer(await files.chapters(source_id))


@router.get("/sources/{source_id}/pages", response_model=list[FilePage], responses=FOUND | PAGED)
async def list_pages(
    source_id: UUID, query: Annotated[FilePageQuery, Query()], request: Request, files: SourceFiles
) -> Response:
    """List the text of a source's file page by page."""
    pages = await files.pages(source_id, query)
    headers = {}
    if pages.following:
        asked = query.model_dump(exclude_unset=True) | {"first": pages.following}
        headers["Link"] = f'<{request.url.path}?{urlencode(asked)}>; rel="next"'
    return json_answer(pages.body, headers=headers)


@router.get("/workspaces/{workspace_id}/search", response_model=list[FoundPage], responses=FOUND)
async def search_workspace(workspace_id: UUID, query: Annotated[TextQuery, Query()], files: SourceFiles) -> Response:
    """Find the pages that match, in all files of a workspace, the best first."""
    return json_answer(await files.search(workspace_id, query))


def _saved(source: SavedSource) -> Response:
    return json_answer(source.body, headers={"ETag": f'"{source.version}"'})
