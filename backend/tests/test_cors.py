"""Pages of other origins: which may call, and that they can read every answer."""

import httpx
import pytest
import respx
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.middleware import MAX_BODY_BYTES
from tests.conftest import make_app
from tests.routes.exchange import problem

ORIGIN = "http://localhost:5173"
PATH = "/v1/workspaces/10000000-0000-4000-8000-000000000001"


def test_a_preflight_from_a_known_origin_is_allowed(client: TestClient) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "PATCH"}
    response = client.options(PATH, headers=asked | {"Access-Control-Request-Headers": "authorization,if-match"})
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "PATCH" in response.headers["access-control-allow-methods"]
    assert response.headers["x-request-id"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_a_preflight_may_ask_for_any_header_and_for_a_private_network(client: TestClient, method: str) -> None:
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,x-client-info,sentry-trace,baggage",
        "Access-Control-Request-Private-Network": "true",
    }
    response = client.options(PATH, headers=headers)
    assert response.status_code == 200
    allowed = response.headers["access-control-allow-headers"]
    assert allowed == "authorization,x-client-info,sentry-trace,baggage"
    assert response.headers["access-control-allow-private-network"] == "true"


@pytest.mark.parametrize(
    "origin", ["http://localhost:4321", "http://127.0.0.1:1", "https://[::1]:9", "http://localhost"]
)
def test_any_port_of_this_machine_may_call_in_development_alone(
    client: TestClient, upstream: respx.Router, origin: str
) -> None:
    assert client.get("/health", headers={"Origin": origin}).headers["access-control-allow-origin"] == origin
    with TestClient(make_app(ENVIRONMENT="production", CORS_ORIGINS=ORIGIN)) as production:
        answer = production.get("/health", headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["http://localhost.evil.test:1", "http://evil.test/localhost", "null", "http://127.0.0.10"]
)
def test_what_only_looks_like_this_machine_may_not(client: TestClient, origin: str) -> None:
    answer = client.get("/health", headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["tauri://localhost", "capacitor://localhost", "chrome-extension://abcdef"])
def test_apps_and_extensions_can_be_allowed(upstream: respx.Router, origin: str) -> None:
    with TestClient(make_app(CORS_ORIGINS=origin)) as client:
        answer = client.options(PATH, headers={"Origin": origin, "Access-Control-Request-Method": "PUT"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, origin)


def test_a_refused_preflight_is_a_problem(client: TestClient) -> None:
    asked = {"Origin": "https://evil.test", "Access-Control-Request-Method": "GET"}
    refused = client.options(PATH, headers=asked | {"Access-Control-Request-Private-Network": "true"})
    problem(refused, 400, "preflight_refused")
    assert not {"access-control-allow-origin", "access-control-allow-private-network"} & set(refused.headers)
    refused = client.options(PATH, headers={"Origin": ORIGIN, "Access-Control-Request-Method": "TRACE"})
    problem(refused, 400, "preflight_refused")
    assert refused.headers["access-control-allow-origin"] == ORIGIN
    problem(client.options(PATH, headers={"Origin": ORIGIN}), 405, "method_not_allowed")
    del client.headers["Authorization"]
    problem(client.options(PATH, headers={"Origin": ORIGIN}), 401, "unauthenticated")


def test_another_origin_reads_no_answer(client: TestClient) -> None:
    response = client.get("/v1/workspaces?limit=0", headers={"Origin": "https://evil.test"})
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("status", [200, 401, 404, 405, 413, 414, 422, 431, 500, 502, 503, 504])
def test_every_answer_can_be_read_by_the_front_end(
    app: FastAPI, client: TestClient, upstream: respx.Router, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if status == 401:
        del client.headers["Authorization"]
    if status == 500:
        monkeypatch.setattr(app.state, "database", None)
    answers = {404: httpx.Response(406, json={"code": "PGRST116"}), 502: httpx.Response(500)}
    answers |= {503: httpx.Response(503), 504: httpx.Response(500, json={"code": "57014"})}
    upstream.get("/rest/v1/my_workspaces").mock(
        return_value=answers.get(status, httpx.Response(200, json=[] if status == 200 else None))
    )
    headers = {"Origin": ORIGIN} | ({"X-Large": "x" * 33_000} if status == 431 else {})
    headers |= {"Content-Length": str(MAX_BODY_BYTES + 1)} if status == 413 else {}
    method = {405: "PUT", 413: "POST"}.get(status, "GET")
    path = {404: PATH, 414: "/v1/workspaces?q=" + "x" * 9000, 422: "/v1/workspaces?limit=0"}.get(
        status, "/v1/workspaces"
    )
    response = client.request(method, path, headers=headers)
    assert response.status_code == status
    assert response.headers["access-control-allow-origin"] == ORIGIN
    exposed = set(response.headers["access-control-expose-headers"].split(", "))
    assert exposed >= {"ETag", "Link", "Location", "X-Request-ID", "Retry-After", "WWW-Authenticate"}
    assert response.headers["x-request-id"]
