"""The HTTP client that talks to the language model, imported with the libraries that use it.

They make some twenty objects of each piece of an answer, which is most of what an answer costs. Nearly all pieces are
plain text: those are read here, and the libraries get what is left. No answer is read without end.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import Any

import httpx2
import msgspec
import openai

MAX_LINE = 4 * 1024 * 1024
"""Bytes of one line of an answer, which is one piece of it."""
MAX_BYTES = 64 * 1024 * 1024
"""Bytes of an answer in all."""

hearing: ContextVar[Callable[[str], bool] | None] = ContextVar("hearing", default=None)
"""Called with each plain piece of text that answers this task's requests; returns whether to read on."""


class _Choice(msgspec.Struct):
    delta: dict[str, Any]
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice]
    usage: dict[str, Any] | None = None


_read_chunk = msgspec.json.Decoder(_Chunk).decode


def open_client() -> httpx2.AsyncClient:
    """A client as the library's own, over aiohttp, which costs less, and with bounds."""
    return openai.DefaultAioHttpClient(
        headers={"Accept-Encoding": "identity"},  # what is compressed cannot be bounded
        event_hooks={"response": [_take_over]},
    )


async def _take_over(response: httpx2.Response) -> None:
    if "content-encoding" in response.headers:
        raise httpx2.DecodingError("The model compresses its answers, which it was asked not to.")
    is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
    response.stream = Answer(response.stream, hearing.get() if is_stream and response.is_success else None)  # type: ignore[arg-type]


class Answer(httpx2.AsyncByteStream):
    """The bytes of an answer, without its plain pieces of text once those were told."""

    def __init__(self, stream: httpx2.AsyncByteStream, hear: Callable[[str], bool] | None) -> None:
        self._stream = stream
        self._hear = hear
        self._is_first = True
        self._was_told = False
        self._is_enough = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size, begun = 0, b""
        async for piece in self._stream:
            size += len(piece)
            *lines, begun = (begun + piece).split(b"\n")
            if size > MAX_BYTES or len(begun) > MAX_LINE:
                raise httpx2.ReadError("The model's answer is too long.")
            if left := b"".join(map(self._left_of, lines)):
                yield left
            if self._is_enough:
                return
        yield begun

    async def aclose(self) -> None:
        await self._stream.aclose()

    def _left_of(self, line: bytes) -> bytes:
        """What the libraries get of a line."""
        if self._is_enough or (self._was_told and line in {b"", b"\r"}):
            return b""
        text = self._plain_text(line) if self._hear else ""
        self._was_told = bool(text)
        if not text or not self._hear:
            return line + b"\n"
        self._is_enough = not self._hear(text)
        if not self._is_first:
            return b""
        self._is_first = False  # by which they know that the model answers
        chunk = json.loads(line[5:])
        chunk["choices"][0]["delta"]["content"] = ""
        return b"data: " + json.dumps(chunk).encode() + b"\n\n"

    def _plain_text(self, line: bytes) -> str:
        """The text that the line adds, if it does nothing else."""
        if not line.startswith(b"data:"):
            return ""
        try:
            chunk = _read_chunk(line[5:])
        except msgspec.DecodeError:
            return ""
        if len(chunk.choices) != 1:
            return ""
        choice = chunk.choices[0]
        text = choice.delta.get("content")
        others = any(value is not None for name, value in choice.delta.items() if name not in {"role", "content"})
        if isinstance(text, str) and not (others or choice.finish_reason or chunk.usage):
            return text
        if text:
            self._hear = None  # the libraries tell it, and what follows, so that nothing overtakes it
        return ""
