"""Types that several models share. Every limit here is the database's too: jsonb's own or a check constraint, but that
of integers, which jsonb holds whole."""

import math
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    MISSING,
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    WithJsonSchema,
    with_config,
)
from pydantic_core import PydanticCustomError, PydanticSerializationError, to_json
from typing_extensions import TypedDict

MAX_COORDINATE = 10_000_000
MAX_JSON_BYTES = 1024 * 1024
MAX_JSON_DEPTH = 64
MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer that a double holds exactly, as its neighbours too (RFC 7493, section 2.2)."""


class Input(BaseModel):
    """A body that a client sends: unknown fields are refused, text is kept byte for byte but for names and titles."""

    model_config = ConfigDict(extra="forbid")

    def named_nodes(self) -> dict[tuple[str | int, ...], UUID]:
        """The nodes that it names, each by its place in the request."""
        return {}


class Row(BaseModel):
    """A row as the API answers it: which columns there are, and what they hold. Answers are not rebuilt from it."""

    model_config = ConfigDict(extra="forbid")

    id: UUID


def examples(*bodies: JsonValue) -> ConfigDict:
    """A model's `model_config` that shows these examples in OpenAPI. FastAPI drops nulls from them: use none."""
    return ConfigDict(json_schema_extra={"examples": [*bodies]})


Timestamp = AwareDatetime
"""A moment, to the microsecond, written as RFC 3339 in UTC with `Z`."""


def _json_column(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse what a JSON column cannot hold unchanged: see `JsonObject`.

    A worker serves nobody meanwhile, so nothing is called for a number, and it ends where the text is too long anyway.
    """
    spaces = 0  # Postgres writes one after each colon and comma
    containers: list[tuple[dict[str, Any] | list[Any], int]] = [(value, 1)]
    while containers:
        container, depth = containers.pop()
        if depth > MAX_JSON_DEPTH:
            raise PydanticCustomError("json_depth", "Nested more than {limit} levels deep", {"limit": MAX_JSON_DEPTH})
        if not container:
            continue
        spaces += len(container) - 1
        items: Iterable[Any] = container
        if type(container) is dict:
            spaces += len(container)
            items = container.values()
            if any("\x00" in name for name in container):
                raise _unstorable_text()
        if 3 * spaces > MAX_JSON_BYTES:  # each has a comma or colon, and what that follows
            raise _too_large()
        for item in items:
            kind = type(item)
            if kind is str:
                if "\x00" in item:
                    raise _unstorable_text()
            elif kind is int:
                if not -MAX_SAFE_INTEGER <= item <= MAX_SAFE_INTEGER:
                    raise PydanticCustomError("json_number", "Numbers are doubles: integers are within ±(2^53 - 1)")
            elif kind is float:
                if not math.isfinite(item):
                    raise PydanticCustomError("json_number", "Numbers are finite doubles")
            elif kind is dict or kind is list:
                containers.append((item, depth + 1))
    try:
        text = to_json(value)
    except PydanticSerializationError:
        raise _unstorable_text() from None
    if len(text) + spaces > MAX_JSON_BYTES:
        raise _too_large()
    return value


def _too_large() -> PydanticCustomError:
    return PydanticCustomError("json_too_large", "Larger than {limit} bytes as text", {"limit": MAX_JSON_BYTES})


def _unstorable_text() -> PydanticCustomError:
    return PydanticCustomError("json_text", "Text holds a NUL character or half a surrogate pair")


def holding(meaning: str) -> WithJsonSchema:
    """The schema of an object for a JSON column: what it means, and what JSON Schema cannot say."""
    # Of an object with free properties openapi-typescript makes an index signature, which takes no interface of a
    # front end's own; of one that is also "any of anything" it makes `unknown`.
    limits = (
        "At most 1 MiB as text and 64 levels deep. Numbers are finite doubles, integers within ±(2^53 - 1); texts and"
        " names hold no NUL character and no half of a surrogate pair."
    )
    return WithJsonSchema({"type": "object", "anyOf": [{}], "description": f"{meaning} {limits}"})


JsonObject = Annotated[dict[str, Any], AfterValidator(_json_column)]
"""An object for a JSON column. Which one it is for, `holding` says."""

ClientId = Annotated[
    UUID | MISSING, Field(description="May be made by the client: a repeated request is harmless then.")
]

PathsWorkspace = Annotated[
    UUID | MISSING, Field(description="May be left out: it is the workspace in the path, and no other.")
]

# Postgres cannot store NUL; the patterns keep it out and say so in OpenAPI.
NO_NUL = r"^[^\x00]*$"
NOT_BLANK = r"^[^\x00]*[^\s\x00][^\x00]*$"

MAX_TITLE = 500
_MOST_COMPOSED = 4
"""Characters that NFC makes one of, at most: https://www.unicode.org/faq/normalization#12"""


def _composed(value: Any) -> Any:
    """Text in NFC, unless it is too long anyway: long rows of accents take quadratic time."""
    if isinstance(value, str) and len(value) <= _MOST_COMPOSED * MAX_TITLE:
        return unicodedata.normalize("NFC", value)
    return value


def _trimmed(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


_TITLE = (
    BeforeValidator(_composed),
    BeforeValidator(_trimmed),  # the last one is the first to run
    Field(description="Kept without space around it, in Unicode's form NFC."),
)
Name = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=NOT_BLANK), *_TITLE]
Title = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TITLE, pattern=NOT_BLANK), *_TITLE]
Content = Annotated[str, StringConstraints(min_length=1, max_length=100_000, pattern=NOT_BLANK)]
Label = Annotated[str, StringConstraints(max_length=500, pattern=NO_NUL)]
Handle = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=NOT_BLANK)]
CacheId = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=NOT_BLANK)]
StoragePath = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=NOT_BLANK)]
ChatId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._~-]{1,64}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Search = Annotated[str, StringConstraints(max_length=255, pattern=NO_NUL), BeforeValidator(_composed)]

# RFC 3339, section 5.6. Pydantic alone reads numbers too, as seconds since 1970.
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _moment_text(value: Any) -> Any:
    if not isinstance(value, datetime) and not (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        raise PydanticCustomError("moment", "Write it as RFC 3339 does: 2026-11-23T09:30:00Z")
    return value


def _moment_in_utc(value: datetime) -> datetime:
    """Postgres takes offsets of less than 16 hours only (RFC 3339: 24), so it is given none."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("moment", "Must be within the years 1 to 9999 in UTC") from None


Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_moment_text),
    AfterValidator(_moment_in_utc),
    Field(description="RFC 3339, with an offset; kept in UTC, to the microsecond."),
]
Coordinate = Annotated[float, Field(strict=True, ge=-MAX_COORDINATE, le=MAX_COORDINATE, allow_inf_nan=False)]
Size = Annotated[float, Field(strict=True, gt=0, le=MAX_COORDINATE, allow_inf_nan=False)]


# Every row holds one of these, so they are dicts: a model within each of 100 rows is an eighth of reading them.
@with_config(extra="forbid")
class Position(TypedDict):
    """Where a node's top left corner is on the canvas, in canvas units."""

    x: Coordinate
    y: Coordinate


@with_config(extra="forbid")
class Viewport(TypedDict):
    """Which part of the canvas is seen: its offset in pixels and its zoom."""

    x: Coordinate
    y: Coordinate
    zoom: Annotated[float, Field(strict=True, gt=0, le=100, allow_inf_nan=False)]
