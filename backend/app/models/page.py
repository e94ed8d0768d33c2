"""Lists in pages: what a client may ask of every list, and the cursor that leads to the next page."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints

from app.errors import InvalidCursorError
from app.models.types import Input, Search

Order = Literal["created_at", "-created_at", "updated_at", "-updated_at"]
"""The column that a list is ordered by; `-` means latest first. The id settles ties."""


class PageQuery(Input):
    """The query of a list. Whatever a resource adds to it is a filter by the column of that name."""

    limit: Annotated[int, Field(ge=1, le=100, description="Rows per page.")] = 50
    cursor: Annotated[
        str | None,
        StringConstraints(max_length=200),
        Field(description="Where the page begins: taken from the `Link` header of the page before, never made up."),
    ] = None
    order: str

    def position(self, kind: type[datetime] | type[int]) -> "Cursor | None":
        """Where the page begins, or None for the first. `kind` is what the ordered column holds. Raises
        `InvalidCursorError`."""
        return None if self.cursor is None else Cursor.decode(self.cursor, self.order, kind)


class SearchQuery(PageQuery):
    """The query of a list that can be searched."""

    q: Annotated[
        Search | None,
        Field(description="A part of the name or title, in any case and any Unicode form, taken literally."),
    ] = None


class SequenceQuery(PageQuery):
    """The query of a list whose rows are numbered by `seq`."""

    after: Annotated[
        int | None,
        Field(ge=0, lt=2**63, description="Only rows with a greater `seq`: with `order=seq`, what is new since then."),
    ] = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: the next page holds what follows it in the list's order.

    A keyset position, not an offset: its page costs the same at any depth, and rows that come or go meanwhile neither
    repeat nor hide others.
    """

    order: str
    value: datetime | int
    """The ordered column's value."""
    id: UUID

    def encode(self) -> str:
        """The cursor as text for a URL."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else str(self.value)
        return urlsafe_b64encode(f"{self.order} {value} {self.id}".encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, order: str, kind: type[datetime] | type[int]) -> Self:
        """The cursor that `encode` wrote, for a list of the same order. Raises `InvalidCursorError`."""
        try:
            made_for, value, row_id = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").split(" ")
            parsed = int(value) if kind is int else datetime.fromisoformat(value).astimezone(UTC)
            cursor = cls(made_for, parsed, UUID(row_id))
            if isinstance(parsed, int) and parsed.bit_length() > 63:  # no bigint
                raise InvalidCursorError
        except (ValueError, OverflowError):
            raise InvalidCursorError from None
        # Only the text that `encode` writes is a cursor: no other spelling of the same position.
        if made_for != order or cursor.encode() != text:
            raise InvalidCursorError
        return cursor
