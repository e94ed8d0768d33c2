"""Files: what is read from a source's file, and how it is asked for."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from app.models.types import NOT_BLANK, Input, examples

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

    model_config = examples({"position": 3, "level": 1, "title": "Rank of a matrix", "first_page": 41, "last_page": 47})

    position: Annotated[int, Field(description="Its place in the outline.")]
    level: Annotated[int, Field(description="1 for a chapter, 2 for a section in it, and so on.")]
    title: Annotated[str, Field(description="Its heading.")]
    first_page: Annotated[int, Field(description="The page that it begins on.")]
    last_page: Annotated[
        int,
        Field(description="The page before the next entry of the same or a higher level; never before `first_page`."),
    ]


class FilePage(BaseModel):
    """The text of a page; of a text file, of a section."""

    model_config = examples({"number": 41, "text": "The rank of a matrix is the number of its independent columns."})

    number: Annotated[int, Field(description="Its number, from 1.")]
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
        StringConstraints(min_length=1, max_length=1000, pattern=NOT_BLANK),
        Field(description='As web searches are written: `matrix -real`, `"symmetric matrix"`, `rank or trace`.'),
    ]
    source_id: Annotated[UUID | None, Field(description="Only in this source.")] = None
    limit: Annotated[int, Field(ge=1, le=100, description="Pages to find.")] = 10


class FoundPage(BaseModel):
    """A page that matches."""

    model_config = examples(
        {
            "source_id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
            "title": "Vector spaces: lecture notes",
            "page": 41,
            "excerpt": "The \x02rank\x03 of a \x02matrix\x03 is the number of its independent columns.",
        }
    )

    source_id: UUID
    title: str
    page: int
    excerpt: Annotated[
        str,
        Field(description="Plain text around the match. Each match is between the characters U+0002 and U+0003."),
    ]
