"""What a lab is generated from: its source, and the pages that its `config` names. The text of a source's pages, within
a budget."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from pydantic import ValidationError

from app.errors import InvalidRequestError, NotFoundError
from app.lab_errors import NothingToReadError, UnknownChapterError, WrongLabTypeError
from app.labs import LAB_TYPES
from app.labs.draft import Draft
from app.models.generation import GenerationConfig
from app.services.db import Session

MAX_CHARACTERS = 24_000
"""Of a source's text that a model is given, in all."""
MAX_PAGES = 100
"""Pages that are read of a longer chapter, evenly chosen."""
MIN_HEAD = 800
"""So many characters of a page say something. Where the pages would get less each, fewer are taken."""
CUT = " [...]"


class Source(msgspec.Struct, frozen=True):
    """What a lab is made from."""

    id: str
    title: str
    status: str
    page_count: int | None = None


class Page(msgspec.Struct, frozen=True):
    """A page of text, or its beginning."""

    number: int
    text: str


class _Lab(msgspec.Struct, frozen=True):
    id: str
    workspace_id: str
    type: str
    config: dict[str, Any]
    source: Source | None = None


class _Chapter(msgspec.Struct, frozen=True):
    position: int
    title: str
    first_page: int
    last_page: int


class Plan(msgspec.Struct, frozen=True):
    """What is to be generated, and from which pages."""

    lab_id: str
    workspace_id: str
    kind: str
    """The lab's type."""
    draft: type[Draft]
    config: GenerationConfig
    source: Source
    first: int
    last: int
    heading: str
    """What the pages are, such as a chapter's title: words of the document."""


_read_labs = msgspec.json.Decoder(list[_Lab]).decode
_read_chapters = msgspec.json.Decoder(list[_Chapter]).decode
_read_pages = msgspec.json.Decoder(list[Page]).decode


async def plan_generation(session: Session, lab_id: UUID) -> Plan:
    """What the lab asks for.

    Raises `NotFoundError`, `WrongLabTypeError`, `NothingToReadError`, `UnknownChapterError` and `InvalidRequestError`.
    """
    select = session.table("labs").select("id,workspace_id,type,config,source:sources(id,title,status,page_count)")
    labs = await session.read(select.eq("id", lab_id), _read_labs, "labs")
    if not labs:
        raise NotFoundError
    lab = labs[0]
    known = LAB_TYPES.get(lab.type)
    if known is None or known.draft is None:
        generated = ", ".join(f"`{name}`" for name, each in LAB_TYPES.items() if each.draft)
        raise WrongLabTypeError(f"This lab is a `{lab.type}`. Those that can be generated are {generated}.")
    config = _config(lab)
    if lab.source is None:
        raise NothingToReadError("The lab has no source. Set its `source_id` to a source that is `ready`.")
    if lab.source.status != "ready" or not lab.source.page_count:
        raise NothingToReadError(
            f"The lab's source has no text: it is `{lab.source.status}`. Upload a file that can be read to"
            f" `/v1/sources/{lab.source.id}/file`, or choose another source."
        )
    first, last, heading = 1, lab.source.page_count, lab.source.title
    if config.chapter is not None:
        query = session.call("read_chapters", {"source_id": lab.source.id}, read_only=True)
        chapters = {each.position: each for each in await session.read(query, _read_chapters, "chapters")}
        if config.chapter not in chapters:
            raise UnknownChapterError(
                f"`config` names chapter {config.chapter}, and the source has {len(chapters) or 'none'}."
                " Choose another one, or `pages`."
            )
        chapter = chapters[config.chapter]
        first, last, heading = chapter.first_page, chapter.last_page, f"{lab.source.title}: {chapter.title}"
    elif config.pages is not None:
        first, last = config.pages.first, config.pages.last
        if not first <= last <= lab.source.page_count:
            raise UnknownChapterError(
                f"The source has {lab.source.page_count} pages; `config` names pages {first} to {last}.",
                loc=("config", "pages"),
            )
    return Plan(lab.id, lab.workspace_id, lab.type, known.draft, config, lab.source, first, last, heading)


def _config(lab: _Lab) -> GenerationConfig:
    try:
        config = GenerationConfig.model_validate(lab.config)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        errors = [{**fault, "loc": ["config", *fault["loc"]]} for fault in faults]
        raise InvalidRequestError("The lab's `config` cannot be used; see `errors`.", errors=errors) from None
    if lab.type == "code_lab" and (config.language or "python").lower() != "python":
        raise InvalidRequestError("Code labs are in Python: `config.language` is `python`.", loc=("config", "language"))
    return config


async def read_material(session: Session, source_id: str, first: int, last: int) -> list[Page]:
    """Pages `first` to `last` of a source, shortened so that they fit into `MAX_CHARACTERS`.

    Raises `NothingToReadError` when all are blank.
    """
    numbers = spread(range(first, last + 1), MAX_PAGES)
    arguments = {"source_id": source_id, "numbers": numbers, "size": MAX_CHARACTERS}
    found = await session.read(session.call("read_page_heads", arguments), _read_pages, "read_page_heads")
    pages = condense(found, MAX_CHARACTERS)
    if not pages:
        raise NothingToReadError(f"Pages {first} to {last} of the source hold no text. Choose others.")
    return pages


def spread(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many of them, evenly chosen, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


def condense(pages: Sequence[Page], characters: int) -> list[Page]:
    """The pages that are not blank, in so many characters in all.

    Where they are too long together, evenly chosen ones, and of each its beginning: all are cut at the same length, so
    that short pages stay whole. The same pages always give the same text.
    """
    kept = [page for page in pages if page.text.strip()]
    if sum(len(page.text) for page in kept) <= characters:
        return kept
    kept = spread(kept, max(2, characters // MIN_HEAD))
    left, most = characters, 0
    for place, length in enumerate(sorted(len(page.text) for page in kept)):
        most = left // (len(kept) - place)
        if length > most:
            break
        left -= length
    return [page if len(page.text) <= most else Page(page.number, _head(page.text, most)) for page in kept]


def _head(text: str, characters: int) -> str:
    """Its beginning, up to the end of a word."""
    head = text[: characters - len(CUT)]
    return (head.rsplit(maxsplit=1)[0] if head.strip() else head) + CUT
