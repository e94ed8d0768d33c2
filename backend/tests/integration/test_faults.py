"""What clients see while Supabase misbehaves: a clear answer, in bounded time, on every kind of route.

The gateway and the upstream are real servers on real sockets.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest

from app.config import Settings
from app.main import create_app
from dev.processes import free_port
from tests.conftest import USER_ID
from tests.integration.upstreams import (
    Behaviour,
    Upstream,
    answer,
    close_within_body,
    drip,
    gush,
    misbehaving_upstream,
    not_http,
    read_request,
    reset,
    reset_within_body,
    silence,
)
from tests.serving import serving
from tests.tokens import JWT_SECRET, mint

DEADLINE = 1.0
GRACE = 0.5
ID = UUID(int=1)
ORIGIN = "https://app.example.com"
HTML = b"<html><body>502 Bad Gateway</body></html>"


@dataclass(frozen=True)
class Gateway:
    """The gateway as a real server, and its upstream."""

    client: httpx.Client
    upstream: Upstream


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with misbehaving_upstream() as upstream, pytest.MonkeyPatch.context() as patch:
        # Reached long before the deadline, on a slow machine too.
        patch.setattr("app.services.db.MAX_PAGE_BYTES", 4 * 1024 * 1024)
        settings = Settings(
            SUPABASE_URL=f"http://127.0.0.1:{upstream.port}",
            SUPABASE_PUBLISHABLE_KEY="sb_publishable_test",
            SUPABASE_JWT_SECRET=JWT_SECRET,
            CORS_ORIGINS=ORIGIN,
            REQUEST_TIMEOUT=DEADLINE,
        )
        headers = {"Authorization": f"Bearer {mint(str(USER_ID))}", "Origin": ORIGIN}
        with (
            serving(create_app(settings)) as url,
            httpx.Client(base_url=url, headers=headers, timeout=10) as client,
        ):
            yield Gateway(client, upstream)


ROUTES: dict[str, tuple[str, str, object]] = {
    "get": ("GET", f"/v1/workspaces/{ID}", None),
    "list": ("GET", "/v1/workspaces", None),
    "canvas": ("GET", f"/v1/workspaces/{ID}/canvas", None),
    "create": ("POST", "/v1/workspaces", {"id": str(ID), "name": "w"}),
    "update": ("PATCH", f"/v1/workspaces/{ID}", {"name": "w"}),
    "delete": ("DELETE", f"/v1/workspaces/{ID}", None),
    "layout": ("PATCH", f"/v1/workspaces/{ID}/canvas", {"viewport": {"x": 0, "y": 0, "zoom": 1}}),
}
READS = {"get", "list", "canvas"}

# What reads and writes are answered. A write of which nobody knows whether it happened says so.
FAULTS: dict[str, tuple[Behaviour, tuple[int, str], tuple[int, str]]] = {
    "reset": (reset, (503, "supabase_unavailable"), (502, "connection_lost")),
    "reset within the body": (reset_within_body, (503, "supabase_unavailable"), (502, "connection_lost")),
    "closed within the body": (close_within_body, (503, "supabase_unavailable"), (502, "connection_lost")),
    "silence": (silence, (504, "deadline_exceeded"), (504, "deadline_exceeded")),
    "drip": (drip, (504, "deadline_exceeded"), (504, "deadline_exceeded")),
    "gigantic": (gush, (502, "bad_upstream"), (502, "bad_upstream")),
    "not HTTP": (not_http, (503, "supabase_unavailable"), (502, "connection_lost")),
    "Postgres gone": (
        answer(b'{"code": "", "details": null, "hint": null, "message": ""}', status="400 X"),
        (503, "supabase_unavailable"),
        (502, "connection_lost"),
    ),
    "500": (answer(b'{"message": "secret"}', status="500 X"), (502, "bad_upstream"), (502, "bad_upstream")),
    "500 HTML": (
        answer(HTML, status="500 X", media="text/html"),
        (503, "supabase_unavailable"),
        (503, "supabase_unavailable"),
    ),
    "503 HTML": (
        answer(HTML, status="503 X", media="text/html"),
        (503, "supabase_unavailable"),
        (503, "supabase_unavailable"),
    ),
    "HTML": (answer(HTML, media="text/html"), (503, "supabase_unavailable"), (503, "supabase_unavailable")),
    "paused": (answer(b"", status="540 X"), (503, "supabase_unavailable"), (503, "supabase_unavailable")),
    "truncated JSON": (answer(b'{"nodes":[{"id": "'), (502, "bad_upstream"), (502, "bad_upstream")),
    "wrong types": (answer(b'{"id": 1, "name": []}'), (502, "bad_upstream"), (502, "bad_upstream")),
    "redirect": (
        answer(b"", status="302 Found", headers="Location: http://evil.test/\r\n"),
        (502, "bad_upstream"),
        (502, "bad_upstream"),
    ),
    "unknown API key": (
        answer(b'{"message": "Invalid API key"}', status="401 X"),
        (502, "supabase_key_refused"),
        (502, "supabase_key_refused"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("route", ROUTES)
def test_a_fault_is_answered_clearly_and_in_time(gateway: Gateway, fault: str, route: str) -> None:
    behaviour, of_read, of_write = FAULTS[fault]
    gateway.upstream.behaviour = behaviour
    method, path, body = ROUTES[route]
    seconds = []
    for _ in range(3):  # a machine that does not run for a moment is not the gateway's fault
        started_at = time.monotonic()
        response = gateway.client.request(method, path, json=body)
        seconds.append(time.monotonic() - started_at)
        if seconds[-1] < DEADLINE + GRACE:
            break
    assert min(seconds) < DEADLINE + GRACE
    document = response.json()
    assert (response.status_code, document["code"]) == (of_read if route in READS else of_write), response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["x-request-id"] == document["request_id"]
    assert ("retry-after" in response.headers) == (response.status_code == 503)
    assert "secret" not in response.text


def test_a_refused_connection_is_unavailable_at_once() -> None:
    settings = Settings(
        SUPABASE_URL=f"http://127.0.0.1:{free_port()}",
        SUPABASE_PUBLISHABLE_KEY="sb_publishable_test",
        SUPABASE_JWT_SECRET=JWT_SECRET,
    )

    async def ask() -> list[httpx.Response]:
        app = create_app(settings)
        transport = httpx.ASGITransport(app)
        headers = {"Authorization": f"Bearer {mint(str(USER_ID))}"}
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://gateway.test", headers=headers) as client,
        ):
            return [await client.request(method, path, json=body) for method, path, body in ROUTES.values()]

    started_at = time.monotonic()
    for response in asyncio.run(ask()):
        assert (response.status_code, response.json()["code"]) == (503, "supabase_unavailable")
    assert time.monotonic() - started_at < DEADLINE


@pytest.mark.parametrize("fault", ["reset", "silence", "drip", "500", "HTML", "redirect", "gigantic"])
def test_ready_names_the_part_that_does_not_answer_within_two_seconds(gateway: Gateway, fault: str) -> None:
    gateway.upstream.behaviour = FAULTS[fault][0]
    started_at = time.monotonic()
    response = gateway.client.get("/ready")
    assert time.monotonic() - started_at < 2
    assert response.status_code in {503, 504}
    assert response.headers["content-type"] == "application/problem+json"
    assert gateway.client.get("/health").json() == {"status": "ok"}


def test_a_stale_connection_costs_a_read_nothing_and_a_write_is_never_repeated(gateway: Gateway) -> None:
    served = []

    async def one_answer_per_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers once, as if to keep the connection alive, and drops it when the next request has come."""
        served.append(await read_request(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]")
        await writer.drain()
        served.append(await read_request(reader))
        writer.transport.abort()

    gateway.upstream.behaviour = one_answer_per_connection
    for _ in range(4):
        assert gateway.client.get("/v1/workspaces").json() == []
    served.clear()
    path, change = f"/v1/workspaces/{ID}", {"name": "Algebra"}
    codes = {gateway.client.patch(path, json=change).json()["code"] for _ in range(4)}
    assert "connection_lost" in codes
    assert len([request for request in served if request]) == 4


def test_cookies_and_headers_of_upstream_do_not_pass(gateway: Gateway) -> None:
    requests = []

    async def set_cookie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await read_request(reader))
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n"
            b"Set-Cookie: session=theirs; Path=/\r\nX-Upstream: secret\r\nServer: postgrest\r\n\r\n[]"
        )
        await writer.drain()

    gateway.upstream.behaviour = set_cookie
    for _ in range(3):
        response = gateway.client.get("/v1/workspaces", headers={"Cookie": "mine=1"})
        assert response.status_code == 200
        assert "set-cookie" not in response.headers
        assert "x-upstream" not in response.headers
        assert response.headers.get("server") != "postgrest"
    assert requests
    assert not any(b"cookie" in request.lower() for request in requests)
