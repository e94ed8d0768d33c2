"""Answers of a language model to one question, as OpenAI's API streams them: for a route that answers at once."""

import json
from typing import Any

import httpx

from tests.scripted_model import chunk

TOOL = "quiz_lab"
"""The tool by which an object is asked for and answered."""


def streamed(*deltas: Any, finish: str = "stop", tokens: int | None = None) -> httpx.Response:
    """An answer in pieces: texts, and whatever else a `delta` can be. With `tokens` the model counts so many."""
    made = [delta if isinstance(delta, dict) else {"content": delta} for delta in deltas]
    events = [chunk("a-model", delta=delta, finish_reason=None) for delta in made]
    events.append(chunk("a-model", delta={}, finish_reason=finish))
    if tokens:
        usage = {"prompt_tokens": tokens - 2, "completion_tokens": 2, "total_tokens": tokens}
        last = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": usage}
        events.append(f"data: {json.dumps(last)}\n\n".encode())
    return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=b"".join(events))


def call(arguments: Any, *, begins: bool = False) -> dict[str, Any]:
    """A `delta` with a piece of the object that is asked for."""
    if not begins:
        return {"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]}
    function = {"name": TOOL, "arguments": arguments}
    return {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}
