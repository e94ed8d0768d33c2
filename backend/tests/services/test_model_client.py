"""What is taken out of a model's stream of events, and what is left to the libraries."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from app.services.model_client import MAX_LINE, Answer


class Pieces(httpx2.AsyncByteStream):
    """A stream in pieces of so many bytes."""

    def __init__(self, content: bytes, size: int) -> None:
        self.content, self.size = content, size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for begin in range(0, len(self.content), self.size):
            yield self.content[begin : begin + self.size]


def event(delta: dict[str, Any], end: str = "\n", **chunk: Any) -> str:
    finish = chunk.pop("finish_reason", None)
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'id': 'x', 'choices': [choice], 'usage': None} | chunk)}{end}{end}"


def read(content: str | bytes, size: int = 1000, most: int = 1000) -> tuple[str, str]:
    """The text that is told, and what is left to the libraries."""
    told = []

    def hear(text: str) -> bool:
        told.append(text)
        return len("".join(told)) < most

    async def left() -> str:
        stream = Pieces(content if isinstance(content, bytes) else content.encode(), size)
        return b"".join([piece async for piece in Answer(stream, hear)]).decode()

    rest = asyncio.run(left())
    return "".join(told), rest


START = event({"role": "assistant", "content": ""})
END = event({}, finish_reason="stop") + "data: [DONE]\n\n"


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_plain_text_is_told_and_the_rest_is_left(size: int, end: str) -> None:
    words = ["Wörter, ", "\n\n", "data: {} ", "🙂"]
    stream = START + "".join(event({"content": word, "refusal": None}, end) for word in words) + END
    told, left = read(stream, size)
    assert told == "".join(words)
    first = event({"content": "", "refusal": None})  # by which the libraries know that the model answers
    assert left == START + first + END


def test_what_is_more_than_text_is_left_with_all_that_follows_it() -> None:
    mixed = event({"content": "b", "annotations": [1]}) + event({"content": "c"}) + END
    assert read(event({"content": "a"}) + mixed) == ("a", event({"content": ""}) + mixed)
    thought = event({"reasoning_content": "Hm", "content": None}) + ": still here\n\n" + event({"tool_calls": [{}]})
    assert read(thought + event({"content": "a"})) == ("a", thought + event({"content": ""}))


@pytest.mark.parametrize("line", ["data: {not json", "data: [1]", 'data: {"error": {"message": "no"}}', "event: x"])
def test_what_is_not_known_is_left(line: str) -> None:
    assert read(f"{line}\n\n") == ("", f"{line}\n\n")


def test_nothing_is_read_once_there_is_enough() -> None:
    told, left = read(event({"content": "abc"}) * 3 + END, size=50, most=5)
    assert told == "abcabc"
    assert "DONE" not in left


def test_a_line_without_end_is_not_read() -> None:
    with pytest.raises(httpx2.ReadError):
        read(b"x" * (MAX_LINE + 100), size=65536)
