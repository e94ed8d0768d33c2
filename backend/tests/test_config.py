"""Settings: what is refused at start, how it is said, and where each is documented."""

import re

import jwt
import pytest
from pydantic import ValidationError

from app.config import Settings, get_settings
from dev import ROOT, environment

PRODUCTION = {
    "ENVIRONMENT": "production",
    "SUPABASE_URL": "https://project.supabase.co",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_1",
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*Settings.model_fields, "https_proxy", "no_proxy"):
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


@pytest.mark.parametrize("name", ["SUPABASE_URL", "RUNNER_URL", "AI_BASE_URL"])
@pytest.mark.parametrize("port", ["99999", "0", "abc"])
def test_an_address_whose_port_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, port: str) -> None:
    assert f"{name}: must look like" in start(monkeypatch, **{name: f"http://127.0.0.1:{port}"})


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


@pytest.mark.parametrize("name", Settings.model_fields)
@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_an_empty_setting_is_the_same_as_none(monkeypatch: pytest.MonkeyPatch, name: str, empty: str) -> None:
    usual = Settings()
    assert start(monkeypatch, **{name: empty}) == ""
    assert get_settings() == usual


def test_a_line_break_at_the_end_is_no_part_of_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    given = PRODUCTION | {"MAX_REQUESTS": "7", "LOG_USERS": "true", "TRUSTED_HOSTS": "a.example,b.example"}
    start(monkeypatch, **given)
    exact = get_settings()
    get_settings.cache_clear()
    assert start(monkeypatch, **{name: f"{value}\n" for name, value in given.items()}) == ""
    assert get_settings() == exact


@pytest.mark.parametrize(
    ("name", "given", "read"),
    [
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("LOG_LEVEL", "Warning", "WARNING"),
        ("LOG_FORMAT", "JSON", "json"),
        ("ENVIRONMENT", "Development", "development"),
        ("LOG_USERS", "TRUE", True),
    ],
)
def test_words_are_taken_in_any_case(monkeypatch: pytest.MonkeyPatch, name: str, given: str, read: object) -> None:
    assert start(monkeypatch, **{name: given}) == ""
    assert getattr(get_settings(), name) == read


def test_production_in_any_case_is_production(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "SUPABASE_URL" in start(monkeypatch, ENVIRONMENT="Production")


@pytest.mark.parametrize("link", ["tcp://10.96.0.17:9090", "udp://10.96.0.17:9090"])
def test_what_kubernetes_says_of_a_service_is_no_setting(monkeypatch: pytest.MonkeyPatch, link: str) -> None:
    assert start(monkeypatch, METRICS_PORT=link) == ""
    assert get_settings().METRICS_PORT is None


class TestProxy:
    HOSTED = "https://project.supabase.co"

    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
    @pytest.mark.parametrize(
        ("given", "used"),
        [
            ("http://proxy.example.com:3128", "http://proxy.example.com:3128"),
            ("http://user:p%40ss@proxy.example.com:3128/", "http://user:p%40ss@proxy.example.com:3128/"),
            ("proxy.example.com:3128", "http://proxy.example.com:3128"),
            ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
        ],
    )
    def test_is_the_way_to_a_hosted_supabase(
        self, monkeypatch: pytest.MonkeyPatch, name: str, given: str, used: str
    ) -> None:
        assert start(monkeypatch, SUPABASE_URL=self.HOSTED, **{name: given}) == ""
        assert get_settings().proxy == used
        assert "p%40ss" not in repr(get_settings())

    def test_is_the_way_to_a_runner_elsewhere_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        elsewhere = "https://judge0.example.com"
        assert start(monkeypatch, RUNNER_URL=elsewhere, HTTPS_PROXY="http://proxy.example.com") == ""
        assert get_settings().proxy_to(elsewhere) == "http://proxy.example.com"
        get_settings.cache_clear()
        assert "HTTPS_PROXY" in start(monkeypatch, RUNNER_URL=elsewhere, HTTPS_PROXY="socks5://proxy.example.com")

    def test_an_empty_one_does_not_hide_the_other_spelling(self, monkeypatch: pytest.MonkeyPatch) -> None:
        start(monkeypatch, SUPABASE_URL=self.HOSTED, HTTPS_PROXY="", https_proxy="http://proxy.example.com")
        assert get_settings().proxy == "http://proxy.example.com"

    @pytest.mark.parametrize(
        "url",
        ["http://127.0.0.1:54321", "http://kong:8000", "https://127.0.0.1:54321", "https://localhost", "https://[::1]"],
    )
    def test_is_not_used_in_the_own_network(self, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
        assert start(monkeypatch, SUPABASE_URL=url, HTTPS_PROXY="socks5://proxy.example.com") == ""
        assert get_settings().proxy is None

    @pytest.mark.parametrize(
        ("no_proxy", "url", "direct"),
        [
            ("*", HOSTED, True),
            ("localhost, project.supabase.co", HOSTED, True),
            (".supabase.co", HOSTED, True),
            ("supabase.co", HOSTED, True),
            ("*.SUPABASE.co", HOSTED, True),
            ("project.supabase.co:443", HOSTED, True),
            ("project.supabase.co:8443", HOSTED, False),
            ("base.co", HOSTED, False),
            ("project.supabase.com", HOSTED, False),
            ("10.0.0.0/8", HOSTED, False),
            (",", HOSTED, False),
            ("10.0.0.0/8", "https://10.1.2.3", True),
            ("10.1.2.3", "https://10.1.2.3:8443", True),
            ("10.1.2.4", "https://10.1.2.3", False),
            ("2001:db8::/32", "https://[2001:db8::1]", True),
            ("[2001:db8::1]", "https://[2001:db8::1]", True),
        ],
    )
    def test_is_not_used_where_no_proxy_says_so(
        self, monkeypatch: pytest.MonkeyPatch, no_proxy: str, url: str, direct: bool
    ) -> None:
        start(monkeypatch, SUPABASE_URL=url, HTTPS_PROXY="http://proxy.example.com", NO_PROXY=no_proxy)
        assert get_settings().proxy == (None if direct else "http://proxy.example.com")

    @pytest.mark.parametrize(
        "url", ["socks5h://user:hidden@proxy.example.com", "https://proxy.example.com", "http://", "http://proxy:port"]
    )
    def test_one_that_cannot_be_used_is_refused_in_one_line(self, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
        refusal = start(monkeypatch, SUPABASE_URL=self.HOSTED, HTTPS_PROXY=url)
        _, line = refusal.splitlines()
        assert line.strip().startswith("HTTPS_PROXY must look like http://")
        assert "NO_PROXY" in line
        assert "hidden" not in refusal


def test_one_user_cannot_take_every_connection() -> None:
    settings = Settings()
    assert 2 * settings.MAX_REQUESTS_PER_USER <= settings.UPSTREAM_CONNECTIONS <= settings.MAX_REQUESTS


def test_every_setting_is_documented_where_operators_look_and_given_to_make_dev() -> None:
    """`make dev` passes on what `.env.example` names, and nothing else."""
    table = (ROOT / "docs/settings.md").read_text()
    assert environment.documented() >= Settings.model_fields.keys()
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    in_table = {name for row in rows for name in re.findall("[A-Z_]+", row)}
    assert in_table >= Settings.model_fields.keys() | environment.documented()


def test_the_documented_defaults_are_the_settings_own() -> None:
    table = (ROOT / "docs/settings.md").read_text()
    said = {
        name: value
        for names, values in re.findall(r"^\| (`.*?) \| (\d.*?) \|", table, re.MULTILINE)
        for name, value in zip(re.findall("[A-Z_]+", names), values.split(", "), strict=True)
    }
    example = dict(re.findall(r"^# ([A-Z_]+)=(\d+)$", environment.EXAMPLE.read_text(), re.MULTILINE))
    numbers = {
        name: field.default
        for name, field in Settings.model_fields.items()
        if isinstance(field.default, int | float) and not isinstance(field.default, bool)
    }
    assert numbers
    for name, default in numbers.items():
        assert float(said[name].partition(" ")[0]) == float(example[name]) == default, name


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
