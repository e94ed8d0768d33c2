"""The file store as one caller has it: what becomes of a file whose client or whose store is gone."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest
import respx

from app.config import Settings
from app.context import Context
from app.errors import MalformedRequestError, RangeError, UpstreamUnavailableError
from app.memory import Memory
from app.services.pool import AiohttpClient
from app.services.storage import MAX_REMOVED, Bucket
from dev.processes import free_port
from tests.conftest import server
from tests.services.test_db import make_context

PATH = "/storage/v1/object/sources"


def with_bucket(story: Callable[[Bucket], Awaitable[None]], address: str | None = None, **settings: Any) -> Context:
    """Run the story with a caller's files, at another address if one is given; the context of the request."""

    async def run() -> Context:
        context = make_context(Memory(1 << 20, patience=1))
        async with AiohttpClient(Settings(**settings)) as http:
            await story(Bucket(http, f"{address or server.url}/storage/v1/object", {"apikey": "key"}, context))
        return context

    return asyncio.run(run())


async def broken() -> AsyncIterator[bytes]:
    """What a client sends that goes away."""
    yield b"some "
    raise MalformedRequestError


async def whole() -> AsyncIterator[bytes]:
    yield b"some "
    yield b"text"


def test_a_client_that_goes_away_is_not_taken_for_a_lost_connection(upstream: respx.Router) -> None:
    upstream.route().respond(200, json={})

    async def story(bucket: Bucket) -> None:
        with pytest.raises(MalformedRequestError):
            await bucket.put("w/s/a.txt", broken(), "text/plain", None)

    with_bucket(story)


@pytest.mark.parametrize("size", [None, 9])
def test_a_length_that_is_known_is_announced(upstream: respx.Router, size: int | None) -> None:
    stored = upstream.post(f"{PATH}/w/s/a.txt").respond(200, json={})
    context = with_bucket(lambda bucket: bucket.put("w/s/a.txt", whole(), "text/plain", size))
    sent = stored.calls.last.request
    assert sent.content == b"some text"
    assert ("transfer-encoding" in sent.headers) == (size is None)
    assert context.upstream_seconds > 0


def test_a_file_store_that_cannot_be_reached_has_taken_nothing() -> None:
    async def story(bucket: Bucket) -> None:
        with pytest.raises(UpstreamUnavailableError):
            await bucket.put("w/s/a.txt", whole(), "text/plain", 9)
        with pytest.raises(UpstreamUnavailableError):
            await bucket.remove(["w/s/a.txt"])

    with_bucket(story, f"http://127.0.0.1:{free_port()}")


def test_files_are_removed_so_many_at_a_time(upstream: respx.Router) -> None:
    removed = upstream.delete(PATH).respond(200, json=[])
    paths = [f"w/s/{number}" for number in range(MAX_REMOVED + 1)]
    with_bucket(lambda bucket: bucket.remove(paths))
    sent = [json.loads(call.request.content)["prefixes"] for call in removed.calls]
    assert [len(each) for each in sent] == [1000, 1], "Storage takes a thousand"
    assert [path for each in sent for path in each] == paths


async def begin_reading(bucket: Bucket) -> None:
    """Read a file that is left at its first piece."""
    async with aclosing(bucket.pieces("w/s/a.txt")) as pieces:
        async for _ in pieces:
            break


@pytest.mark.parametrize(
    "call",
    [
        lambda bucket: bucket.put("w/s/a.txt", whole(), "text/plain", 9),
        lambda bucket: bucket.copy("w/s/a.txt", "w/s/b.txt"),
        lambda bucket: bucket.remove(["w/s/a.txt"]),
        begin_reading,
    ],
)
def test_an_answer_that_nobody_reads_keeps_no_connection(
    upstream: respx.Router, call: Callable[[Bucket], Awaitable[None]]
) -> None:
    upstream.route().respond(200, content=b"a" * 4_000_000)

    async def story(bucket: Bucket) -> None:
        gc.disable()  # which would close it at some time
        try:
            async with asyncio.timeout(10):
                for _ in range(2):
                    await call(bucket)
        finally:
            gc.enable()

    with_bucket(story, UPSTREAM_CONNECTIONS=1)


def test_a_file_is_asked_for_as_it_is_never_packed(upstream: respx.Router) -> None:
    asked = upstream.get(f"{PATH}/w/s/a.txt").respond(200, content=b"text")

    async def story(bucket: Bucket) -> None:
        await (await bucket.open("w/s/a.txt")).aclose()

    with_bucket(story)
    assert asked.calls.last.request.headers["accept-encoding"] == "identity"


def test_a_range_that_the_store_refuses_is_told_with_the_files_size(upstream: respx.Router) -> None:
    upstream.route().respond(416, headers={"Content-Range": "bytes */9"}, json={"statusCode": "416"})

    async def story(bucket: Bucket) -> None:
        with pytest.raises(RangeError) as refusal:
            await bucket.open("w/s/a.txt", "bytes=10-")
        assert refusal.value.headers == {"Content-Range": "bytes */9"}

    with_bucket(story)
