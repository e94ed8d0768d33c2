"""Answers that are bytes already: sent in pieces when they are large, no faster than the client takes them."""

from collections.abc import AsyncIterator, Mapping

import httpx
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.context import Context
from app.errors import UnfinishedAnswerError

PIECE_BYTES = 64 * 1024
"""The server holds a few pieces for a client that does not read. The rest waits, and is not sent on its way."""
JSON = "application/json"


def json_answer(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON that is written already."""
    if len(body) <= PIECE_BYTES:
        return Response(body, status, headers, JSON)
    length = {"Content-Length": str(len(body))}
    return StreamingResponse(_pieces(body), status, {**(headers or {}), **length}, JSON)


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    view = memoryview(body)
    for begin in range(0, len(body), PIECE_BYTES):
        yield view[begin : begin + PIECE_BYTES]


class StreamedAnswer(StreamingResponse):
    """An answer that is made while it is sent; none of it is made for a HEAD."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if Context.of(scope).is_head:
            self.body_iterator = _pieces(b"")
        await super().__call__(scope, receive, send)


class _PassedOnAnswer(StreamedAnswer):
    """An answer whose pieces come from an upstream answer, which it closes."""

    _upstream: httpx.Response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._upstream.aclose()


class FileAnswer(_PassedOnAnswer):
    """A part of what an upstream answer holds, or all of it, passed on as it comes."""

    def __init__(
        self, upstream: httpx.Response, skipped: int, length: int, status: int, headers: Mapping[str, str], kind: str
    ) -> None:
        """`length` bytes are sent, after so many `skipped` ones."""
        self._upstream = upstream
        super().__init__(self._part(skipped, length), status, {**headers, "Content-Length": str(length)})
        self.headers["Content-Type"] = kind  # Starlette would add a charset to texts, which nobody knows

    async def _part(self, skipped: int, length: int) -> AsyncIterator[bytes]:
        assert isinstance(self._upstream.stream, httpx.AsyncByteStream)
        try:
            async for piece in self._upstream.stream:
                part = piece[skipped : skipped + length]
                skipped -= min(skipped, len(piece))
                length -= len(part)
                if part:
                    yield part
                if not length:
                    return
        except httpx.TransportError as error:
            raise UnfinishedAnswerError from error
        if length:
            raise UnfinishedAnswerError


class ElementAnswer(_PassedOnAnswer):
    """The one element of the list that an upstream answer holds, passed on as it comes."""

    def __init__(self, first: bytes, upstream: httpx.Response) -> None:
        """`first` are the bytes that were read already."""
        self._upstream = upstream
        super().__init__(self._element(first), media_type=JSON)

    async def _element(self, first: bytes) -> AsyncIterator[bytes]:
        held = first[1:]  # without the list's own bracket; the other is at the end of the last piece
        assert isinstance(self._upstream.stream, httpx.AsyncByteStream)
        try:
            async for piece in self._upstream.stream:
                yield held
                held = piece
        except httpx.TransportError as error:
            raise UnfinishedAnswerError from error
        if not held.endswith(b"]"):
            raise UnfinishedAnswerError
        yield held[:-1]
