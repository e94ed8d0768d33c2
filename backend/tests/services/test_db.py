"""How queries are sent and rows are read: the same as the Supabase client's own `execute`, for every shape of query."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
import respx
from fastapi.testclient import TestClient
from supabase import AsyncClient, AsyncClientOptions

from app.config import Settings
from app.context import Context
from app.lanes import Lane
from app.memory import UNCOUNTED_BYTES, Memory, Share
from app.services import db
from app.services.db import Session
from app.services.pool import AiohttpClient
from tests.conftest import server
from tests.routes.exchange import problem

IDENTITY = {"Authorization": "Bearer token", "X-Request-ID": "the-one"}
ROWS = [{"id": "1", "name": "ünï", "tags": [1, None, {"a": 0.5}]}]
ID = UUID(int=1)

SHAPES: dict[str, Callable[[Any], Any]] = {
    "select": lambda rest: rest.from_("t").select("id,name"),
    "filters": lambda rest: rest.from_("t").select("*").eq("id", ID).gte("n", 1.5).in_("v", [1, 2]).is_("x", None),
    "or": lambda rest: rest.from_("t").select("*").lte("a", "2026-11-23T00:00:00Z").or_('a.lt."x,y",id.lt.1'),
    "literal search": lambda rest: rest.from_("t").select("*").filter("name", "imatch", r"a\*b, c&d=é"),
    "order and limit": lambda rest: rest.from_("t").select("*").order("a", desc=True).order("id").limit(3),
    "single": lambda rest: rest.from_("t").select("*").single(),
    "insert": lambda rest: rest.from_("t").insert({"name": "ünï\n", "n": 1e100, "d": {"a": [True]}}).select("id"),
    "upsert": lambda rest: rest.from_("t").upsert({"id": str(ID)}, on_conflict="id"),
    "update": lambda rest: rest.from_("t").update({"name": None}).eq("id", ID).select("id,name"),
    "delete": lambda rest: rest.from_("t").delete().eq("id", ID).select("id"),
    "call": lambda rest: rest.rpc("f", {"a": "é", "b": [1]}),
    "reading call": lambda rest: rest.rpc("f", {"a": "é & b", "n": 1}, get=True),
    "counted": lambda rest: rest.from_("t").select("*", count="exact"),
}
# What a client says of itself, and of the connection.
OF_THE_CLIENT = {"user-agent", "accept-encoding", "connection", "host", "content-length", "accept"}


def client_over(http: httpx.AsyncClient, url: str) -> AsyncClient:
    client = AsyncClient(url, "sb_publishable_test", AsyncClientOptions(httpx_client=http))
    del client.postgrest.headers["Authorization"]
    return client


@pytest.mark.parametrize("shape", SHAPES)
def test_a_query_is_sent_and_answered_as_the_client_itself_would(upstream: respx.Router, shape: str) -> None:
    route = upstream.route().respond(200, json=ROWS)

    async def ours() -> Any:
        async with AiohttpClient(Settings()) as http:
            client = client_over(http, server.url)
            return json.loads(await Session(client, IDENTITY, None).send(SHAPES[shape](client.postgrest)))

    async def theirs() -> Any:
        async with httpx.AsyncClient(headers=IDENTITY) as http:
            return (await SHAPES[shape](client_over(http, server.url).postgrest).execute()).data

    assert asyncio.run(ours()) == asyncio.run(theirs()) == ROWS
    (first, _), (second, _) = route.calls
    assert (first.method, first.url.path, first.content) == (second.method, second.url.path, second.content)
    assert first.url.params == second.url.params, "the same, however it is escaped"
    own = {name: value for name, value in first.headers.items() if name not in OF_THE_CLIENT}
    assert own.pop("prefer").removesuffix("timezone=UTC").rstrip(",") == second.headers.get("prefer", "")
    assert own == {name: value for name, value in second.headers.items() if name not in {*OF_THE_CLIENT, "prefer"}}
    if "accept" in second.headers and second.headers["accept"] != "*/*":
        assert first.headers["accept"] == second.headers["accept"]


# Every method of the builders that sets a header of its own.
SETTING_HEADERS: dict[str, Callable[[Any], Any]] = {
    "single": lambda rest: rest.from_("t").select("*").single(),
    "maybe_single": lambda rest: rest.from_("t").select("*").maybe_single(),
    "csv": lambda rest: rest.from_("t").select("*").csv(),
    "explain": lambda rest: rest.from_("t").select("*").explain(),
    "count": lambda rest: rest.from_("t").select("*", count="exact"),
    "insert": lambda rest: rest.from_("t").insert({}, count="exact", upsert=True),
    "upsert": lambda rest: rest.from_("t").upsert({}, ignore_duplicates=True),
    "update": lambda rest: rest.from_("t").update({}, count="planned").select("id"),
    "delete": lambda rest: rest.from_("t").delete(count="exact").select("id"),
    "rpc": lambda rest: rest.rpc("f", {}, count="exact"),
    "rpc select": lambda rest: rest.rpc("f", {}).select("id"),
    "max_affected": lambda rest: rest.from_("t").update({}).max_affected(1),
}


@pytest.mark.parametrize("method", SETTING_HEADERS)
def test_what_one_query_sets_is_on_no_other_query(method: str) -> None:
    client = client_over(
        httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(200))), "http://supabase.test"
    )
    before = [dict(build(client.postgrest).request.headers) for build in SHAPES.values()]
    built = SETTING_HEADERS[method](client.postgrest)
    built.request.headers["X-Of-One-Caller"] = "secret"
    assert [dict(build(client.postgrest).request.headers) for build in SHAPES.values()] == before
    assert "X-Of-One-Caller" not in client.postgrest.headers


def row(number: int, size: int) -> dict[str, Any]:
    return {
        "id": str(UUID(int=number)),
        "workspace_id": str(ID),
        "user_id": None,
        "chat_id": "main",
        "role": "user",
        "status": "complete",
        "failure": None,
        "sources": [],
        "tokens": None,
        "content": "x" * size,
        "mentions": [],
        "seq": number,
        "created_at": datetime(2026, 11, 23, tzinfo=UTC).isoformat(),
    }


def test_a_page_of_rows_that_are_very_large_ends_earlier_and_links_on(
    client: TestClient, upstream: respx.Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "MAX_PAGE_BYTES", 10_000)
    rows = [row(number, 1500) for number in range(1, 21)]

    def page(request: httpx.Request) -> httpx.Response:
        after = int(request.url.params.get("seq", "gte.0").removeprefix("gte."))
        left = [row for row in rows if row["seq"] > after]
        return httpx.Response(200, json=left[: int(request.url.params["limit"])])

    upstream.get("/rest/v1/chat_messages").mock(side_effect=page)
    seen: list[int] = []
    url: str | None = f"/v1/chat-messages?workspace_id={ID}&order=seq&limit=20"
    while url:
        response = client.get(url)
        assert response.status_code == 200
        assert 0 < len(response.json()) < 20
        seen += [row["seq"] for row in response.json()]
        url = response.links.get("next", {}).get("url")
    assert seen == [row["seq"] for row in rows]


def test_a_page_of_which_not_even_a_few_rows_fit_is_a_fault_upstream(
    client: TestClient, upstream: respx.Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "MAX_PAGE_BYTES", 1000)
    upstream.get("/rest/v1/chat_messages").respond(200, json=[row(1, 1500)])
    problem(client.get(f"/v1/chat-messages?workspace_id={ID}"), 502, "bad_upstream")


@pytest.mark.parametrize("odd", [{"content": {"a": [1]}}, {"mentions": "no list"}, {"role": None}])
def test_an_odd_row_hides_no_page(client: TestClient, upstream: respx.Router, odd: dict[str, Any]) -> None:
    rows = [row(1, 1), row(2, 1) | odd]
    upstream.get("/rest/v1/chat_messages").respond(200, json=rows)
    answer = client.get(f"/v1/chat-messages?workspace_id={ID}").json()
    assert [entry | {"created_at": None} for entry in answer] == [entry | {"created_at": None} for entry in rows]


def test_what_an_answer_takes_is_counted_beyond_its_first_bytes(upstream: respx.Router) -> None:
    upstream.route().respond(200, content=b'"' + b"x" * (2 * UNCOUNTED_BYTES) + b'"')

    class Counting(Memory):
        taken = 0

        async def take(self, share: Share, size: int) -> None:
            self.taken += size
            await super().take(share, size)

    async def run() -> None:
        memory = Counting(1 << 30, patience=1)
        async with AiohttpClient(Settings()) as http:
            client = client_over(http, server.url)
            context = make_context(memory)
            session = Session(client, IDENTITY, context)
            await session.send(session.call("f", {}))
            assert 2 * UNCOUNTED_BYTES <= memory.taken <= 4 * UNCOUNTED_BYTES + 10
            context.memory.release()

    asyncio.run(run())


def make_context(memory: Memory) -> Context:
    lane = Lane(seconds=1, places=1, places_per_user=1, body_bytes=1)
    return Context(id="the-one", path="/v1", lane=lane, memory=memory.share(), deadline=asyncio.timeout(1))


ROW = {
    "id": str(ID),
    "owner_id": str(ID),
    "name": "Algebra",
    "viewport": {},
    "version": 1,
    "created_at": "2026-11-23T00:12:45Z",
    "updated_at": "2026-11-23T00:12:45Z",
    "active_at": "2026-11-23T00:12:45Z",
    "role": "owner",
}
LOST = httpx.ReadError("")
STOPPED = httpx.Response(503, json={"code": "", "message": "the server closed the connection"})
"""What the data API says when Postgres went away under the statement."""


def test_a_read_on_a_connection_that_was_lost_is_sent_again_once(client: TestClient, upstream: respx.Router) -> None:
    there = httpx.Response(200, json=ROW)
    route = upstream.get("/rest/v1/my_workspaces").mock(side_effect=[LOST, there, LOST, LOST])
    assert client.get(f"/v1/workspaces/{ID}").status_code == 200
    problem(client.get(f"/v1/workspaces/{ID}"), 503, "supabase_unavailable")
    assert route.call_count == 4


def test_a_write_is_never_sent_again(client: TestClient, upstream: respx.Router) -> None:
    route = upstream.post("/rest/v1/my_workspaces").mock(side_effect=[LOST, httpx.Response(201, json=ROW)])
    problem(client.post("/v1/workspaces", json={"name": "Algebra"}), 502, "connection_lost")
    assert route.call_count == 1


def test_only_of_a_write_it_is_unknown_whether_it_happened(client: TestClient, upstream: respx.Router) -> None:
    upstream.route().mock(return_value=STOPPED)
    problem(client.get(f"/v1/workspaces/{ID}"), 503, "supabase_unavailable")
    problem(client.post("/v1/workspaces", json={"name": "Algebra"}), 502, "connection_lost")


def test_every_query_asks_for_timestamps_in_utc(client: TestClient, upstream: respx.Router) -> None:
    upstream.get("/rest/v1/my_workspaces").respond(200, json=ROW)
    upstream.post("/rest/v1/my_workspaces").respond(201, json=ROW)
    client.get(f"/v1/workspaces/{ID}")
    client.post("/v1/workspaces", json={"name": "Algebra"})
    asked = [call.request.headers["prefer"] for call in upstream.calls]
    assert asked == ["timezone=UTC", "return=representation,timezone=UTC"]
