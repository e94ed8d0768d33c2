"""Sources: what one learns from."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import MISSING, Field

from app.models.page import Order, SearchQuery
from app.models.types import (
    CacheId,
    ClientId,
    Input,
    JsonObject,
    Moment,
    PathsWorkspace,
    Position,
    Row,
    Size,
    StoragePath,
    Timestamp,
    Title,
    Word,
    examples,
    holding,
)

_METADATA = "What the front end keeps with it, in a form of its own."
Metadata = Annotated[JsonObject, holding(_METADATA)]
Status = Annotated[
    Literal["empty", "ready", "failed"],
    Field(
        description="Whether its file was read. `empty`: there is none, or none that was read yet. `ready`: its text is"
        " there. `failed`: it has no text to be had, and `failure` says why."
    ),
]
Failure = Literal["encrypted", "damaged", "no_text", "too_long", "unsupported"]


class Source(Row):
    """A PDF, a repository, a video or the like, as a node of the canvas."""

    model_config = examples(
        {
            "id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
            "workspace_id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
            "type": "pdf",
            "title": "Vector spaces: lecture notes",
            "storage_path": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10/1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed/vectors.pdf",
            "metadata": {"pages": 42, "language": "en"},
            "cache_id": "cachedContents/vector-spaces",
            "cache_expires_at": "2026-11-23T12:00:00Z",
            "canvas_position": {"x": 80.0, "y": 120.0},
            "width": 320.0,
            "height": 200.0,
            "status": "ready",
            "page_count": 42,
            "file_name": "vectors.pdf",
            "file_bytes": 381204,
            "media_type": "application/pdf",
            "version": 1,
            "created_at": "2026-11-23T09:31:07.004000Z",
            "updated_at": "2026-11-23T09:31:07.004000Z",
        }
    )

    workspace_id: UUID
    type: str
    title: str
    storage_path: str | None
    metadata: Annotated[dict[str, Any], Field(description=_METADATA)]
    cache_id: str | None
    cache_expires_at: Timestamp | None
    canvas_position: Position
    width: float | None
    height: float | None
    status: Status
    failure: Annotated[
        Failure | None,
        Field(
            description="Why a file has no text. `encrypted`: it needs a password. `damaged`: it is broken."
            " `no_text`: it holds pictures alone. `too_long`: it is over a limit (5,000 pages, 10 MiB of text, memory"
            " and time). `unsupported`: its bytes are not what they are called."
        ),
    ]
    page_count: Annotated[int | None, Field(description="How many pages were read; of a text file, sections.")]
    file_name: Annotated[str | None, Field(description="What its file is called when it is downloaded.")]
    file_bytes: Annotated[int | None, Field(description="How large its file is, in bytes.")]
    media_type: Annotated[str | None, Field(description="What kind of file it has.")]
    version: int
    created_at: Timestamp
    updated_at: Timestamp


class NewSource(Input):
    """A source to lay on the canvas that the path names."""

    id: ClientId = MISSING
    workspace_id: PathsWorkspace = MISSING
    type: Word
    title: Title
    storage_path: StoragePath | None | MISSING = MISSING
    metadata: Metadata | MISSING = MISSING
    cache_id: CacheId | None | MISSING = MISSING
    cache_expires_at: Moment | None | MISSING = MISSING
    canvas_position: Position | MISSING = MISSING
    width: Size | None | MISSING = MISSING
    height: Size | None | MISSING = MISSING


class SourceCreate(NewSource):
    """A source to lay on the canvas."""

    model_config = examples(
        {
            "workspace_id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
            "type": "pdf",
            "title": "Vector spaces: lecture notes",
            "metadata": {"pages": 42, "language": "en"},
            "canvas_position": {"x": 80.0, "y": 120.0},
        },
        {
            "id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
            "workspace_id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
            "type": "github",
            "title": "numpy/numpy",
            "metadata": {"url": "https://github.com/numpy/numpy", "branch": "main"},
        },
    )

    workspace_id: UUID


class SourceUpdate(Input):
    """What to change of a source; whatever is left out stays, and `metadata` is replaced whole."""

    model_config = examples(
        {"title": "Vector spaces: revised notes"},
        {"cache_id": "cachedContents/vector-spaces", "cache_expires_at": "2026-11-23T12:00:00Z"},
    )

    type: Word | MISSING = MISSING
    title: Title | MISSING = MISSING
    storage_path: StoragePath | None | MISSING = MISSING
    metadata: Metadata | MISSING = MISSING
    cache_id: CacheId | None | MISSING = MISSING
    cache_expires_at: Moment | None | MISSING = MISSING
    canvas_position: Position | MISSING = MISSING
    width: Size | None | MISSING = MISSING
    height: Size | None | MISSING = MISSING


class SourceQuery(SearchQuery):
    """Which sources of a workspace to list."""

    workspace_id: UUID
    order: Order = "created_at"
    type: Word | None = None
    status: Status | None = None
