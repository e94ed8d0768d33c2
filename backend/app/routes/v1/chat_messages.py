"""`/v1/chat-messages`"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from app.dependencies import ChatMessages
from app.errors import UnknownNodeError
from app.models.chat_message import ChatMessage, ChatMessageCreate, ChatMessageQuery
from app.responses import DELETED, FOUND, LISTED, created, problems
from app.sharing_errors import AskerOnlyError, ReadOnlyError

router = APIRouter(prefix="/v1/chat-messages", tags=["chat-messages"])

_REFUSED = problems(ReadOnlyError, AskerOnlyError)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses=created(ChatMessage, UnknownNodeError),
    response_model=ChatMessage,
)
async def create_chat_message(new: ChatMessageCreate, chat_messages: ChatMessages) -> Response:
    """Write a message. It cannot be edited later."""
    return await chat_messages.create(new)


@router.get("", responses=LISTED, response_model=list[ChatMessage])
async def list_chat_messages(query: Annotated[ChatMessageQuery, Query()], chat_messages: ChatMessages) -> Response:
    """List a workspace's messages, the newest first."""
    return await chat_messages.list(query)


@router.get("/{chat_message_id}", responses=FOUND, response_model=ChatMessage)
async def get_chat_message(chat_message_id: UUID, chat_messages: ChatMessages) -> Response:
    """Read one message."""
    return await chat_messages.get(chat_message_id)


@router.delete("/{chat_message_id}", status_code=status.HTTP_204_NO_CONTENT, responses=DELETED | _REFUSED)
async def delete_chat_message(chat_message_id: UUID, chat_messages: ChatMessages) -> None:
    """Delete a message. An answer that is being written is deleted by who has asked alone."""
    await chat_messages.delete(chat_message_id)
