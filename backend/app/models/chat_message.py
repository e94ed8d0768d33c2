"""Chat messages: the conversation next to the canvas. They are written once and never edited."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import MISSING, Field

from app.models.page import SequenceQuery
from app.models.types import ClientId, Content, Input, Row, Timestamp, examples


class ChatMessage(Row):
    """One message of a workspace's chat."""

    model_config = examples(
        {
            "id": "16fd2706-8baf-433b-82eb-8c7fada847da",
            "workspace_id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
            "role": "user",
            "content": "What does the rank of a matrix tell me?",
            "mentions": ["1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"],
            "seq": 1042,
            "created_at": "2026-11-23T09:45:19.050000Z",
        }
    )

    workspace_id: UUID
    role: Literal["user", "assistant", "system"]
    content: str
    mentions: list[UUID]
    seq: int
    created_at: Timestamp


class ChatMessageCreate(Input):
    """A message to write."""

    model_config = examples(
        {
            "workspace_id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
            "role": "user",
            "content": "What does the rank of a matrix tell me?",
            "mentions": ["1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"],
        },
        {
            "id": "16fd2706-8baf-433b-82eb-8c7fada847da",
            "workspace_id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
            "role": "assistant",
            "content": "How many of its columns are independent: the dimension of what it can reach.",
        },
    )

    id: ClientId = MISSING
    workspace_id: UUID
    role: Literal["user", "assistant"]
    content: Content
    mentions: Annotated[
        list[UUID] | MISSING,
        Field(max_length=50, description="Nodes of the same workspace that the message speaks of."),
    ] = MISSING

    def named_nodes(self) -> dict[tuple[str | int, ...], UUID]:
        """What it mentions."""
        mentions = [] if self.mentions is MISSING else self.mentions
        return {("body", "mentions", index): node_id for index, node_id in enumerate(mentions)}


class ChatMessageQuery(SequenceQuery):
    """Which messages of a workspace to list."""

    workspace_id: UUID
    order: Annotated[Literal["seq", "-seq"], Field(description="`-seq`: newest first. `seq`: oldest first.")] = "-seq"
