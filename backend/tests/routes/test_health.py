"""Whether the gateway lives, and whether it can serve: asked by anybody, without a token."""

import httpx
import pytest
import respx
from fastapi.testclient import TestClient

from app.auth import JWKS_PATH
from app.services.db import SCHEMA_VERSION
from tests.routes.exchange import problem


@pytest.fixture
def version(upstream: respx.Router) -> respx.Route:
    """What the database answers for its version; the login service answers too."""
    upstream.get(JWKS_PATH).respond(200, json={"keys": []})
    return upstream.get("/rest/v1/rpc/schema_version").respond(200, json=SCHEMA_VERSION)


def test_the_plan_is_kept(anonymous: TestClient, upstream: respx.Router) -> None:
    assert anonymous.get("/").json() == {"message": "AIDE Backend is running"}
    assert anonymous.get("/health").json() == {"status": "ok"}
    assert not upstream.calls


def test_it_is_ready_when_supabase_answers(anonymous: TestClient, version: respx.Route) -> None:
    response = anonymous.get("/ready")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "authorization" not in version.calls.last.request.headers


@pytest.mark.parametrize("path", [JWKS_PATH, "/rest/v1/rpc/schema_version"])
def test_the_part_that_does_not_answer_is_named(
    anonymous: TestClient, upstream: respx.Router, version: respx.Route, path: str
) -> None:
    upstream.get(path).mock(side_effect=httpx.ConnectError("secret"))
    document = problem(anonymous.get("/ready"), 503, "not_ready")
    assert ("login service" if path == JWKS_PATH else "data API") in document["detail"]
    assert "secret" not in document["detail"]


def test_a_database_that_is_behind_is_told_how_to_catch_up(anonymous: TestClient, version: respx.Route) -> None:
    version.respond(200, json="20200101000000")
    assert "make migrate" in problem(anonymous.get("/ready"), 503, "not_ready")["detail"]


def test_however_many_ask_supabase_is_asked_once_in_a_while(
    anonymous: TestClient, version: respx.Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {anonymous.get("/ready").status_code for _ in range(20)} == {200}
    assert version.call_count == 1
    version.respond(503)
    monkeypatch.setattr("app.services.readiness.READY_SECONDS", 0.0)
    problem(anonymous.get("/ready"), 503, "not_ready")
