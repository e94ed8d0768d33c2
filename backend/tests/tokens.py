"""Access tokens as Supabase's login service mints them."""

import time
from typing import Any

import jwt

JWT_SECRET = "a-secret-for-tests-that-nobody-else-knows-of"


def mint(user_id: str, *, secret: str = JWT_SECRET, **claims: Any) -> str:
    """An HS256 access token for the user; `claims` replace or add to the usual ones."""
    now = int(time.time())
    usual = {"sub": user_id, "aud": "authenticated", "role": "authenticated", "iat": now, "exp": now + 3600}
    return jwt.encode(usual | claims, secret, algorithm="HS256")
