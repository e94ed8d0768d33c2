"""`/v1/labs/{lab_id}/generate`"""

from uuid import UUID

from fastapi import APIRouter, Response, status

from app.dependencies import CodeRunner, DatabaseSession, LanguageModel, RequestContext, RunningTurns
from app.errors import InvalidRequestError
from app.generator import ALL_CHARACTERS, TRIES, generating
from app.lab_errors import (
    InterruptedTurnError,
    LabHasContentError,
    NothingToReadError,
    RunnerUnavailableError,
    UnknownChapterError,
    WrongLabTypeError,
)
from app.models.stream import GenerationPart
from app.responses import EDITED, FOUND, TURN, Responses, problems, streamed
from app.services.labs import check_runner
from app.services.leases import Snapshot, begin_generation, find_generation, release_lab
from app.services.material import plan_generation
from app.services.model import LOADING_SECONDS
from app.turns import Turn
from app.wire import stream_progress

router = APIRouter(prefix="/v1/labs/{lab_id}/generate", tags=["labs"])

_STREAM = streamed("A UI message stream.", GenerationPart)
_NOTHING: Responses = {204: {"description": "The lab is not being generated."}}
_ASKED = problems(
    InvalidRequestError,
    UnknownChapterError,
    *TURN,
    LabHasContentError,
    NothingToReadError,
    WrongLabTypeError,
    RunnerUnavailableError,
    InterruptedTurnError,
)


@router.post("", responses=EDITED | _ASKED | _STREAM, response_class=Response)
async def generate_lab(
    lab_id: UUID,
    context: RequestContext,
    session: DatabaseSession,
    turns: RunningTurns,
    model: LanguageModel,
    runner: CodeRunner,
) -> Response:
    """Generate the content of a code lab, flashcards or a quiz from its source, and stream how far it has come.

    The lab's `config` says from what: `chapter` (a position in the source's outline) or `pages` (`{first, last}`), else
    the whole source; and how: `language`, `difficulty`, `count`. What the model writes is checked, a code lab by
    running it, and tried again up to three times; it is shown only when it holds. Leaving does not stop it.
    """
    with context.allowing(LOADING_SECONDS):
        await model.open()  # before the turn, whose first word is not waited for long
    plan = await plan_generation(session, lab_id)
    if plan.kind == "code_lab":
        await check_runner(runner)
    with turns.admit(context.caller) as places:
        async with model.allow(session, ALL_CHARACTERS, TRIES) as allowance:
            row = await begin_generation(session, plan.lab_id, plan.workspace_id)
        turn = Turn(row, Snapshot("generating", progress={"step": "reading"}), "in_progress")
        turns.start(turn, context.caller, generating(model, runner, allowance, plan), places.pop_all())
    await turn.wait_for_begin()
    return stream_progress(row.id, turn.follow())


@router.get("/stream", responses=FOUND | _STREAM | _NOTHING, response_class=Response)
async def resume_generation(lab_id: UUID, session: DatabaseSession, turns: RunningTurns) -> Response:
    """Follow the generation of a lab to its end, whichever replica does it."""
    row = await find_generation(session, lab_id)
    if row is None:
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return stream_progress(row.id, turns.follow(row))


@router.post("/stop", status_code=status.HTTP_204_NO_CONTENT, responses=EDITED)
async def stop_generation(lab_id: UUID, session: DatabaseSession, turns: RunningTurns) -> None:
    """Stop the generation of a lab, whichever replica does it. The lab is `pending` again."""
    await release_lab(session, lab_id)
    if turn := turns.find(str(lab_id)):
        turn.end("lost")
