"""Who gets in, tested on one route: every route takes its caller from the same place."""

import base64
import json
import time
from datetime import datetime
from typing import Any

import jwt
import pytest
import respx
from cryptography.hazmat.primitives import serialization
from fastapi.testclient import TestClient
from jwt.algorithms import ECAlgorithm

from app import auth
from tests.conftest import USER_ID, make_app
from tests.signed_tokens import CLAIMS, EC_KEY, JWKS, NOW, RSA_KEY, STRANGERS_KEY, sign, status_of
from tests.tokens import JWT_SECRET, mint

PUBLIC_PEM = EC_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


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
def rows(upstream: respx.Router) -> respx.Route:
    """Where rows are read, by whoever is let in."""
    upstream.get(auth.JWKS_PATH).respond(200, json=JWKS)
    return upstream.get("/rest/v1/my_workspaces").respond(200, json=[])


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


def test_hs256_is_refused_where_no_secret_is_set(upstream: respx.Router, rows: respx.Route) -> None:
    with TestClient(make_app()) as client:
        assert status_of(client, mint(str(USER_ID))) == 401
        assert status_of(client, sign()) == 200


def test_the_issuer_is_checked_where_one_is_set(upstream: respx.Router, rows: respx.Route) -> None:
    with TestClient(make_app(SUPABASE_JWT_ISSUER="https://project.supabase.co/auth/v1")) as client:
        assert status_of(client, sign()) == 401
        assert status_of(client, sign({"iss": "https://evil.test/auth/v1"})) == 401
        assert status_of(client, sign({"iss": "https://project.supabase.co/auth/v1"})) == 200
