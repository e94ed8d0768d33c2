"""The AI SDK's UI message stream: what a turn shows, as server-sent events.
https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol"""

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import StreamingResponse

from app.errors import ProblemError
from app.services.leases import Snapshot

HEADERS = {"x-vercel-ai-ui-message-stream": "v1", "x-accel-buffering": "no"}
QUIET = b": still here\n\n"
_MEANINGS = {kind.code: kind.meaning() for kind in ProblemError.kinds()}


def stream_answer(message_id: str, states: AsyncIterator[Snapshot | None]) -> StreamingResponse:
    """The answer's message from its beginning to its end."""
    return StreamingResponse(_events(message_id, states), headers=HEADERS, media_type="text/event-stream")


async def _events(message_id: str, states: AsyncIterator[Snapshot | None]) -> AsyncIterator[bytes]:
    yield _event(type="start", messageId=message_id, messageMetadata={"status": "streaming"})
    sent = 0
    last: Snapshot | None = None
    async for state in states:
        if state is None:
            yield QUIET
            continue
        last = state
        if len(state.content) > sent:
            if not sent:
                yield _event(type="text-start", id="text")
            yield _event(type="text-delta", id="text", delta=state.content[sent:])
            sent = len(state.content)
    if sent:
        yield _event(type="text-end", id="text")
    for source in last.sources if last else []:
        yield _event(
            type="source-document",
            sourceId=f"{source['source_id']}#{source['page']}",
            mediaType="text/plain",
            title=f"{source['title']}, page {source['page']}",
            providerMetadata={"aide": source},
        )
    status, failure = (last.status, last.failure) if last else ("failed", "interrupted")
    yield _event(type="message-metadata", messageMetadata={"status": status, "failure": failure})
    if status == "failed":
        yield _event(type="error", errorText=_MEANINGS.get(failure or "", "The answer could not be finished."))
    yield _event(type="finish")
    yield b"data: [DONE]\n\n"


def stream_progress(lab_id: str, states: AsyncIterator[Snapshot | None]) -> StreamingResponse:
    """How far the generation of a lab has come, to its end."""
    return StreamingResponse(_progress_events(lab_id, states), headers=HEADERS, media_type="text/event-stream")


async def _progress_events(lab_id: str, states: AsyncIterator[Snapshot | None]) -> AsyncIterator[bytes]:
    yield _event(type="start", messageId=lab_id, messageMetadata={"status": "generating"})
    shown: dict[str, Any] = {}
    status, failure = "failed", "interrupted"
    async for state in states:
        if state is None:
            yield QUIET
            continue
        progress = {name: value for name, value in (state.progress or {}).items() if name in {"step", "attempt"}}
        if not state.is_running:
            status, failure = state.status, state.failure or ""
            progress = {"step": "done"} if status not in {"failed", "pending"} else {}
        if progress and progress != shown:
            shown = progress
            yield _event(type="data-progress", id="progress", data=progress)
    yield _event(type="message-metadata", messageMetadata={"status": status, "failure": failure or None})
    if status == "failed":
        yield _event(type="error", errorText=_MEANINGS.get(failure, "The lab could not be generated."))
    yield _event(type="finish")
    yield b"data: [DONE]\n\n"


def _event(**chunk: Any) -> bytes:
    return f"data: {json.dumps(chunk, separators=(',', ':'))}\n\n".encode()
