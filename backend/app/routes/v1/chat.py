"""`/v1/workspaces/{workspace_id}/chat`"""

from typing import Annotated
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Path, Response, status
from pydantic import MISSING

from app.dependencies import DatabaseSession, LanguageModel, RequestContext, RunningTurns, SearchLanguage
from app.errors import IdTakenError, InvalidRequestError, UnknownNodeError
from app.models.chat import ChatRequest
from app.models.stream import AnswerPart
from app.models.types import ChatId
from app.responses import EDITED, FOUND, TURN, Responses, problems, streamed
from app.services.leases import Snapshot, begin_answer, find_answer, stop_answer
from app.services.model import LOADING_SECONDS
from app.sharing_errors import AskerOnlyError, ReadOnlyError
from app.turns import Turn
from app.tutor import MAX_CHARACTERS, answering
from app.wire import stream_answer

router = APIRouter(prefix="/v1/workspaces/{workspace_id}/chat", tags=["chat"])

MAX_QUESTION = 100_000

_STREAM = streamed("A UI message stream.", AnswerPart)
_NOTHING: Responses = {204: {"description": "Nothing is being written."}}
_ASKED = problems(InvalidRequestError, UnknownNodeError, IdTakenError, *TURN)
_STOPPED = problems(ReadOnlyError, AskerOnlyError)
Conversation = Annotated[ChatId, Path(description="The conversation, as the client names it.")]


@router.post("", responses=EDITED | _ASKED | _STREAM, response_class=Response)
async def send_chat_message(
    workspace_id: UUID,
    request: ChatRequest,
    context: RequestContext,
    session: DatabaseSession,
    turns: RunningTurns,
    model: LanguageModel,
    language: SearchLanguage,
) -> Response:
    """Ask the tutor: keeps the question and streams the answer, which goes on when the client leaves.

    Takes the body of the AI SDK's `useChat` as it is. The last message is the question; what was said before comes from
    what is kept. With the trigger `regenerate-message` the last question is answered again.
    """
    question = _question(workspace_id, request)
    with context.allowing(LOADING_SECONDS):
        await model.open()  # before the turn, whose first word is not waited for long
    replaced_id = _replaced_id(workspace_id, request)
    with turns.admit(context.caller) as places:
        async with model.allow(session, MAX_CHARACTERS) as allowance:
            row = await begin_answer(
                session, workspace_id, request.id, str(uuid4()), question=question, replaced_id=replaced_id
            )
        turn = Turn(row, Snapshot("streaming"), "complete")
        turns.start(turn, context.caller, answering(model, allowance, request.id, language), places.pop_all())
    await turn.wait_for_begin()
    return stream_answer(row.id, turn.follow())


@router.get("/{chat_id}/stream", responses=FOUND | _STREAM | _NOTHING, response_class=Response)
async def resume_chat(
    workspace_id: UUID, chat_id: Conversation, session: DatabaseSession, turns: RunningTurns
) -> Response:
    """Follow the answer that is being written, from its beginning, whichever replica writes it."""
    row = await find_answer(session, workspace_id, chat_id)
    if row is None:
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return stream_answer(row.id, turns.follow(row))


@router.post("/{chat_id}/stop", status_code=status.HTTP_204_NO_CONTENT, responses=FOUND | _STOPPED)
async def stop_chat(workspace_id: UUID, chat_id: Conversation, session: DatabaseSession, turns: RunningTurns) -> None:
    """Stop the answer that is being written, whichever replica writes it. What it has written stays.

    Only who asked may.
    """
    answer_id = await stop_answer(session, workspace_id, chat_id)
    if answer_id and (turn := turns.find(answer_id)):
        turn.end("stopped")


def _question(workspace_id: UUID, request: ChatRequest) -> dict[str, object] | None:
    if request.trigger == "regenerate-message":
        return None
    last = request.messages[-1] if request.messages else None
    if last is None or last.role != "user" or not last.content.strip():
        raise InvalidRequestError("The last message must be the user's, with some text.", loc=("body", "messages"))
    if len(last.content) > MAX_QUESTION or "\x00" in last.content:
        raise InvalidRequestError(
            f"A question has at most {MAX_QUESTION} characters, none of them NUL.", loc=("body", "messages")
        )
    return {
        "id": _message_id(workspace_id, request.id, last.id or str(uuid4())),
        "content": last.content,
        "mentions": [] if request.mentions is MISSING else list(map(str, request.mentions)),
    }


def _replaced_id(workspace_id: UUID, request: ChatRequest) -> str | None:
    if request.messageId is MISSING or request.messageId is None:
        return None
    return _message_id(workspace_id, request.id, request.messageId)


def _message_id(workspace_id: UUID, chat_id: str, client_id: str) -> str:
    """The id of the row of a message: the client's own, if it is a UUID, else one made from it."""
    try:
        return str(UUID(client_id))
    except ValueError:
        return str(uuid5(workspace_id, f"{chat_id} {client_id}"))
