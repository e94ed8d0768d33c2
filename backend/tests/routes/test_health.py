"""Whether the gateway lives, and whether it can serve: asked by anybody, without a token."""

import json

import httpx
import jwt
import pytest
import respx
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi.testclient import TestClient
from jwt.algorithms import ECAlgorithm

from app.auth import JWKS_PATH, NO_KEYS
from app.services import readiness
from app.services.db import SCHEMA_VERSION
from tests.conftest import make_app
from tests.respx_server import hang
from tests.routes.exchange import problem
from tests.tokens import JWT_SECRET


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


PUBLIC_KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
KEY = json.loads(ECAlgorithm.to_jwk(PUBLIC_KEY)) | {"kid": "k", "alg": "ES256"}


@pytest.mark.parametrize(("keys", "status"), [([], 503), ([KEY | {"alg": "none"}], 503), ([KEY], 200)])
def test_it_is_not_ready_without_any_way_to_verify_a_token_and_warns_at_start(
    upstream: respx.Router, version: respx.Route, capsys: pytest.CaptureFixture[str], keys: list[object], status: int
) -> None:
    upstream.get(JWKS_PATH).respond(200, json={"keys": keys})
    with TestClient(make_app()) as client:
        response = client.get("/ready")
        printed = ""
        for _ in range(200):  # the start goes on meanwhile
            client.get("/health")
            printed += capsys.readouterr().out
            if NO_KEYS in printed:
                break
    assert response.status_code == status
    assert (NO_KEYS in printed) == (status == 503)
    if status == 503:
        assert problem(response, 503, "not_ready")["detail"] == NO_KEYS


def test_a_refused_key_of_the_gateway_is_named(anonymous: TestClient, version: respx.Route) -> None:
    version.respond(401, json={"message": "Invalid API key"})
    assert "SUPABASE_PUBLISHABLE_KEY" in problem(anonymous.get("/ready"), 503, "not_ready")["detail"]


def test_a_paused_project_is_named_by_whichever_part_is_asked(upstream: respx.Router, version: respx.Route) -> None:
    upstream.get(JWKS_PATH).respond(540)
    with TestClient(make_app()) as client:
        assert "paused" in problem(client.get("/ready"), 503, "not_ready")["detail"]
        token = jwt.encode({"sub": "x"}, ec.generate_private_key(ec.SECP256R1()), "ES256", headers={"kid": "k"})
        response = client.get("/v1/workspaces", headers={"Authorization": f"Bearer {token}"})
        assert "paused" in problem(response, 503, "supabase_unavailable")["detail"]
    version.respond(540)
    with TestClient(make_app(SUPABASE_JWT_SECRET=JWT_SECRET)) as client:
        assert "paused" in problem(client.get("/ready"), 503, "not_ready")["detail"]


@pytest.mark.parametrize("path", [JWKS_PATH, "/rest/v1/rpc/schema_version"])
def test_the_part_that_does_not_answer_is_named(
    anonymous: TestClient, upstream: respx.Router, version: respx.Route, path: str
) -> None:
    upstream.get(path).mock(side_effect=httpx.ConnectError("secret"))
    document = problem(anonymous.get("/ready"), 503, "not_ready")
    assert ("login service" if path == JWKS_PATH else "data API") in document["detail"]
    assert "secret" not in document["detail"]


@pytest.mark.parametrize(("path", "part"), [(JWKS_PATH, "login service"), ("/rest/v1/rpc/schema_version", "data API")])
def test_a_part_that_hangs_is_named_in_time(
    anonymous: TestClient,
    upstream: respx.Router,
    version: respx.Route,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    part: str,
) -> None:
    upstream.get(path).mock(side_effect=hang)
    assert readiness.READY_TIMEOUT < 2
    monkeypatch.setattr(readiness, "READY_TIMEOUT", 0.25)
    assert f"{part} does not answer" in problem(anonymous.get("/ready"), 503, "not_ready")["detail"]


def test_a_database_that_is_ahead_serves(anonymous: TestClient, version: respx.Route) -> None:
    version.respond(200, json=str(int(SCHEMA_VERSION) + 1))
    assert anonymous.get("/ready").status_code == 200


def test_an_older_database_is_told_how_to_catch_up(anonymous: TestClient, version: respx.Route) -> None:
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
