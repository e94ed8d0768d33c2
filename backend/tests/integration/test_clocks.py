"""Clocks that differ by more than they may: what the gateway says, and what it makes of Supabase's own words."""

import time

import pytest
from fastapi.testclient import TestClient

from app import auth
from app.config import Settings
from app.main import create_app
from tests.integration.conftest import Backend, User, problem
from tests.tokens import mint


@pytest.mark.parametrize(
    ("claim", "seconds", "code"),
    [
        ("exp", -20, None),
        ("exp", -60, "token_expired"),
        ("nbf", 20, None),
        ("nbf", 60, "unauthenticated"),
        ("iat", 20, None),
        ("iat", 60, "unauthenticated"),
    ],
)
def test_a_clock_may_differ_by_half_a_minute(
    backend: Backend, owner: User, claim: str, seconds: int, code: str | None
) -> None:
    token = mint(owner.id, secret=backend.jwt_secret, **{claim: int(time.time()) + seconds})
    with backend.gateway(User(owner.id, token)) as api:
        answer = api.get("/workspaces")
    if code:
        problem(answer, 401, code)
    else:
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("claim", "seconds", "status", "code"),
    [
        ("exp", -60, 401, "token_expired"),
        ("nbf", 60, 503, "supabase_unavailable"),
        ("iat", 60, 503, "supabase_unavailable"),
    ],
)
def test_a_token_that_only_supabase_refuses_for_its_clock_is_told_so(
    backend: Backend, owner: User, monkeypatch: pytest.MonkeyPatch, claim: str, seconds: int, status: int, code: str
) -> None:
    if (backend.name, claim) == ("embedded", "nbf"):  # lite 0.10.0 says of nbf what it says of a wrong key
        status, code = 401, "unauthenticated"
    monkeypatch.setattr(auth, "LEEWAY", 600)  # as if the gateway's own clock were another
    settings = Settings(
        SUPABASE_URL=backend.supabase_url,
        SUPABASE_PUBLISHABLE_KEY=backend.publishable_key,
        SUPABASE_JWT_SECRET=backend.jwt_secret,
    )
    token = mint(owner.id, secret=backend.jwt_secret, **{claim: int(time.time()) + seconds})
    with TestClient(create_app(settings)) as client:
        answer = client.get("/v1/workspaces", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "clock" in answer.json()["detail"] or status == 401
    assert status == 401 or int(answer.headers["retry-after"]) >= 1
