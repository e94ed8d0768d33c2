"""The limits around an app that does what it should not: answers that fail half way, bodies that are held."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import respx
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.context import Context
from app.errors import UnfinishedAnswerError
from app.lanes import Lane, Lanes, Places
from app.memory import UNCOUNTED_BYTES, Memory
from app.middleware import SENDING_SECONDS, LimitsMiddleware, RequestMiddleware
from tests.routes.exchange import problem

ORDINARY = Lane(seconds=2, places=2, places_per_user=1, body_bytes=1 << 20)
STREAMED = Lane(seconds=2, places=2, places_per_user=1, body_bytes=1 << 20, streamed=True, pattern="(?:GET|PUT) /.*")
TOTAL = 10 << 20
START: Message = {"type": "http.response.start", "status": 200, "headers": []}
PIECE: Message = {"type": "http.response.body", "body": b"a piece", "more_body": True}
ID = "60000000-0000-4000-8000-000000000001"
END: Message = {"type": "http.response.body", "body": b""}


def ask(
    app: Callable[[Scope, Receive, Send], Awaitable[None]], method: str = "POST", body: bytes = b""
) -> tuple[list[Message], Memory]:
    """What the limits around the app answer to one request, and the memory that it was given."""
    memory = Memory(TOTAL, patience=1)
    lanes = Lanes(ORDINARY, [STREAMED])
    limited: ASGIApp = LimitsMiddleware(app, lanes=lanes, hosts=("*",))
    limited = RequestMiddleware(limited, lanes=lanes, memory=memory, log_users=False)
    scope: dict[str, Any] = {"type": "http", "method": method, "path": "/x", "raw_path": b"/x"}
    scope |= {"query_string": b"", "headers": [(b"host", b"gateway.test")], "route": None}
    answered: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        answered.append(message)

    asyncio.run(limited(scope, receive, send))
    return answered, memory


def access_line(caplog: pytest.LogCaptureFixture) -> tuple[int, dict[str, Any]]:
    [record] = [record for record in caplog.records if record.name == "app.access"]
    return record.levelno, vars(record)["fields"]


@pytest.mark.parametrize(
    ("failure", "lines"), [(ValueError("a secret"), 1), (TimeoutError(), 0), (UnfinishedAnswerError(), 0)]
)
def test_an_answer_that_fails_half_way_is_cut_off_and_told_in_one_line(
    caplog: pytest.LogCaptureFixture, failure: Exception, lines: int
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(dict(START, headers=[]))
        await send(PIECE)
        raise failure

    with caplog.at_level(logging.INFO):
        answered, _ = ask(app)
    assert [message["type"] for message in answered] == [START["type"], PIECE["type"]], "nothing more is answered"
    level, fields = access_line(caplog)
    assert (level, fields["code"]) == (logging.WARNING, "cut_off")
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == lines


def test_an_unexpected_failure_is_told_with_its_request_and_where_it_came_from(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("of the inside")

    with caplog.at_level(logging.INFO):
        answered, _ = ask(app)
    assert answered[0]["status"] == 500
    _, fields = access_line(caplog)
    [error] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert error.getMessage() == f"request {fields['request_id']} failed"
    assert error.exc_info
    assert "upstream_ms" not in fields, "nothing was asked of Supabase"


def test_each_piece_that_is_taken_gives_an_answer_more_time() -> None:
    left = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        deadline = Context.of(scope).deadline
        await send(dict(START, headers=[]))
        for message in (PIECE, END):
            await send(message)
            left.append((deadline.when() or 0) - asyncio.get_running_loop().time())

    ask(app)
    assert all(ORDINARY.seconds < seconds <= SENDING_SECONDS for seconds in left)


@pytest.mark.parametrize(
    ("method", "size", "is_held"),
    [("POST", UNCOUNTED_BYTES, False), ("POST", UNCOUNTED_BYTES + 1, True), ("PUT", 1 << 20, False)],
)
def test_a_large_body_counts_as_memory_until_it_is_answered_unless_it_is_streamed(
    method: str, size: int, is_held: bool
) -> None:
    held = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        held.append(Context.of(scope).memory.size)
        await send(dict(START, headers=[]))
        await send(END)

    _, memory = ask(app, method, b"x" * size)
    assert [size > 0 for size in held] == [is_held]
    asyncio.run(memory.share().grow(TOTAL))  # all of it is free again


def test_nothing_is_kept_of_a_user_who_has_no_request_any_more() -> None:
    places = Places(1, 1)
    with places.take_of_user("ada"):
        assert places._users
    assert not places._users


def test_between_two_pieces_others_have_their_turn() -> None:
    turns = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(dict(START, headers=[]))
        others = asyncio.Event()
        asyncio.get_running_loop().call_soon(others.set)
        await send(PIECE)
        turns.append(others.is_set())
        await send(END)

    ask(app)
    assert turns == [True], "else an answer whose client is gone could not be ended"


@pytest.mark.parametrize("path", ["/v1/workspaces%0A", f"/v1/labs/{ID}/run%0A", "/v1/workspaces%0D%0A", "/health%0A"])
def test_an_address_that_ends_in_a_line_feed_is_refused(client: TestClient, upstream: respx.Router, path: str) -> None:
    for method in ("GET", "POST"):
        answer = client.request(method, path, json={"name": "L"} if method == "POST" else None)
        problem(answer, 400, "malformed_request")
    assert not upstream.calls


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_asks_for_the_headers_alone_has_the_places_of_who_asks_for_all(method: str) -> None:
    lanes: list[Lane] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        lanes.append(Context.of(scope).lane)
        await send(dict(START, headers=[]))
        await send(END)

    ask(app, method)
    assert lanes == [STREAMED]


def test_nothing_is_made_of_an_answer_whose_headers_alone_are_wanted(
    client: TestClient, upstream: respx.Router
) -> None:
    row = {"id": ID, "status": "streaming"}
    asked = upstream.get("/rest/v1/chat_messages").respond(200, json=[row])
    answer = client.head(f"/v1/workspaces/{ID}/chat/main/stream")
    assert (answer.status_code, answer.headers["x-vercel-ai-ui-message-stream"]) == (200, "v1")
    assert len(asked.calls) == 1, "the row is found, and not followed"


def test_what_a_client_has_made_up_is_repeated_in_short(client: TestClient) -> None:
    answer = client.post("/v1/workspaces", json={"name": "L", "\N{GRINNING FACE}" * 500_000: 1})
    [error] = problem(answer, 422, "invalid_request")["errors"]
    assert error["loc"] == ["body", "\N{GRINNING FACE}" * 200 + "..."]
    assert len(answer.content) < 4000
