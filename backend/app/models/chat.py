"""What the AI SDK's `useChat` sends."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import MISSING, BaseModel, ConfigDict, Field

from app.models.types import ChatId, Input


class ChatPart(BaseModel):
    """A part of a message. Those of type `text` are read."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(description="`text`, or another one, which is not read.")]
    text: str = ""


class ChatTurn(BaseModel):
    """A message, as the client shows it."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[str, Field(max_length=255)] = ""
    role: Literal["user", "assistant", "system"]
    parts: Annotated[list[ChatPart], Field(max_length=1000, description="What it consists of.")] = []

    @property
    def content(self) -> str:
        """Its text."""
        return "".join(part.text for part in self.parts if part.type == "text")


class ChatRequest(Input):
    """The body that `useChat` sends: its last message is the question. Unknown fields are allowed in it
    alone, at every level."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "id": "main",
                    "trigger": "submit-message",
                    "messages": [
                        {"id": "aBc1", "role": "user", "parts": [{"type": "text", "text": "What is a rank?"}]}
                    ],
                    "mentions": ["1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"],
                }
            ]
        },
    )

    id: Annotated[ChatId, Field(description="The conversation.")] = "main"
    messages: Annotated[
        list[ChatTurn], Field(max_length=10_000, description="The conversation. Only the last one is read.")
    ]
    trigger: Annotated[
        Literal["submit-message", "regenerate-message"],
        Field(description="Whether to answer the last message, or the last question again."),
    ] = "submit-message"
    messageId: Annotated[  # noqa: N815 - the AI SDK's spelling
        Annotated[str, Field(max_length=255)] | None | MISSING,
        Field(description="The message that is replaced, with all that follows it."),
    ] = MISSING
    mentions: Annotated[
        list[UUID] | MISSING, Field(max_length=50, description="Nodes that the question speaks of.")
    ] = MISSING
