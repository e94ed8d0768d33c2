"""Settings: read once from the environment, checked before the first request."""

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

import jwt
from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    DirectoryPath,
    Field,
    NonNegativeInt,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

# The secret that the Supabase CLI gives every local project: whoever reads its documentation can mint any role with it.
KNOWN_JWT_SECRETS = frozenset({"super-secret-jwt-token-with-at-least-32-characters-long"})


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _origin(value: str) -> str:
    """An origin as browsers send it (RFC 6454): scheme, host and perhaps a port, no path.

    Apps and extensions have schemes of their own: `tauri://localhost`, `capacitor://localhost`, `chrome-extension://...`.
    """
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/*?#@\s,]+", value, re.IGNORECASE):
        raise ValueError("must look like https://app.example.com: no path, no wildcard")
    return value.lower()


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    extras = parts.query or parts.fragment or parts.username
    with suppress(ValueError):  # a port that is no number
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and not extras:
            return value.rstrip("/")
    raise ValueError("must look like https://name.example.com: no user, no query")


def _proxy_url(value: str) -> str:
    """An HTTP proxy. As in curl, it may have a user and a password, and come without its scheme."""
    parts = urlsplit(value if "://" in value else f"http://{value}")
    with suppress(ValueError):  # a port that is no number
        if parts.scheme == "http" and parts.hostname and parts.port != 0:
            return parts.geturl()
    raise ValueError(
        "HTTPS_PROXY must look like http://proxy.example.com:3128, since SOCKS and HTTPS proxies are not supported: "
        "change it, or name the host of SUPABASE_URL in NO_PROXY"
    )


def _is_direct(url: SplitResult, no_proxy: str) -> bool:
    """Whether no proxy is asked: on this machine, and where NO_PROXY has the host, a domain that it is in, its address,
    a network (CIDR) or `*`."""
    host = url.hostname or ""
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if host == "localhost" or (address and address.is_loopback):
        return True
    for entry in map(str.strip, no_proxy.lower().split(",")):
        if entry == "*":
            return True
        name = entry.removeprefix("*").removeprefix(".").removesuffix(f":{url.port or 443}")
        if name and f".{host}".endswith(f".{name}"):
            return True
        with suppress(ValueError):  # a name is no network
            if address and address in ip_network(name.strip("[]"), strict=False):
                return True
    return False


def _publishable(value: SecretStr | None) -> SecretStr | None:
    """The gateway is given nothing that bypasses row-level security, not even by mistake."""
    key = value.get_secret_value() if value else ""
    try:
        role = jwt.decode(key, options={"verify_signature": False}).get("role")
    except jwt.InvalidTokenError:  # as today's keys are
        role = None
    if key.startswith("sb_secret_") or role == "service_role":
        raise ValueError("is a secret key, which bypasses row-level security: set the publishable one")
    return value


def _long_enough(value: SecretStr | None) -> SecretStr | None:
    if value and len(value.get_secret_value().encode()) < 32:
        raise ValueError("is too short to sign with: HS256 needs 32 bytes (RFC 7518, section 3.2)")
    return value


Url = Annotated[str, AfterValidator(_base_url)]
CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """What the gateway can be told, by environment variables of the same names. An empty one is the same as none."""

    model_config = SettingsConfigDict(
        case_sensitive=True, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    PROJECT_NAME: str = "AIDE"
    ENVIRONMENT: Annotated[Literal["development", "production"], BeforeValidator(_lower)] = "development"
    LOG_LEVEL: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = "INFO"
    LOG_FORMAT: Annotated[Literal["json", "text"] | None, BeforeValidator(_lower)] = None
    """By default `json` in production and `text` in development."""
    LOG_USERS: bool = False
    """Adds a hash of the user's id to each request's log line; without it the lines tell nobody apart."""
    METRICS_PORT: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Where Prometheus finds `/metrics`. Without it there are none."""

    SUPABASE_URL: Url = "http://127.0.0.1:54321"
    """Where Supabase answers: `/rest/v1` and `/auth/v1` are below it."""
    SUPABASE_PUBLISHABLE_KEY: Annotated[SecretStr | None, AfterValidator(_publishable)] = None
    """The `sb_publishable_...` (or legacy anon) key: names the project, grants nothing by itself."""
    SUPABASE_JWT_SECRET: Annotated[SecretStr | None, AfterValidator(_long_enough)] = None
    """Turns HS256 tokens on: for the embedded stack and legacy projects only, since this secret can mint any role."""
    SUPABASE_JWT_ISSUER: str | None = None
    """When set, `iss` of every token must be equal to it."""
    ALLOW_SHARED_JWT_SECRET: bool = False
    """Production's opt-in for SUPABASE_JWT_SECRET."""
    DATABASE_URL: SecretStr | None = None
    """Read by `make migrate` alone. The serving gateway never uses it and should not be given it."""

    HTTPS_PROXY: Annotated[SecretStr | None, Field(validation_alias=AliasChoices("HTTPS_PROXY", "https_proxy"))] = None
    """The HTTP proxy on the way to Supabase, when that has `https://`: plain HTTP is for the own network."""
    NO_PROXY: Annotated[str | None, Field(validation_alias=AliasChoices("NO_PROXY", "no_proxy"))] = None
    """Hosts and domains that are reached without the proxy, separated by commas."""

    CORS_ORIGINS: Annotated[CommaSeparated, AfterValidator(lambda origins: tuple(map(_origin, origins)))] = (
        "http://localhost:3000",
        "http://localhost:5173",
    )
    """Origins whose pages may call the API, separated by commas."""
    TRUSTED_HOSTS: CommaSeparated = ("*",)
    """Host names the gateway answers to, separated by commas; `*.example.com` and `*` are understood."""

    REQUEST_TIMEOUT: Annotated[float, Field(gt=0, le=300)] = 10.0
    """Seconds a request may take in all before it is answered 504."""
    CONNECT_TIMEOUT: Annotated[float, Field(gt=0, le=60)] = 3.0
    """Seconds to wait for a connection to Supabase, or for a free place in the pool."""
    MAX_REQUESTS: PositiveInt = 500
    """Requests that one worker serves at the same time; more are answered 503."""
    MAX_REQUESTS_PER_USER: PositiveInt = 100
    """Requests of one user that one worker serves at the same time; more are answered 429."""
    MAX_BUFFERED_BYTES: Annotated[int, Field(ge=1024 * 1024)] = 64 * 1024 * 1024
    """What one worker holds of bodies being parsed and answers being buffered, all together. More waits a while, and
    is then answered 503; a single request that needs more than all of it runs alone."""
    MAX_FILE_BYTES: Annotated[int, Field(ge=1, le=52_428_800)] = 52_428_800
    """The largest file that a source may have. The bucket takes no larger one than 50 MiB."""
    FILE_TIMEOUT: Annotated[float, Field(gt=0, le=3600)] = 300.0
    """Seconds that an upload may take in all, reading the file included; and a copy of a workspace."""
    MAX_FILES: PositiveInt = 50
    """Uploads and downloads of files that one worker serves at the same time; more are answered 503. Copies of
    workspaces have as many places again."""
    MAX_FILES_PER_USER: PositiveInt = 10
    """The same of one user; more are answered 429."""
    MAX_FILE_READERS: PositiveInt | None = None
    """Files that one worker reads at the same time, each in a process of up to 384 MiB; the others wait. By default as
    many as it has processor cores, by its container's limit too, and two at most."""
    SEARCH_LANGUAGE: Annotated[str, Field(pattern=r"^[a-z]{2,30}$")] = "english"
    """The language whose word forms a search knows (a text search configuration of PostgreSQL); words are found as they
    are too, in any language. Files keep the one that they were read with."""
    UPSTREAM_CONNECTIONS: Annotated[int, Field(ge=1, le=10_000)] = 250
    """Connections to Supabase that one worker keeps at most. Several times what one user may have running, or that
    user's slow requests leave none for the others."""

    RUNNER_URL: Url | None = None
    """Where the code runner answers, or a Judge0. Without it labs do not run; all else works."""
    RUNNER_TOKEN: SecretStr | None = None
    """What the runner is sent as `X-Auth-Token`."""
    RUN_TIMEOUT: Annotated[float, Field(gt=0, le=300)] = 20.0
    """Seconds that the runner may take over a run, waiting in its queue included."""
    MAX_RUNS: PositiveInt = 50
    """Runs that one worker waits for at the same time; more are answered 503."""
    MAX_RUNS_PER_USER: PositiveInt = 2
    """The same of one user; more are answered 429."""
    AI_MODEL: str | None = None
    """The language model's name, as its provider spells it. Without it there is no tutor and nothing is generated."""
    AI_BASE_URL: Url | None = None
    """Where it answers OpenAI's API, `/v1` included. By default OpenAI itself."""
    AI_API_KEY: SecretStr | None = None
    """The provider's key; a model on the own machine needs none."""
    PROMPTS_FOLDER: DirectoryPath | None = None
    """A folder with prompts of one's own, named as those in `app/prompts`; those that it lacks stay as they are."""
    AI_MAX_TOKENS: Annotated[int, Field(ge=16, le=1_000_000)] = 4096
    """The longest answer, in tokens."""
    AI_TOKENS_PER_DAY: NonNegativeInt = 200_000
    """Tokens, read and written, that one user may take of the model in a day (UTC), counted in the database."""
    AI_CONNECT_TIMEOUT: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Seconds to wait for a connection to the model."""
    AI_FIRST_TOKEN_TIMEOUT: Annotated[float, Field(gt=0, le=600)] = 60.0
    """Seconds to wait for the first token of an answer, or for an answer that comes in one piece."""
    AI_TOKEN_TIMEOUT: Annotated[float, Field(gt=0, le=600)] = 20.0
    """Seconds to wait for each further token."""
    TURN_TIMEOUT: Annotated[float, Field(gt=0, le=3600)] = 300.0
    """Seconds that an answer of the tutor, or the generation of a lab, may take in all."""
    TURN_GRACE: Annotated[float, Field(ge=0, le=600)] = 15.0
    """Seconds after SIGTERM that turns have to end. Less than the server waits for its connections."""
    MAX_TURNS: PositiveInt = 100
    """Turns that one worker has running at the same time; more are answered 503."""
    MAX_TURNS_PER_USER: PositiveInt = 4
    """Turns of one user that one worker has running at the same time; more are answered 429."""

    @property
    def proxy(self) -> str | None:
        """The proxy that requests to Supabase go through, if any."""
        return self.proxy_to(self.SUPABASE_URL)

    @property
    def publishable_key(self) -> str:
        """What Supabase asks for next to a token; the embedded stack takes any."""
        key = self.SUPABASE_PUBLISHABLE_KEY
        return key.get_secret_value() if key else "sb_publishable_unset"

    def proxy_to(self, address: str) -> str | None:
        """The proxy that requests to this address go through, if any."""
        url = urlsplit(address)
        if not self.HTTPS_PROXY or url.scheme != "https" or _is_direct(url, self.NO_PROXY or ""):
            return None
        return _proxy_url(self.HTTPS_PROXY.get_secret_value())

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Compose files and Kubernetes objects set a variable to nothing where they mean none, and a secret that was
        written by `echo` ends in a line break."""
        stripped = {name: value.strip() if isinstance(value, str) else value for name, value in given.items()}
        # Kubernetes gives every pod of the namespace of a service `metrics` a METRICS_PORT=tcp://10.0.0.1:9090.
        if str(stripped.get("METRICS_PORT", "")).startswith(("tcp://", "udp://", "sctp://")):
            del stripped["METRICS_PORT"]
        return {name: value for name, value in stripped.items() if value != ""}

    @model_validator(mode="after")
    def _proxy_is_usable(self) -> Self:
        _ = self.proxy, self.proxy_to(self.RUNNER_URL or "")
        return self

    @model_validator(mode="after")
    def _production_is_explicit(self) -> Self:
        if self.ENVIRONMENT != "production":
            return self
        wrong = [
            f"{name} must be set in production"
            for name in ("SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY")
            if name not in self.model_fields_set
        ]
        if self.SUPABASE_JWT_SECRET is not None:
            if self.SUPABASE_JWT_SECRET.get_secret_value() in KNOWN_JWT_SECRETS:
                wrong.append(
                    "SUPABASE_JWT_SECRET is the development secret that everybody knows: set the project's own"
                )
            if not self.ALLOW_SHARED_JWT_SECRET:
                wrong.append(
                    "SUPABASE_JWT_SECRET can mint any role: unset it and use the project's signing keys, "
                    "or set ALLOW_SHARED_JWT_SECRET=true for a legacy project"
                )
        if wrong:
            raise ValueError("; ".join(wrong) + "; or set ENVIRONMENT=development, for a machine of your own")
        return self


@lru_cache
def get_settings() -> Settings:
    """The process's settings. Ends the process with one line for each wrong setting; values are never printed."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = [
            "  " + ": ".join([*map(str, item["loc"]), item["msg"].removeprefix("Value error, ")])
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise SystemExit("Settings are wrong; the gateway does not start:\n" + "\n".join(wrong)) from None
