"""Who gets in: one route stands for all, since every route takes its caller from the same place."""

import asyncio
import base64
import json
import time
from datetime import datetime
from typing import Any

import httpx
import jwt
import pytest
import respx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi.testclient import TestClient
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from app import auth
from tests.conftest import USER_ID, make_app
from tests.respx_server import hang
from tests.tokens import JWT_SECRET, mint

EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGERS_KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_PEM = EC_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
JWKS = {
    "keys": [
        json.loads(ECAlgorithm.to_jwk(EC_KEY.public_key())) | {"kid": "ec", "alg": "ES256", "use": "sig"},
        json.loads(RSAAlgorithm.to_jwk(RSA_KEY.public_key())) | {"kid": "rsa", "alg": "RS256", "use": "sig"},
        {"kty": "a kind of key of tomorrow", "kid": "new"},
    ]
}
NOW = int(time.time())
CLAIMS: dict[str, Any] = {"sub": str(USER_ID), "aud": "authenticated", "role": "authenticated", "exp": NOW + 3600}


def sign(claims: dict[str, Any] | None = None, *, key: Any = EC_KEY, algorithm: str = "ES256", **header: Any) -> str:
    return jwt.encode(CLAIMS | (claims or {}), key, algorithm, headers={"kid": "ec"} | header)


def without(claim: str) -> str:
    claims = {name: value for name, value in CLAIMS.items() if name != claim}
    return jwt.encode(claims, EC_KEY, "ES256", headers={"kid": "ec"})


def segment(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def raw(header: object, claims: object = CLAIMS, signature: str = "") -> str:
    """A token put together by hand, as libraries refuse to make it."""
    return f"{segment(header)}.{segment(claims)}.{signature}"


def hs256_by_public_key() -> str:
    signing_input = f"{segment({'alg': 'HS256', 'typ': 'JWT', 'kid': 'ec'})}.{segment(CLAIMS)}"
    algorithm = jwt.get_algorithm_by_name("HS256")
    return f"{signing_input}.{segment(algorithm.sign(signing_input.encode(), PUBLIC_PEM))}"


def es256_that_says_rs256() -> str:
    signing_input = f"{segment({'alg': 'RS256', 'typ': 'JWT', 'kid': 'ec'})}.{segment(CLAIMS)}"
    signature = jwt.get_algorithm_by_name("ES256").sign(signing_input.encode(), EC_KEY)
    return f"{signing_input}.{segment(signature)}"


def swapped_payload() -> str:
    header, _, signature = sign().split(".")
    return f"{header}.{segment(CLAIMS | {'sub': str(USER_ID)[:-1] + '2'})}.{signature}"


FORGED = {
    "empty": "",
    "one word": "token",
    "three dots": "...",
    "not base64": "!!!.???.***",
    "header is no object": raw([]),
    "header is no JSON": raw(b"{"),
    "deeply nested header": raw(b'{"alg":' + b"[" * 3000 + b"]" * 3000 + b"}"),
    "alg none": raw({"alg": "none", "kid": "ec"}),
    "alg None": raw({"alg": "None", "kid": "ec"}),
    "alg NONE": raw({"alg": "NONE", "kid": "ec"}),
    "alg nOnE": raw({"alg": "nOnE", "kid": "ec"}),
    "alg none with a signature": raw({"alg": "none", "kid": "ec"}, signature="AAAA"),
    "alg missing": raw({"kid": "ec"}),
    "alg null": raw({"alg": None, "kid": "ec"}),
    "alg a list": raw({"alg": ["ES256"], "kid": "ec"}),
    "alg a number": raw({"alg": 256, "kid": "ec"}),
    "HS256 signed with the public key": hs256_by_public_key(),
    "HS256 signed with another secret": mint(str(USER_ID), secret="another-secret-of-more-than-32-characters"),
    "HS384 with the secret": jwt.encode(CLAIMS, JWT_SECRET.ljust(48, "x"), "HS384"),
    "HS512 with the secret": jwt.encode(CLAIMS, JWT_SECRET.ljust(64, "x"), "HS512"),
    "RS256 under the EC key's id": sign(key=RSA_KEY, algorithm="RS256", kid="ec"),
    "ES256 under the RSA key's id": sign(kid="rsa"),
    "ES256 that says RS256": es256_that_says_rs256(),
    "PS256": sign(key=RSA_KEY, algorithm="PS256", kid="rsa"),
    "a stranger's key": sign(key=STRANGERS_KEY),
    "kid unknown": sign(kid="nobody"),
    "kid missing": jwt.encode(CLAIMS, EC_KEY, "ES256"),
    "kid empty": sign(kid=""),
    "kid a path": sign(kid="../../../../dev/null"),
    "kid an address": sign(kid="https://evil.test/jwks.json"),
    "kid SQL": sign(kid="' union select 'ec"),
    "kid a number": raw({"alg": "ES256", "kid": 1}),
    "kid a list": raw({"alg": "ES256", "kid": ["ec"]}),
    "kid of a key nobody can read": sign(kid="new"),
    "jwk embedded": sign(key=STRANGERS_KEY, jwk=json.loads(ECAlgorithm.to_jwk(STRANGERS_KEY.public_key())), kid="evil"),
    "jwk embedded with a good signature": sign(jwk=JWKS["keys"][0]),
    "jku": sign(jku="https://evil.test/jwks.json"),
    "x5u": sign(x5u="https://evil.test/cert.pem"),
    "crit": sign(crit=["exp"]),
    "aud another": sign({"aud": "anon"}),
    "aud missing": without("aud"),
    "aud null": sign({"aud": None}),
    "role anon": sign({"role": "anon"}),
    "role service_role": sign({"role": "service_role"}),
    "role missing": without("role"),
    "role a list": sign({"role": ["authenticated"]}),
    "service_role by HS256": mint(str(USER_ID), role="service_role"),
    "exp missing": without("exp"),
    "exp a float": sign({"exp": NOW + 3600.5}),
    "exp text": raw({"alg": "HS256"}, CLAIMS | {"exp": str(NOW + 3600)}),
    "exp signed text": jwt.encode(CLAIMS | {"exp": str(NOW + 3600)}, JWT_SECRET, "HS256"),
    "exp beyond all": sign({"exp": 10**400}),
    "not yet valid": sign({"nbf": NOW + 3600}),
    "issued in the future": sign({"iat": NOW + 3600}),
    "iat text": sign({"iat": "now"}),
    "iat null": sign({"iat": None}),
    "sub missing": without("sub"),
    "sub no UUID": sign({"sub": "me"}),
    "sub a UUID in braces": sign({"sub": "{" + str(USER_ID) + "}"}),
    "sub a number": raw({"alg": "HS256"}, CLAIMS | {"sub": 1}),
    "sub empty": sign({"sub": ""}),
    "claims no object": raw({"alg": "ES256", "kid": "ec"}, ["sub"], "AAAA"),
    "truncated": sign()[:-10],
    "signature missing": sign().rsplit(".", 1)[0] + ".",
    "doubled": sign() + sign(),
    "two with a dot between": sign() + "." + sign(),
    "payload of another": swapped_payload(),
    "a megabyte": sign() + "A" * 1_000_000,
    "a megabyte of claims": sign({"text": "A" * 1_000_000}),
}


@pytest.fixture
def keys(upstream: respx.Router) -> respx.Route:
    return upstream.get(auth.JWKS_PATH).respond(200, json=JWKS)


@pytest.fixture
def rows(upstream: respx.Router, keys: respx.Route) -> respx.Route:
    return upstream.get("/rest/v1/my_workspaces").respond(200, json=[])


def status_of(client: TestClient, token: str) -> int:
    response = client.get("/v1/workspaces", headers={"Authorization": f"Bearer {token}"})
    if response.status_code == 401:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["code"] == "unauthenticated"
    return response.status_code


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_is_refused_and_nothing_goes_up(anonymous: TestClient, rows: respx.Route, token: str) -> None:
    assert status_of(anonymous, token) == 401
    assert not rows.called


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", "Basic dXNlcjpwYXNz")],
        [("Authorization", sign())],
        [("Authorization", f"Bearer  {sign()}")],
        [("Authorization", f"Bearer {sign()} x")],
        [("Authorization", f"Bearer {sign()}"), ("Authorization", f"Bearer {sign()}")],
        [(b"Authorization", "Bearer é".encode())],
        [(b"Authorization", b"Bearer " + sign().encode() + b"\xff")],
    ],
)
def test_another_authorization_than_one_bearer_token_is_refused(
    anonymous: TestClient, rows: respx.Route, headers: list[tuple[str, str]]
) -> None:
    assert anonymous.get("/v1/workspaces", headers=headers).status_code == 401
    assert not rows.called


@pytest.mark.parametrize(
    "token",
    [
        sign(),
        sign(key=RSA_KEY, algorithm="RS256", kid="rsa"),
        mint(str(USER_ID)),
        sign({"aud": ["authenticated", "x"]}),
    ],
    ids=["ES256", "RS256", "HS256", "one audience of several"],
)
def test_a_users_token_is_let_in_and_goes_up_as_it_is(anonymous: TestClient, rows: respx.Route, token: str) -> None:
    assert status_of(anonymous, token) == 200
    assert rows.calls.last.request.headers["authorization"] == f"Bearer {token}"


@pytest.mark.parametrize("exp", [NOW - 31, 0, True], ids=["half a minute ago", "zero", "true"])
def test_an_expired_token_is_told_apart(anonymous: TestClient, rows: respx.Route, exp: object) -> None:
    response = anonymous.get("/v1/workspaces", headers={"Authorization": f"Bearer {sign({'exp': exp})}"})
    assert (response.status_code, response.json()["code"]) == (401, "token_expired")
    assert response.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    assert not rows.called


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -5), ("nbf", 25), ("iat", 25)])
def test_clocks_may_differ_by_half_a_minute(anonymous: TestClient, rows: respx.Route, claim: str, seconds: int) -> None:
    token = sign({claim: int(time.time()) + seconds})
    assert (status_of(anonymous, token), status_of(anonymous, token)) == (200, 200), "verified, then cached"


def test_a_verified_token_ends_with_its_exp_and_the_leeway(
    anonymous: TestClient, rows: respx.Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = int(time.time())
    token = sign({"exp": now + 60})
    assert status_of(anonymous, token) == 200
    monkeypatch.setattr("jwt.api_jwt.datetime", _Tomorrow)
    monkeypatch.setattr("app.auth.time.time", lambda: now + 89.0)
    assert status_of(anonymous, token) == 200
    monkeypatch.setattr("app.auth.time.time", lambda: now + 91.0)
    response = anonymous.get("/v1/workspaces", headers={"Authorization": f"Bearer {token}"})
    assert (response.status_code, response.json()["code"]) == (401, "token_expired")


class _Tomorrow:
    @staticmethod
    def now(tz: Any = None) -> Any:
        return datetime.fromtimestamp(time.time(), tz)


def test_cached_tokens_are_bounded(anonymous: TestClient, rows: respx.Route, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MAX_CACHED_TOKENS", 3)
    for n in range(10):
        assert status_of(anonymous, mint(str(USER_ID), session_id=str(n))) == 200
    assert len(anonymous.app.state.verifier._verified) == 3  # type: ignore[attr-defined]


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


def test_hs256_is_refused_where_no_secret_is_set(upstream: respx.Router, rows: respx.Route) -> None:
    with TestClient(make_app()) as client:
        assert status_of(client, mint(str(USER_ID))) == 401
        assert status_of(client, sign()) == 200


def test_the_issuer_is_checked_where_one_is_set(upstream: respx.Router, rows: respx.Route) -> None:
    with TestClient(make_app(SUPABASE_JWT_ISSUER="https://project.supabase.co/auth/v1")) as client:
        assert status_of(client, sign()) == 401
        assert status_of(client, sign({"iss": "https://evil.test/auth/v1"})) == 401
        assert status_of(client, sign({"iss": "https://project.supabase.co/auth/v1"})) == 200


def test_the_key_that_every_local_project_shares_is_refused_in_production(
    upstream: respx.Router, rows: respx.Route, keys: respx.Route
) -> None:
    known = "b81269f1-21d8-4f2e-b719-c2240a840d90"
    keys.respond(200, json={"keys": [JWKS["keys"][0] | {"kid": known}]})
    with TestClient(make_app()) as client:
        assert status_of(client, sign(kid=known)) == 200
    with TestClient(make_app(ENVIRONMENT="production")) as client:
        assert status_of(client, sign(kid=known)) == 401
