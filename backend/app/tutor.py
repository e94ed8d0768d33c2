"""The tutor: what its model is told, within a budget of characters, and the turn in which it answers."""

from functools import lru_cache
from pathlib import Path

from app.errors import ModelUnavailableError
from app.services.leases import Message, read_history
from app.services.model import Allowance, Model
from app.turns import Turn, Work

PROMPT = Path(__file__).parent / "prompts" / "tutor.md"
MAX_CHARACTERS = 24_000
"""Of all messages of the conversation together; the newest are kept."""
MAX_MESSAGES = 40
MAX_ANSWER = 100_000
"""Characters: the longest text that a message holds."""


@lru_cache
def instructions() -> str:
    """What the model is told of its part."""
    return PROMPT.read_text(encoding="utf-8")


def within_budget(messages: list[Message], characters: int = MAX_CHARACTERS) -> list[Message]:
    """The newest messages that fit, the oldest first: the last one always, cut where it is too long alone."""
    kept: list[Message] = []
    left = characters
    for message in reversed(messages):
        if len(message.content) > left:
            if not kept:
                kept.append(Message(message.id, message.role, message.content[:left]))
            break
        kept.append(message)
        left -= len(message.content)
    return kept[::-1]


def answering(model: Model, allowance: Allowance, chat_id: str) -> Work:
    """The work of a turn that answers the newest question of a conversation."""

    async def work(turn: Turn) -> None:
        def tell(text: str) -> None:
            turn.begin()
            turn.show(content=(turn.state.content + text)[:MAX_ANSWER])

        try:
            history = await read_history(turn.row.session, turn.row.workspace_id, chat_id, MAX_MESSAGES)
            await model.answer(instructions(), within_budget(history), allowance, tell)
        finally:
            turn.result["tokens"] = allowance.used
            await allowance.settle()
        if not turn.state.content.strip():
            raise ModelUnavailableError("The language model answered nothing. Ask again in a while.")

    return work
