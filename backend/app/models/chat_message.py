"""Chat messages: the conversations next to the canvas. They are written once and never edited."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import MISSING, BaseModel, Field

from app.models.page import SequenceQuery
from app.models.types import ChatId, ClientId, Content, Input, Row, Timestamp, examples

MessageStatus = Literal["complete", "streaming", "stopping", "stopped", "failed"]


class Citation(BaseModel):
    """A page that an answer is based on."""

    source_id: UUID
    title: str
    page: int


class ChatMessage(Row):
    """One message of a workspace's chat."""

    model_config = examples(
        {
            "id": "16fd2706-8baf-433b-82eb-8c7fada847da",
            "workspace_id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
            "user_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
            "chat_id": "main",
            "role": "assistant",
            "content": "What happens to a column that is a sum of others?",
            "mentions": [],
            "status": "complete",
            "sources": [{"source_id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", "title": "Linear algebra", "page": 41}],
            "tokens": 1830,
            "seq": 1042,
            "created_at": "2026-11-23T09:45:19.050000Z",
        }
    )

    workspace_id: UUID
    user_id: Annotated[UUID | None, Field(description="Who wrote it, or for whom the assistant did, where known.")]
    chat_id: str
    role: Literal["user", "assistant", "system"]
    content: str
    mentions: list[UUID]
    status: Annotated[
        MessageStatus,
        Field(description="Of an answer: `streaming` or `stopping` while it is written, then how it ended."),
    ]
    failure: Annotated[str | None, Field(description="Why an answer `failed`: a code of `/problems`.")]
    sources: Annotated[list[Citation], Field(description="What an answer is based on.")]
    tokens: Annotated[int | None, Field(description="What the model took for an answer, where it said so.")]
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
    chat_id: ChatId | MISSING = MISSING
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
    chat_id: Annotated[ChatId | None, Field(description="One conversation alone.")] = None
    order: Annotated[Literal["seq", "-seq"], Field(description="`-seq`: newest first. `seq`: oldest first.")] = "-seq"
