"""Access tokens that are signed with a key of the login service, and its list of keys."""

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi.testclient import TestClient
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.conftest import USER_ID

EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGERS_KEY = ec.generate_private_key(ec.SECP256R1())
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
    """A user's token with these claims and header fields, by default signed with the EC key."""
    return jwt.encode(CLAIMS | (claims or {}), key, algorithm, headers={"kid": "ec"} | header)


def status_of(client: TestClient, token: str) -> int:
    """What a request with the token is answered; a refusal is whole."""
    response = client.get("/v1/workspaces", headers={"Authorization": f"Bearer {token}"})
    if response.status_code == 401:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["code"] == "unauthenticated"
    return response.status_code
