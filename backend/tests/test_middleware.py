"""What every answer has, and what no request may exceed."""

import asyncio
import json
import logging
from typing import Any
from uuid import UUID

import httpx
import httpx2
import pytest
import respx
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.middleware import MAX_BODY_BYTES
from tests.conftest import USER_ID, make_app
from tests.routes.exchange import problem
from tests.tokens import JWT_SECRET, mint

PATH = f"/v1/workspaces/{UUID(int=1)}"


def post_scope(token: str) -> dict[str, Any]:
    """The ASGI scope of a create, for tests that feed its body by hand."""
    return {
        "type": "http",
        "method": "POST",
        "path": "/v1/workspaces",
        "raw_path": b"/v1/workspaces",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/json")],
        "http_version": "1.1",
        "scheme": "http",
    }


MESSAGE: dict[str, Any] = {
    "id": "40000000-0000-4000-8000-000000000001",
    "workspace_id": "10000000-0000-4000-8000-000000000001",
    "user_id": None,
    "chat_id": "main",
    "role": "user",
    "status": "complete",
    "failure": None,
    "sources": [],
    "tokens": None,
    "content": "?",
    "mentions": [],
    "seq": 1,
    "created_at": "2026-11-23T00:12:45.122000Z",
}


class TestSizes:
    def test_a_declared_body_too_large_is_refused_before_it_is_read(self, client: TestClient) -> None:
        headers = {"Content-Type": "application/json", "Content-Length": str(MAX_BODY_BYTES + 1)}
        problem(client.post("/v1/workspaces", content=b"{}", headers=headers), 413, "body_too_large")

    def test_a_streamed_body_is_refused_where_it_becomes_too_large(self, app: FastAPI, upstream: respx.Router) -> None:
        chunks = 0
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            nonlocal chunks
            chunks += 1
            return {"type": "http.request", "body": b" " * 1024 * 1024, "more_body": True}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = post_scope(mint(str(USER_ID)))

        async def post() -> None:
            async with app.router.lifespan_context(app):
                await app(scope, receive, send)

        asyncio.run(post())
        assert sent[0]["status"] == 413
        assert json.loads(sent[1]["body"])["code"] == "body_too_large"
        assert chunks == MAX_BODY_BYTES // (1024 * 1024) + 1

    @pytest.mark.parametrize(("token", "status"), [("", 401), ("token", 401), (mint(str(USER_ID)), 429)])
    def test_a_body_is_not_read_before_its_sender_is_let_in(
        self, upstream: respx.Router, token: str, status: int
    ) -> None:
        app = make_app(SUPABASE_JWT_SECRET=JWT_SECRET, MAX_REQUESTS_PER_USER="1")
        answers: list[dict[str, Any]] = []
        scope = post_scope(token)

        async def post() -> None:
            reading = asyncio.Event()

            async def never() -> dict[str, Any]:
                reading.set()
                return await asyncio.Future()

            async def unread() -> dict[str, Any]:
                pytest.fail("the body was read")

            async def send(message: Any) -> None:
                answers.append(message)

            async with app.router.lifespan_context(app):
                first = asyncio.create_task(app(dict(scope), never, send))
                if status == 429:
                    await reading.wait()
                    await app(dict(scope), unread, send)
                first.cancel() if status == 429 else await first
                assert reading.is_set() is (status == 429)

        asyncio.run(post())
        assert answers[0]["status"] == status

    def test_a_body_of_just_the_size_is_read(self, client: TestClient) -> None:
        body = b'{"name": "' + b"x" * (MAX_BODY_BYTES - 12) + b'"}'
        response = client.post("/v1/workspaces", content=body, headers={"Content-Type": "application/json"})
        problem(response, 422, "invalid_request")

    @pytest.mark.parametrize(
        "body", ["[" * 100_000, '{"name":' * 5000, "1" * 5000, '{"name": ' + "9" * 5000 + "}", '"\\ud800"', "NaN"]
    )
    def test_awkward_json_is_refused(self, client: TestClient, upstream: respx.Router, body: str) -> None:
        response = client.post("/v1/workspaces", content=body, headers={"Content-Type": "application/json"})
        assert (response.status_code, response.json()["code"]) in {(422, "invalid_request"), (400, "malformed_request")}
        assert not upstream.calls

    @pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
    def test_another_media_type_is_refused(self, client: TestClient, upstream: respx.Router, media: str) -> None:
        response = client.post("/v1/workspaces", content=b'{"name": "w"}', headers={"Content-Type": media})
        problem(response, 415, "unsupported_media_type")
        assert response.headers["accept"] == "application/json"
        assert not upstream.calls

    @pytest.mark.parametrize(
        ("body", "status"),
        [(b"\xff{}", 400), (b'{"name": "\xe9"}', 400), (b"[" * 100_000, 400), (b"{", 422), (b"", 422), (b"x", 422)],
        ids=lambda value: str(value)[:12],
    )
    def test_the_descriptions_agree_with_what_an_unreadable_body_is_answered(
        self, app: FastAPI, client: TestClient, body: bytes, status: int
    ) -> None:
        response = client.post("/v1/workspaces", content=body, headers={"Content-Type": "application/json"})
        code = {400: "malformed_request", 422: "invalid_request"}[status]
        problem(response, status, code)
        component = f"{code.title().replace('_', '')}Problem"
        says = app.openapi()["components"]["schemas"][component]["description"]
        assert {400: "the body is not UTF-8", 422: "its body is not JSON"}[status] in says
        assert says.partition("`")[0] in client.get("/problems").text

    def test_what_is_too_large_is_refused_and_the_limit_told(self, client: TestClient) -> None:
        json_body = {"Content-Type": "application/json"}
        body = b"[" + b" " * MAX_BODY_BYTES + b"]"
        unknown = {f"field_{n}": 1 for n in range(70)}
        token = {"Authorization": f"Bearer {'x' * 33_000}"}  # its own check bounds it
        for limit, response, status, code in (
            ("8192 bytes", client.get("/v1/workspaces?q=" + "x" * 9000), 414, "uri_too_long"),
            ("32768 bytes", client.get(PATH, headers={"X-Large": "x" * 33_000}), 431, "headers_too_large"),
            ("8192 characters", client.get(PATH, headers=token), 401, "unauthenticated"),
            ("71 values", client.post("/v1/workspaces", json=unknown), 422, "invalid_request"),
            (
                f"{MAX_BODY_BYTES} bytes",
                client.post("/v1/workspaces", content=body, headers=json_body),
                413,
                "body_too_large",
            ),
        ):
            assert limit in problem(response, status, code)["detail"]

    def test_where_a_body_is_no_json_is_told(self, client: TestClient) -> None:
        headers = {"Content-Type": "application/json"}
        response = client.post("/v1/workspaces", content=b'{"name": }', headers=headers)
        problem(response, 422, "invalid_request")
        assert response.json()["errors"] == [
            {"loc": ["body", 9], "msg": "JSON decode error: Expecting value", "type": "json_invalid"}
        ]


class TestHeaders:
    def test_a_well_formed_request_id_is_echoed_and_goes_up(self, client: TestClient, upstream: respx.Router) -> None:
        route = upstream.get("/rest/v1/my_workspaces").respond(200, json=[])
        response = client.get("/v1/workspaces", headers={"X-Request-ID": "front-end.42"})
        assert response.headers["x-request-id"] == "front-end.42"
        assert route.calls.last.request.headers["x-request-id"] == "front-end.42"

    @pytest.mark.parametrize("given", ["", "with space", "x" * 129, "a\tb", "é", "<script>"])
    def test_any_other_is_replaced(self, client: TestClient, given: str) -> None:
        response = client.get("/health", headers=[(b"X-Request-ID", given.encode())])
        assert response.headers["x-request-id"] != given
        assert len(response.headers["x-request-id"]) == 32

    def test_a_trace_goes_up_when_it_is_one(self, client: TestClient, upstream: respx.Router) -> None:
        route = upstream.get("/rest/v1/my_workspaces").respond(200, json=[])
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        client.get("/v1/workspaces", headers={"traceparent": trace})
        assert route.calls.last.request.headers["traceparent"] == trace
        client.get("/v1/workspaces", headers={"traceparent": "00-x"})
        assert "traceparent" not in route.calls.last.request.headers

    @pytest.mark.parametrize("path", ["/", "/health", "/docs", "/openapi.json", "/problems", "/no-such-route"])
    def test_nothing_is_to_be_kept(self, client: TestClient, path: str) -> None:
        assert client.get(path).headers["cache-control"] == "no-store"

    def test_the_files_of_the_docs_may_be_kept(self, client: TestClient) -> None:
        answer = client.get("/docs/swagger-ui.css")
        assert answer.status_code == 200
        assert "cache-control" not in answer.headers

    def test_answers_are_safe_to_show_and_not_to_keep(self, client: TestClient) -> None:
        headers = client.get("/v1/no-such-route").headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]

    def test_starlettes_own_refusals_are_problems(self, client: TestClient) -> None:
        problem(client.get("/v1/no-such-route"), 404, "route_not_found")
        refusal = client.put("/v1/workspaces")
        problem(refusal, 405, "method_not_allowed")
        assert refusal.headers["allow"] == "GET, HEAD, POST"
        problem(client.get("/v1/workspaces/"), 404, "route_not_found")

    @pytest.mark.parametrize("path", ["/", "/health", "/v1/workspaces", "/docs"])
    def test_head_answers_what_get_does_without_its_content(
        self, client: TestClient, upstream: respx.Router, path: str
    ) -> None:
        upstream.get("/rest/v1/my_workspaces").respond(200, json=[])
        got, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        own = {"x-request-id"}
        assert [field for field in head.headers.items() if field[0] not in own] == [
            field for field in got.headers.items() if field[0] not in own
        ]

    def test_a_prefix_that_a_proxy_takes_off_changes_nothing(self, app: FastAPI, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/my_workspaces").respond(200, json=[])
        with TestClient(app, root_path="/api") as client:
            answer = client.get("/api/v1/workspaces", headers={"Authorization": f"Bearer {mint(str(USER_ID))}"})
            refusal = client.get("/api/v1/workspaces")
            upstream.post("/rest/v1/chat_messages").respond(201, json=MESSAGE)
            upstream.get("/rest/v1/chat_messages").respond(200, json=[MESSAGE, MESSAGE])
            client.headers["Authorization"] = f"Bearer {mint(str(USER_ID))}"
            new = {"workspace_id": MESSAGE["workspace_id"], "role": "user", "content": "?"}
            created = client.post("/api/v1/chat-messages", json=new)
            query = f"workspace_id={MESSAGE['workspace_id']}&limit=1"
            listed = client.get(f"/api/v1/chat-messages?{query}")
            described, docs = client.get("/api/openapi.json").json(), client.get("/api/docs")
        assert created.headers["location"] == f"/api/v1/chat-messages/{MESSAGE['id']}"
        assert listed.links["next"]["url"].startswith(f"/api/v1/chat-messages?{query}")
        assert described["servers"] == [{"url": "/api"}]
        assert "](/" not in described["info"]["description"], "links of the description are relative"
        assert 'url: "openapi.json"' in docs.text
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert (refusal.json()["instance"], refusal.json()["type"]) == (
            "/api/v1/workspaces",
            "/api/problems#unauthenticated",
        )

    def test_a_foreign_host_is_refused_where_hosts_are_named(self, upstream: respx.Router) -> None:
        with TestClient(make_app(TRUSTED_HOSTS="api.example.com,*.example.org")) as client:
            for host in ("api.example.com", "API.example.com:8000", "a.example.org", "a.b.example.org:1"):
                assert client.get("/", headers={"Host": host}).status_code == 200
            for host in ("evil.test", "example.org", "api.example.com.evil.test", "xapi.example.com", "[::1]", ""):
                problem(client.get("/", headers={"Host": host}), 400, "malformed_request")
            assert client.get("/health", headers={"Host": "10.0.0.7:8000"}).status_code == 200, "probes ask by address"

    @pytest.mark.parametrize("path", ["/", "/health", "/v1/workspaces"])
    def test_two_hosts_are_refused(self, client: TestClient, path: str) -> None:
        response = client.get(path, headers=[("Host", "testserver"), ("Host", "testserver")])
        problem(response, 400, "malformed_request")

    def test_hosts_that_are_named_cannot_be_passed_by_naming_none(self, upstream: respx.Router) -> None:
        async def ask(path: str) -> int:
            sent: list[Any] = []

            async def send(message: Any) -> None:
                sent.append(message)

            scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b""}
            await app(scope | {"headers": [], "http_version": "1.0", "scheme": "http"}, None, send)  # type: ignore[arg-type]
            return int(sent[0]["status"])

        app = make_app(TRUSTED_HOSTS="api.example.com")
        assert [asyncio.run(ask(path)) for path in ("/", "/v1/workspaces", "/health")] == [400, 400, 200]


def test_an_unexpected_failure_says_nothing_but_its_request_id(
    app: FastAPI, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.state, "database", "a secret of the inside")
    response = client.get("/v1/workspaces", headers={"X-Request-ID": "the-one"})
    problem(response, 500, "internal_error")
    assert response.json()["request_id"] == "the-one"
    assert "secret" not in response.text
    assert "Traceback" not in response.text


class Gate:
    """An upstream that answers when it is opened."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.arrivals = asyncio.Semaphore(0)
        self._loop = asyncio.get_running_loop()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        # Called in the server's loop; the test waits in its own.
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._pass(), self._loop))
        return httpx.Response(200, json=[])

    async def _pass(self) -> None:
        self.arrivals.release()
        await self.opened.wait()

    async def has_seen(self, requests: int) -> None:
        """Wait until so many more requests have come."""
        for _ in range(requests):
            await self.arrivals.acquire()


class TestConcurrency:
    def test_one_user_cannot_take_every_place_and_nobody_queues(self, upstream: respx.Router) -> None:
        app = make_app(SUPABASE_JWT_SECRET=JWT_SECRET, MAX_REQUESTS="5", MAX_REQUESTS_PER_USER="3")

        async def fill() -> None:
            gate = Gate()
            upstream.get("/rest/v1/my_workspaces").mock(side_effect=gate)
            transport = httpx2.ASGITransport(app)
            async with (
                app.router.lifespan_context(app),
                httpx2.AsyncClient(transport=transport, base_url="http://gateway.test") as client,
            ):

                async def ask(user: int) -> httpx2.Response:
                    token = mint(str(UUID(int=user, version=4)))
                    return await client.get("/v1/workspaces", headers={"Authorization": f"Bearer {token}"})

                greedy = [asyncio.create_task(ask(1)) for _ in range(3)]
                await gate.has_seen(3)
                refused = await ask(1)
                problem(refused, 429, "too_many_requests")
                assert refused.headers["retry-after"]

                others = [asyncio.create_task(ask(user)) for user in (2, 3)]
                await gate.has_seen(2)
                refused = await ask(4)
                problem(refused, 503, "overloaded")
                assert refused.headers["retry-after"]
                assert (await client.get("/health")).status_code == 200

                gate.opened.set()
                assert {response.status_code for response in await asyncio.gather(*greedy, *others)} == {200}
                assert (await ask(1)).status_code == 200, "places are given back"

        asyncio.run(fill())


def test_the_log_tells_what_happened_and_no_secret(
    client: TestClient, upstream: respx.Router, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.post("/rest/v1/my_workspaces").respond(500, text="secret of upstream")
    with caplog.at_level(logging.INFO):
        client.post("/v1/workspaces", json={"name": "secret name"}, headers={"X-Request-ID": "the-one"})
    [line] = [record for record in caplog.records if record.name == "app.access"]
    logged = vars(line)["fields"]
    assert (logged["request_id"], logged["method"], logged["route"]) == ("the-one", "POST", "/v1/workspaces")
    assert (logged["status"], logged["code"], "user" in logged) == (502, "bad_upstream", False)
    assert 0 <= logged["upstream_ms"] <= logged["ms"]
    token = client.headers["Authorization"].split(".")[1]
    assert not any(secret in str(vars(record)) for record in caplog.records for secret in ("secret", token))
