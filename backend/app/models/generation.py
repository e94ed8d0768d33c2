"""What a lab's `config` says of how it is generated."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.models.file import MAX_PAGES

Wish = Annotated[str, StringConstraints(pattern=r"^[\w .,()+#-]{1,40}$")]
"""A few plain words."""
FilePage = Annotated[int, Field(ge=1, le=MAX_PAGES)]


class PageRange(BaseModel):
    """Pages of a source, both ends included."""

    first: Annotated[FilePage, Field(description="The first page.")]
    last: Annotated[FilePage, Field(description="The last page.")]


class GenerationConfig(BaseModel):
    """`config` of a lab that is generated. All is optional, and other fields are free."""

    model_config = ConfigDict(extra="ignore")

    chapter: Annotated[int | None, Field(ge=1, description="Its `position` in the source's outline.")] = None
    pages: Annotated[PageRange | None, Field(description="In place of a chapter.")] = None
    language: Annotated[
        Wish | None, Field(description="Of a code lab `python`; of others the one that its texts are written in.")
    ] = None
    difficulty: Annotated[Wish | None, Field(description="Such as `easy`.")] = None
    count: Annotated[int | None, Field(ge=1, le=50, description="About how many tests, cards or questions.")] = None
