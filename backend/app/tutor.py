"""The tutor: what its model is told, within a budget of characters, and the turn in which it answers."""

import re
from collections.abc import Sequence
from typing import Any

from app.lab_errors import ModelUnavailableError
from app.quotations import quote
from app.services.model import Allowance, Message, Model
from app.services.question import Lab, Page, Question, read_question
from app.turns import Turn, Work

MAX_CONVERSATION = 24_000
"""Characters of all messages together; the newest are kept."""
MAX_MATERIAL = 24_000
"""Characters of labs and pages together, in the order in which they are mentioned."""
MAX_CHARACTERS = MAX_CONVERSATION + MAX_MATERIAL
MAX_ANSWER = 100_000
"""Characters: the longest text that a message holds."""

_MARK = re.compile(r"\[(\d{1,2})\]")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)


def within_budget(messages: Sequence[Message], characters: int = MAX_CONVERSATION) -> list[Message]:
    """The newest messages that fit, the oldest first: the last one always, cut where it is too long alone."""
    kept: list[Message] = []
    left = characters
    for message in reversed(messages):
        if len(message.content) > left:
            if not kept:
                kept.append(Message(message.role, message.content[:left]))
            break
        kept.append(message)
        left -= len(message.content)
    return kept[::-1]


def conversation(question: Question) -> list[Message]:
    """What the model is sent: the messages, the last one with what it is about."""
    *before, last = within_budget(question.messages)
    material = _material(question.labs, question.pages)
    return [*before, Message(last.role, f"{material}\n\nThe question:\n\n{last.content}" if material else last.content)]


def cited(answer: str, pages: Sequence[Page]) -> list[dict[str, Any]]:
    """The pages that an answer names by their numbers, such as `[1]` outside of code, in the order in which it does."""
    numbers = dict.fromkeys(int(number) for number in _MARK.findall(_CODE.sub("", answer)))
    return [
        {"number": number, "source_id": page.source_id, "title": page.title, "page": page.page}
        for number in numbers
        if 0 < number <= len(pages)
        for page in [pages[number - 1]]
    ]


def _material(labs: Sequence[Lab], pages: Sequence[Page]) -> str:
    parts: list[tuple[str, str | None]] = []
    for lab in labs:
        parts += [
            ("The lab's title:", lab.title),
            ("Its task:", lab.task),
            ("The learner's code:", lab.code),
            ("The newest run of it:", lab.run),
        ]
    for number, page in enumerate(pages, 1):
        parts.append((f"Page [{number}]:", f"{page.title}, page {page.page}\n\n{page.text}"))
    told = []
    left = MAX_MATERIAL
    for heading, text in parts:
        if text and left > 0:
            told.append(f"{heading}\n{quote(text[:left])}")
            left -= len(text)
    return "\n\n".join(told)


def answering(model: Model, allowance: Allowance, chat_id: str, language: str) -> Work:
    """The work of a turn that answers the newest question of a conversation."""

    async def work(turn: Turn) -> None:
        def tell(text: str) -> None:
            turn.begin()
            turn.show(content=(turn.state.content + text)[:MAX_ANSWER])

        pages: Sequence[Page] = []
        try:
            question = await read_question(turn.row.session, turn.row.workspace_id, chat_id, language)
            pages = question.pages
            await model.answer(model.instructions("tutor"), conversation(question), allowance, tell, MAX_ANSWER)
        finally:
            turn.result |= {"tokens": allowance.used, "sources": cited(turn.state.content, pages)}
            await allowance.settle()
        if not turn.state.content.strip():
            raise ModelUnavailableError("The language model answered nothing. Ask again in a while.")

    return work
