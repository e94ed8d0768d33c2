"""Flashcards: two sides each, as a learner turns them."""

import html
from collections.abc import Collection, Mapping
from typing import Annotated, Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import MISSING, ConfigDict, Field, StringConstraints

from app.labs.draft import Draft, faults_of_items
from app.labs.export import Export
from app.models.types import NOT_BLANK, Input, examples

Prose = Annotated[str, StringConstraints(min_length=1, max_length=5000, pattern=NOT_BLANK)]
"""A text of at most 5,000 characters that is not blank, kept byte for byte."""
PageNumber = Annotated[int, Field(strict=True, ge=1, le=1_000_000, description="A page of the source, from 1.")]


class Flashcard(Input):
    """One card."""

    front: Annotated[Prose, Field(description="What is asked.")]
    back: Annotated[Prose, Field(description="The answer.")]
    page: PageNumber | MISSING = MISSING


class FlashcardLabContent(Input):
    """`generated_content` of a `flashcard_lab`."""

    model_config = examples(
        {"cards": [{"front": "What is the kernel of a linear map?", "back": "All that it sends to zero.", "page": 12}]}
    )

    cards: Annotated[list[Flashcard], Field(min_length=1, max_length=200, description="The cards, in their order.")]


class CitedFlashcard(Flashcard):
    """One card, and the page that it was made from."""

    model_config = ConfigDict(extra="ignore")

    page: PageNumber


class FlashcardLabDraft(Draft):
    """Flashcards, each from a page."""

    cards: Annotated[list[CitedFlashcard], Field(min_length=1, max_length=200)]

    def faults(self, pages: Collection[int]) -> list[str]:
        """Cards that are there twice, and pages that are not."""
        return faults_of_items("front", ((card.front, card.page) for card in self.cards), pages)


def export(content: FlashcardLabContent, lab_id: str, user_state: Mapping[str, Any]) -> Export:
    """Anki's text format (https://docs.ankiweb.net/importing/text-files.html).

    A card's identity is made of the lab and its front: what is imported again updates cards and doubles none.
    """
    lines = ["#separator:tab", "#html:true", "#guid column:1", "#columns:guid\tFront\tBack"]
    for card in content.cards:
        guid = uuid5(NAMESPACE_URL, f"{lab_id}\n{card.front}").hex
        lines.append("\t".join((guid, _field(card.front), _field(card.back))))
    return Export("\n".join([*lines, ""]).encode(), "text/plain; charset=utf-8", ".txt")


def _field(text: str) -> str:
    """Text as HTML in quotes: nothing in it ends a field or a line, and none of it is markup."""
    escaped = html.escape(text, quote=False).replace("\t", "&#9;")
    return '"' + "<br>".join(escaped.splitlines()).replace('"', '""') + '"'
