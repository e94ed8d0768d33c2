"""The keys of the login service: when they are fetched and renewed, and what holds while it does not answer."""

import asyncio
import json

import httpx
import pytest
import respx
from fastapi.testclient import TestClient
from jwt.algorithms import ECAlgorithm

from app import auth
from tests.conftest import make_app
from tests.respx_server import hang
from tests.signed_tokens import JWKS, STRANGERS_KEY, sign, status_of


@pytest.fixture
def keys(upstream: respx.Router) -> respx.Route:
    return upstream.get(auth.JWKS_PATH).respond(200, json=JWKS)


@pytest.fixture
def rows(upstream: respx.Router, keys: respx.Route) -> respx.Route:
    return upstream.get("/rest/v1/my_workspaces").respond(200, json=[])


def test_unknown_key_ids_do_not_hammer_the_login_service(
    anonymous: TestClient, rows: respx.Route, keys: respx.Route
) -> None:
    for n in range(1000):
        assert status_of(anonymous, sign(kid=f"made up {n}")) == 401
    assert keys.call_count <= 5
    assert not rows.called


def test_many_who_need_the_keys_at_once_fetch_them_once() -> None:
    async def fetches() -> int:
        asked, answering = 0, asyncio.Event()

        async def answer(request: httpx.Request) -> httpx.Response:
            nonlocal asked
            asked += 1
            await answering.wait()
            return httpx.Response(200, json=JWKS)

        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            keys = auth.KeySet("http://supabase.test/jwks.json", http)
            waiting = [asyncio.create_task(keys.find("ec")) for _ in range(10)]
            await asyncio.sleep(0)  # lets each of them begin
            answering.set()
            assert all(await asyncio.gather(*waiting))
        return asked

    assert asyncio.run(fetches()) == 1


def test_a_login_service_that_does_not_answer_is_not_waited_for(
    anonymous: TestClient, keys: respx.Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "JWKS_TIMEOUT", 0.01)
    keys.mock(side_effect=hang)
    assert status_of(anonymous, sign()) == 503


def test_a_new_key_is_found_once_the_pause_between_fetches_is_over(
    anonymous: TestClient, rows: respx.Route, keys: respx.Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert status_of(anonymous, sign()) == 200
    rotated = json.loads(ECAlgorithm.to_jwk(STRANGERS_KEY.public_key())) | {"kid": "rotated", "alg": "ES256"}
    keys.respond(200, json={"keys": [*JWKS["keys"], rotated]})
    token = sign(key=STRANGERS_KEY, kid="rotated")
    assert status_of(anonymous, token) == 401
    monkeypatch.setattr(auth, "JWKS_RETRY_SECONDS", 0.0)
    assert status_of(anonymous, token) == 200


@pytest.mark.parametrize(
    "outage",
    [
        httpx.Response(500),
        httpx.Response(404, json={"keys": []}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={}),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"keys": 1}),
        httpx.Response(302, headers={"Location": "https://evil.test"}),
        httpx.ConnectError("refused"),
    ],
)
def test_an_outage_of_the_login_service_is_survived_on_the_keys_at_hand(
    anonymous: TestClient,
    rows: respx.Route,
    keys: respx.Route,
    monkeypatch: pytest.MonkeyPatch,
    outage: httpx.Response | Exception,
) -> None:
    keys.mock(side_effect=[outage]) if isinstance(outage, Exception) else keys.mock(return_value=outage)
    response = anonymous.get("/v1/workspaces", headers={"Authorization": f"Bearer {sign()}"})
    assert (response.status_code, response.json()["code"]) == (503, "supabase_unavailable")
    assert response.headers["retry-after"]

    monkeypatch.setattr(auth, "JWKS_RETRY_SECONDS", 0.0)
    keys.mock(side_effect=None, return_value=httpx.Response(200, json=JWKS))
    assert status_of(anonymous, sign()) == 200
    keys.mock(side_effect=[outage] * 9) if isinstance(outage, Exception) else keys.mock(return_value=outage)
    assert status_of(anonymous, sign({"session_id": "another"})) == 200
    assert status_of(anonymous, sign(kid="unknown")) == 401


def test_nobody_waits_while_old_keys_are_renewed(
    anonymous: TestClient, rows: respx.Route, keys: respx.Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def count(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return await hang(request)

    assert status_of(anonymous, sign()) == 200
    for name, seconds in {"JWKS_FRESH_SECONDS": -1.0, "JWKS_RETRY_SECONDS": -1.0, "JWKS_TIMEOUT": 60.0}.items():
        monkeypatch.setattr(auth, name, seconds)
    keys.mock(side_effect=count)
    for session in ("a", "b", "c"):
        assert status_of(anonymous, sign({"session_id": session})) == 200
    assert asked == 1


def test_a_revoked_key_is_found_out_after_a_rest(
    anonymous: TestClient, rows: respx.Route, keys: respx.Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert status_of(anonymous, sign()) == 200
    keys.respond(200, json={"keys": []})
    for name in ("JWKS_FRESH_SECONDS", "JWKS_OLD_SECONDS", "JWKS_RETRY_SECONDS"):
        monkeypatch.setattr(auth, name, -1.0)
    assert status_of(anonymous, sign({"session_id": "another"})) == 401


def test_a_verified_token_is_looked_at_again_after_a_while(
    anonymous: TestClient, rows: respx.Route, keys: respx.Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "CACHED_SECONDS", 0.0)
    token = sign()
    assert status_of(anonymous, token) == 200
    keys.respond(200, json={"keys": []})
    for name in ("JWKS_FRESH_SECONDS", "JWKS_OLD_SECONDS", "JWKS_RETRY_SECONDS"):
        monkeypatch.setattr(auth, name, -1.0)
    assert status_of(anonymous, token) == 401


@pytest.mark.parametrize(
    "entry",
    [None, 1, "key", [], {"kty": "EC", "crv": "P-256", "x": 1, "y": None}, {"kty": []}, {"kty": "EC", "alg": "none"}],
)
def test_a_key_that_cannot_be_read_hides_no_other(
    anonymous: TestClient, rows: respx.Route, keys: respx.Route, entry: object
) -> None:
    keys.respond(200, json={"keys": [entry, *JWKS["keys"]]})
    assert status_of(anonymous, sign()) == 200


def test_the_key_that_every_local_project_shares_is_refused_in_production(
    upstream: respx.Router, rows: respx.Route, keys: respx.Route
) -> None:
    known = "b81269f1-21d8-4f2e-b719-c2240a840d90"
    keys.respond(200, json={"keys": [JWKS["keys"][0] | {"kid": known}]})
    with TestClient(make_app()) as client:
        assert status_of(client, sign(kid=known)) == 200
    with TestClient(make_app(ENVIRONMENT="production")) as client:
        assert status_of(client, sign(kid=known)) == 401
