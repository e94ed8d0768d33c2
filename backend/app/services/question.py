"""What a question to the tutor is about: the conversation before it, and the labs and pages that it mentions."""

import msgspec

from app.errors import NotFoundError
from app.services.db import Session
from app.services.model import Message

MAX_MESSAGES = 40
MAX_PAGES = 6
MAX_TEXT = 6000
"""Characters of a page, or of what a lab asks, of the learner's code, of a run."""


class Lab(msgspec.Struct, frozen=True):
    """A lab, as its learner has it."""

    title: str
    task: str | None = None
    code: str | None = None
    run: str | None = None
    """How the newest run ended, and what each test that failed has said."""


class Page(msgspec.Struct, frozen=True):
    """A page of a source."""

    source_id: str
    title: str
    page: int
    text: str


class Question(msgspec.Struct, frozen=True):
    """A question, and what belongs to it."""

    messages: list[Message]
    """The newest of the conversation, the question last."""
    labs: list[Lab]
    pages: list[Page]
    """Those that have most of the question's words first."""


_read_question = msgspec.json.Decoder(Question).decode


async def read_question(session: Session, workspace_id: str, chat_id: str, language: str) -> Question:
    """The last question of a conversation, in one request. `language` is the one whose word forms are found. Raises
    `NotFoundError` when it was deleted meanwhile."""
    arguments = {
        "workspace_id": workspace_id,
        "chat_id": chat_id,
        "messages": MAX_MESSAGES,
        "pages": MAX_PAGES,
        "size": MAX_TEXT,
        "language": language,
    }
    question = await session.read(session.call("tutor_context", arguments), _read_question, "tutor_context")
    if not question.messages:
        raise NotFoundError
    return question
