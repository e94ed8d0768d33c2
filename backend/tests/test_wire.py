"""The streams as they are sent: each part in its order, whatever became of the turn."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.responses import StreamingResponse

from app.errors import TokenExpiredError
from app.lab_errors import ModelRefusedError
from app.services.leases import Snapshot
from app.wire import stream_answer, stream_progress

Stream = Callable[[str, AsyncIterator[Snapshot | None]], StreamingResponse]
SOURCE = {"source_id": "50000000-0000-4000-8000-000000000001", "title": "Maps", "page": 41, "number": 1}


def sent(stream: Stream, *states: Snapshot | None) -> list[str]:
    """The events of a stream that shows these states, without its beginning and `[DONE]`."""

    async def shown() -> AsyncIterator[Snapshot | None]:
        for state in states:
            yield state

    async def read() -> str:
        pieces = [piece async for piece in stream("the-id", shown()).body_iterator]
        return b"".join(piece for piece in pieces if isinstance(piece, bytes)).decode()

    first, *events, done, rest = asyncio.run(read()).split("\n\n")
    assert json.loads(first.removeprefix("data: "))["messageId"] == "the-id"
    assert (done, rest) == ("data: [DONE]", "")
    return events


def parts(stream: Stream, *states: Snapshot | None) -> list[tuple[str, Any]]:
    """As `sent`: the type of each part, and what it says."""
    told = [json.loads(event.removeprefix("data: ")) for event in sent(stream, *states)]
    names = ("delta", "data", "messageMetadata", "errorText", "title")
    return [(part["type"], next((part[name] for name in names if name in part), None)) for part in told]


def ended(status: str, failure: str | None = None) -> tuple[str, Any]:
    return ("message-metadata", {"status": status, "failure": failure})


def test_an_answer_is_sent_by_what_is_new_of_it() -> None:
    states = [Snapshot("streaming", content=text) for text in ("", "Be", "Be", "Because")]
    assert parts(stream_answer, *states, Snapshot("complete", content="Because.", sources=[SOURCE])) == [
        ("text-start", None),
        ("text-delta", "Be"),
        ("text-delta", "cause"),
        ("text-delta", "."),
        ("text-end", None),
        ("source-document", "Maps, page 41"),
        ended("complete"),
        ("finish", None),
    ]


def test_an_answer_without_a_word_has_no_text() -> None:
    assert parts(stream_answer, Snapshot("streaming"), Snapshot("stopped")) == [ended("stopped"), ("finish", None)]


@pytest.mark.parametrize("stream", [stream_answer, stream_progress])
def test_a_failure_is_told_in_a_sentence(stream: Stream) -> None:
    known, unknown = Snapshot("failed", ModelRefusedError.code), Snapshot("failed", "of_a_later_release")
    assert parts(stream, known) == [
        ended("failed", ModelRefusedError.code),
        ("error", ModelRefusedError.meaning()),
        ("finish", None),
    ]
    (_, (kind, said), _) = parts(stream, unknown)
    assert (kind, said.partition(" could not be ")[2]) in {("error", "finished."), ("error", "generated.")}


@pytest.mark.parametrize(("stream", "status"), [(stream_answer, "streaming"), (stream_progress, "generating")])
def test_a_row_that_goes_has_failed(stream: Stream, status: str) -> None:
    for states in ([], [Snapshot(status)]):
        assert parts(stream, *states)[0] == ended("failed", "interrupted")


@pytest.mark.parametrize(("stream", "status"), [(stream_answer, "streaming"), (stream_progress, "generating")])
def test_silence_is_broken_by_a_comment(stream: Stream, status: str) -> None:
    assert ": still here" in sent(stream, Snapshot(status), None, Snapshot("failed", "interrupted"))


def test_each_step_of_a_lab_is_told_once_and_nothing_else_of_its_progress() -> None:
    def step(attempt: int, turn: str = "a") -> Snapshot:
        return Snapshot("generating", progress={"step": "writing", "attempt": attempt, "turn": turn})

    assert parts(stream_progress, step(1), step(1, "b"), step(2), Snapshot("in_progress")) == [
        ("data-progress", {"step": "writing", "attempt": 1}),
        ("data-progress", {"step": "writing", "attempt": 2}),
        ("data-progress", {"step": "done"}),
        ended("in_progress"),
        ("finish", None),
    ]


@pytest.mark.parametrize("status", ["failed", "pending"])
def test_a_lab_that_was_not_generated_is_not_done(status: str) -> None:
    last = Snapshot(status, progress={"step": "writing", "attempt": 3})
    assert "data-progress" not in dict(parts(stream_progress, last))


def test_nothing_on_the_way_may_hold_a_stream_back() -> None:
    async def nothing() -> AsyncIterator[Snapshot | None]:
        return
        yield

    headers = stream_answer("m", nothing()).headers
    assert headers["x-accel-buffering"] == "no"
    assert headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("stream", [stream_answer, stream_progress])
def test_who_is_refused_while_listening_is_told_why_and_nothing_of_an_end(stream: Stream) -> None:
    async def refused() -> AsyncIterator[Snapshot | None]:
        yield Snapshot("streaming", content="Be", progress={"step": "writing"})
        raise TokenExpiredError

    async def read() -> list[str]:
        pieces = [piece async for piece in stream("the-id", refused()).body_iterator]
        return [piece.decode() for piece in pieces if isinstance(piece, bytes)]

    *_, error, finish, done = asyncio.run(read())
    assert json.loads(error.removeprefix("data: ")) == {"type": "error", "errorText": TokenExpiredError().detail}
    assert (json.loads(finish.removeprefix("data: "))["type"], done) == ("finish", "data: [DONE]\n\n")
    assert "message-metadata" not in "".join(asyncio.run(read()))
