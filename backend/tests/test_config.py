"""Settings: what is refused at start, and how it is said."""

import jwt
import pytest
from pydantic import ValidationError

from app.config import Settings, get_settings

PRODUCTION = {
    "ENVIRONMENT": "production",
    "SUPABASE_URL": "https://project.supabase.co",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_1",
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name, raising=False)
    get_settings.cache_clear()


def start(monkeypatch: pytest.MonkeyPatch, **values: str) -> str:
    """What the process says when it refuses to start with these settings; nothing when it starts."""
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    try:
        get_settings()
    except SystemExit as refusal:
        return str(refusal)
    return ""


def test_development_needs_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert start(monkeypatch) == ""
    assert Settings().PROJECT_NAME == "AIDE"
    assert Settings().DATABASE_URL is None


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", "https://project.supabase.co/")
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example, https://b.example:8443")
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/db")
    settings = Settings()
    assert settings.SUPABASE_URL == "https://project.supabase.co"
    assert settings.CORS_ORIGINS == ("https://a.example", "https://b.example:8443")
    assert settings.DATABASE_URL
    assert "secret" not in repr(settings)


def test_every_wrong_setting_is_named_and_no_value_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = start(
        monkeypatch,
        SUPABASE_URL="postgres://secret",
        REQUEST_TIMEOUT="secret",
        CORS_ORIGINS="*",
        MAX_REQUESTS="0",
        LOG_LEVEL="secret",
        METRICS_PORT="secret",
    )
    for name in ("SUPABASE_URL", "REQUEST_TIMEOUT", "CORS_ORIGINS", "MAX_REQUESTS", "LOG_LEVEL", "METRICS_PORT"):
        assert name in refusal
    assert "secret" not in refusal


@pytest.mark.parametrize(
    "key", [" sb_secret_1", jwt.encode({"role": "service_role", "iss": "supabase"}, "x" * 32, algorithm="HS256") + " "]
)
def test_a_key_that_bypasses_row_level_security_is_refused(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    refusal = start(monkeypatch, SUPABASE_PUBLISHABLE_KEY=key)
    assert "SUPABASE_PUBLISHABLE_KEY" in refusal
    assert key not in refusal


@pytest.mark.parametrize(
    "key", ["sb_publishable_1", jwt.encode({"role": "anon", "iss": "supabase"}, "x" * 32, algorithm="HS256")]
)
def test_a_key_that_names_the_project_is_taken(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    assert start(monkeypatch, SUPABASE_PUBLISHABLE_KEY=key) == ""


def test_a_secret_that_can_be_guessed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "SUPABASE_JWT_SECRET" in start(monkeypatch, SUPABASE_JWT_SECRET="x" * 31)
    assert start(monkeypatch, SUPABASE_JWT_SECRET="x" * 32) == ""


def test_one_user_cannot_take_every_connection() -> None:
    settings = Settings()
    assert 2 * settings.MAX_REQUESTS_PER_USER <= settings.UPSTREAM_CONNECTIONS <= settings.MAX_REQUESTS


@pytest.mark.parametrize(
    "origins", ["*", "https://*.example.com", "https://a.example/path", "a.example", "https://user@a.example", "null"]
)
def test_an_origin_is_exact(origins: str) -> None:
    with pytest.raises(ValidationError):
        Settings(CORS_ORIGINS=origins)


class TestProduction:
    def test_starts_with_explicit_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert start(monkeypatch, **PRODUCTION) == ""

    @pytest.mark.parametrize("missing", ["SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY"])
    def test_names_a_missing_one(self, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
        assert missing in start(monkeypatch, **{name: value for name, value in PRODUCTION.items() if name != missing})
        assert missing in start(monkeypatch, **PRODUCTION | {missing: " "})

    def test_a_shared_secret_needs_an_explicit_yes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        secret = {"SUPABASE_JWT_SECRET": "the-projects-own-legacy-secret-of-32-characters"}
        assert "ALLOW_SHARED_JWT_SECRET" in start(monkeypatch, **PRODUCTION, **secret)
        assert start(monkeypatch, **PRODUCTION, **secret, ALLOW_SHARED_JWT_SECRET="true") == ""

    def test_the_secret_that_everybody_knows_is_refused_all_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        known = "super-secret-jwt-token-with-at-least-32-characters-long"
        refusal = start(monkeypatch, **PRODUCTION, SUPABASE_JWT_SECRET=known, ALLOW_SHARED_JWT_SECRET="true")
        assert "SUPABASE_JWT_SECRET" in refusal
        assert known not in refusal
