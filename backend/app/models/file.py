"""Files: what is read from a source's file, and how it is asked for."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from app.models.types import Input

MAX_PAGES = 5000

FileName = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f/\\]*[^\s\x00-\x1f\x7f/\\][^\x00-\x1f\x7f/\\]*$"
    ),
    Field(description="The file's name, for whoever downloads it; by default the source's title."),
]


class Chapter(BaseModel):
    """An entry of a file's outline. Positions, levels and pages count from 1."""

    position: int
    level: int
    title: str
    first_page: int
    last_page: int
    """The page before the next entry of the same or a higher level, but never before `first_page`."""


class FilePage(BaseModel):
    """The text of a page; of a text file, of a section."""

    number: int
    text: str


class FilePageQuery(Input):
    """Which pages of a file to list."""

    first: Annotated[int, Field(ge=1, le=MAX_PAGES, description="The first page.")] = 1
    last: Annotated[int, Field(ge=1, le=MAX_PAGES, description="The last page.")] = MAX_PAGES
    limit: Annotated[int, Field(ge=1, le=100, description="Pages per answer; long pages make it end earlier.")] = 50


class TextQuery(Input):
    """What to look for in the files of a workspace."""

    q: Annotated[
        str,
        StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$"),
        Field(description='As web searches are written: `matrix -real`, `"symmetric matrix"`, `rank or trace`.'),
    ]
    source_id: Annotated[UUID | None, Field(description="Only in this source.")] = None
    limit: Annotated[int, Field(ge=1, le=100, description="Pages to find.")] = 10


class FoundPage(BaseModel):
    """A page that matches."""

    source_id: UUID
    title: str
    """The source's."""
    page: int
    excerpt: Annotated[
        str,
        Field(description="Plain text around the match. Each match is between the characters U+0002 and U+0003."),
    ]
