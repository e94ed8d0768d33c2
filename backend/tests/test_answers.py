"""Answers that are passed on as they come: whole, or seen to be cut off, and always closed upstream."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import Message

from app.answers import PIECE_BYTES, ElementAnswer, FileAnswer, json_answer
from app.context import Context
from app.errors import UnfinishedAnswerError
from app.lanes import Lane
from app.memory import Memory


class Upstream(httpx.AsyncByteStream):
    """A body in these pieces; None breaks the connection."""

    def __init__(self, *pieces: bytes | None) -> None:
        self.pieces = pieces
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if piece is None:
                raise httpx.ReadError("")
            yield piece

    async def aclose(self) -> None:
        self.is_closed = True

    @property
    def response(self) -> httpx.Response:
        return httpx.Response(200, stream=self)


def sent(answer: Any, *, is_head: bool = False) -> list[bytes]:
    """The pieces that a client is sent."""
    pieces: list[bytes] = []
    lane = Lane(1, 1, 1, 1)

    async def receive() -> Message:
        return await asyncio.Future()

    async def send(message: Message) -> None:
        if body := message.get("body"):
            pieces.append(bytes(body))

    async def run() -> None:
        memory = Memory(1, 1).share()
        context = Context("the-one", "/", lane, memory, asyncio.timeout(1), is_head=is_head)
        scope = {"type": "http", "state": {"context": context}, "asgi": {"spec_version": "2.4"}}
        await answer(scope, receive, send)

    asyncio.run(run())
    return pieces


def file(upstream: Upstream, skipped: int, length: int) -> FileAnswer:
    return FileAnswer(upstream.response, skipped, length, 206, {}, "text/plain")


@pytest.mark.parametrize(
    ("skipped", "length", "pieces"),
    [(0, 6, [b"abc", b"def"]), (1, 3, [b"bc", b"d"]), (4, 1, [b"e"]), (3, 3, [b"def"]), (0, 3, [b"abc"])],
)
def test_a_part_of_a_file_is_just_that_part(skipped: int, length: int, pieces: list[bytes]) -> None:
    upstream = Upstream(b"abc", b"def")
    assert sent(file(upstream, skipped, length)) == pieces
    assert upstream.is_closed


def test_head_sends_nothing_of_a_file_and_closes_it() -> None:
    upstream = Upstream(b"abc")
    assert sent(file(upstream, 0, 3), is_head=True) == []
    assert upstream.is_closed


@pytest.mark.parametrize("pieces", [(b"abc",), (b"abc", None)])
def test_a_file_that_ends_early_is_cut_off(pieces: tuple[bytes | None, ...]) -> None:
    upstream = Upstream(*pieces)
    with pytest.raises(UnfinishedAnswerError):
        sent(file(upstream, 0, 4))
    assert upstream.is_closed


@pytest.mark.parametrize("pieces", [(b"[{", b'"a":1}]'), (b"[", b'{"a":1}]'), (b'[{"a":1}', b"]"), (b'[{"a":1}]',)])
def test_the_one_element_of_a_list_is_sent_without_the_list(pieces: tuple[bytes, ...]) -> None:
    first, *rest = pieces
    upstream = Upstream(*rest)
    assert b"".join(sent(ElementAnswer(first, upstream.response))) == b'{"a":1}'
    assert upstream.is_closed


@pytest.mark.parametrize("rest", [(), (b'"a":1}',), (b'"a":1}', None)])
def test_a_list_that_ends_early_is_cut_off(rest: tuple[bytes | None, ...]) -> None:
    upstream = Upstream(*rest)
    with pytest.raises(UnfinishedAnswerError):
        sent(ElementAnswer(b"[{", upstream.response))
    assert upstream.is_closed


def test_a_large_answer_goes_out_in_pieces_and_says_how_long_it_is() -> None:
    body = b"x" * (2 * PIECE_BYTES + 1)
    answer = json_answer(body, headers={"ETag": '"1"'})
    assert (answer.headers["content-length"], answer.headers["etag"]) == (str(len(body)), '"1"')
    assert [len(piece) for piece in sent(answer)] == [PIECE_BYTES, PIECE_BYTES, 1]
