"""The AI SDK's UI message stream: what a turn shows, as server-sent events.
https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from app.answers import StreamedAnswer
from app.errors import ProblemError
from app.models.chat_message import Citation
from app.models.stream import (
    Beginning,
    CitationMetadata,
    DataProgressPart,
    Ending,
    ErrorPart,
    FinishPart,
    MessageMetadataPart,
    Progress,
    SourceDocumentPart,
    StartPart,
    TextDeltaPart,
    TextEndPart,
    TextStartPart,
)
from app.services.leases import Snapshot

HEADERS = {"x-vercel-ai-ui-message-stream": "v1", "x-accel-buffering": "no"}
QUIET = b": still here\n\n"
TEXT_SECONDS = 0.1
"""Text that comes within so long is sent together: each word by itself is half of what an answer costs."""
_MEANINGS = {kind.code: kind.meaning() for kind in ProblemError.kinds()}


def stream_answer(message_id: str, states: AsyncIterator[Snapshot | None]) -> StreamedAnswer:
    """The answer's message from its beginning to its end."""
    return StreamedAnswer(_events(message_id, states), headers=HEADERS, media_type="text/event-stream")


async def _events(message_id: str, states: AsyncIterator[Snapshot | None]) -> AsyncIterator[bytes]:
    yield StartPart(message_id=message_id, message_metadata=Beginning(status="streaming")).event()
    sent = 0
    last = Snapshot("failed", "interrupted")
    refusal: ProblemError | None = None
    try:
        async for state in states:
            if state is None:
                yield QUIET
                continue
            if not state.is_running:
                last = state
            if len(state.content) > sent:
                if not sent:
                    yield TextStartPart().event()
                yield TextDeltaPart(delta=state.content[sent:]).event()
                sent = len(state.content)
                await asyncio.sleep(TEXT_SECONDS)
    except ProblemError as problem:
        refusal = problem
    if sent:
        yield TextEndPart().event()
    for source in last.sources:
        page = Citation.model_validate(source)
        yield SourceDocumentPart(
            source_id=f"{page.source_id}#{page.page}",
            title=f"{page.title}, page {page.page}",
            provider_metadata=CitationMetadata(aide=page),
        ).event()
    for event in _end(last, refusal, "The answer could not be finished."):
        yield event


def stream_progress(lab_id: str, states: AsyncIterator[Snapshot | None]) -> StreamedAnswer:
    """How far the generation of a lab has come, to its end."""
    return StreamedAnswer(_progress_events(lab_id, states), headers=HEADERS, media_type="text/event-stream")


async def _progress_events(lab_id: str, states: AsyncIterator[Snapshot | None]) -> AsyncIterator[bytes]:
    yield StartPart(message_id=lab_id, message_metadata=Beginning(status="generating")).event()
    shown: dict[str, Any] = {}
    last = Snapshot("failed", "interrupted")
    refusal: ProblemError | None = None
    try:
        async for state in states:
            if state is None:
                yield QUIET
                continue
            progress = {name: value for name, value in (state.progress or {}).items() if name in {"step", "attempt"}}
            if not state.is_running:
                last = state
                progress = {"step": "done"} if last.status not in {"failed", "pending"} else {}
            if progress and progress != shown:
                shown = progress
                yield DataProgressPart(data=Progress.model_validate(progress)).event()
    except ProblemError as problem:
        refusal = problem
    for event in _end(last, refusal, "The lab could not be generated."):
        yield event


def _end(last: Snapshot, refusal: ProblemError | None, meaning: str) -> Iterator[bytes]:
    """The last events: how it ended, or why this listener is refused the rest."""
    if refusal:
        yield ErrorPart(error_text=refusal.detail).event()
    else:
        ending = Ending.model_validate({"status": last.status, "failure": last.failure})
        yield MessageMetadataPart(message_metadata=ending).event()
        if last.status == "failed":
            yield ErrorPart(error_text=_MEANINGS.get(last.failure or "", meaning)).event()
    yield FinishPart().event()
    yield b"data: [DONE]\n\n"
