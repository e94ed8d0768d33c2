"""Bearer token in, verified caller out. Nothing goes upstream for a token that does not pass here."""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import jwt
from jwt import PyJWK

from app import metrics
from app.config import Settings
from app.errors import NotReadyError, ProblemError, TokenExpiredError, UnauthenticatedError, UpstreamUnavailableError
from app.services.pool import read_whole
from app.services.refusals import PROXIES

logger = logging.getLogger(__name__)

_CACHED, _VERIFIED, _REFUSED = map(metrics.tokens.labels, ("cached", "verified", "refused"))

MAX_TOKEN_LENGTH = 8192
"""Characters. Supabase's tokens have about 800; a header of more than this is not one."""

MAX_CACHED_TOKENS = 4096
CACHED_SECONDS = 300.0
"""How long a verified token is believed without looking at its signature again. `exp` is checked every time."""
LEEWAY = 30
"""Seconds by which clocks may differ, as PostgREST allows: https://docs.postgrest.org/en/stable/references/auth.html"""

MAX_EXPIRY = 253_402_300_800
"""The end of the year 9999: an `exp` beyond it is not a date."""

JWKS_PATH = "/auth/v1/.well-known/jwks.json"
JWKS_TIMEOUT = 2.0
MAX_JWKS_BYTES = 1024 * 1024
JWKS_FRESH_SECONDS = 300.0
"""From this age on, keys are renewed while they serve; from the next one on, before they do."""
JWKS_OLD_SECONDS = 600.0
JWKS_RETRY_SECONDS = 10.0
"""The least time between two fetches, whatever tokens ask for."""

NO_KEYS = (
    "No token can be verified: Supabase's login service publishes no ES256 or RS256 key, and SUPABASE_JWT_SECRET is not"
    " set. Create a signing key for the project, or set its secret."
)

ASYMMETRIC = frozenset({"ES256", "RS256"})
# Headers by which a token would bring or point to its own key, or change how it is read.
FORBIDDEN_HEADERS = frozenset({"jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "enc"})

# The signing key of every local project of the Supabase CLI, private half included, is public knowledge.
KNOWN_KEY_IDS = frozenset({"b81269f1-21d8-4f2e-b719-c2240a840d90"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: a Supabase user, and the token to act with in their name."""

    id: str
    """`sub`: the user's UUID in its canonical form."""
    token: str
    expires_at: int
    """`exp`: seconds since 1970, UTC."""


class KeySet:
    """The project's public verification keys (RFC 7517), fetched from the login service when they are needed.

    Keys at hand go on serving while the login service cannot be reached. An unknown key id asks again, though never
    more often than once in `JWKS_RETRY_SECONDS`, so that made-up ids cannot hammer the login service.
    """

    def __init__(self, url: str, http: httpx.AsyncClient, *, refuse: frozenset[str] = frozenset()) -> None:
        self._url = url
        self._http = http
        self._refuse = refuse
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._lock = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None
        self._reason: str | None = None

    async def find(self, key_id: str) -> PyJWK | None:
        """The key of this id, or None when the project has no such key.

        Raises `UpstreamUnavailableError` when no key was ever fetched and none can be now.
        """
        key = self._keys.get(key_id)
        now = time.monotonic()
        age = now - self._fetched_at
        if now - self._tried_at > JWKS_RETRY_SECONDS:
            if key is None or age > JWKS_OLD_SECONDS:
                await self.refresh()
                key = self._keys.get(key_id)
            elif age > JWKS_FRESH_SECONDS and (not self._renewal or self._renewal.done()):
                self._renewal = asyncio.create_task(self.refresh())
        if key is None and self._fetched_at == float("-inf"):
            raise UpstreamUnavailableError(
                self._reason or "The login service cannot be reached, so no token can be verified yet."
            )
        return key

    @property
    def are_missing(self) -> bool:
        """Whether the login service was asked and has no key that can be used."""
        return not self._keys and self._fetched_at != float("-inf")

    async def refresh(self) -> None:
        """Fetch the keys once, however many ask at the same time. On failure the keys stay as they were."""
        asked_at = time.monotonic()
        async with self._lock:
            if self._tried_at >= asked_at:
                return
            try:
                async with asyncio.timeout(JWKS_TIMEOUT):
                    await self.fetch()
                metrics.jwks_fetches.labels("fetched").inc()
            except (httpx.HTTPError, ProblemError, TimeoutError, ValueError, TypeError, KeyError) as error:
                self._reason = error.detail if isinstance(error, ProblemError) else None
                metrics.jwks_fetches.labels("failed").inc()
                logger.warning("verification keys could not be fetched: %s", str(error) or type(error).__name__)
            finally:
                self._tried_at = time.monotonic()

    async def fetch(self) -> None:
        """Fetch the keys now. Raises `ProblemError`, `httpx.HTTPError`, and for what is no key set `ValueError`,
        `TypeError` or `KeyError`."""
        answer = await self._http.request("GET", self._url)
        document = await read_whole(answer, MAX_JWKS_BYTES)
        if by_a_proxy := PROXIES.get(answer.status_code):
            raise by_a_proxy()
        if answer.status_code != 200 or document is None:
            raise ValueError(f"status {answer.status_code}")
        self._keys = dict(self._readable(json.loads(document)))
        self._fetched_at = time.monotonic()

    def _readable(self, document: Mapping[str, Any]) -> list[tuple[str, PyJWK]]:
        keys = []
        for entry in document["keys"]:
            try:
                key = PyJWK(entry)
            except (jwt.PyJWTError, AttributeError, NotImplementedError, TypeError, ValueError):
                continue  # what this version cannot read must not hide the others
            if key.key_id and key.key_id not in self._refuse and key.algorithm_name in ASYMMETRIC:
                keys.append((key.key_id, key))
        return keys


class Verifier:
    """Verifies Supabase user access tokens, and caches those it has verified."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        production = settings.ENVIRONMENT == "production"
        refuse = KNOWN_KEY_IDS if production else frozenset[str]()
        self.keys = KeySet(settings.SUPABASE_URL + JWKS_PATH, http, refuse=refuse)
        self._issuer = settings.SUPABASE_JWT_ISSUER
        self._secret = settings.SUPABASE_JWT_SECRET
        self._verified: dict[str, tuple[Caller, float]] = {}
        if production and self._secret is not None:
            logger.warning("HS256 tokens are accepted: whoever holds SUPABASE_JWT_SECRET can act as any user")

    async def check(self) -> None:
        """Raise `NotReadyError` when no token could be verified, else as `KeySet.fetch` does."""
        await self.keys.fetch()
        if self._secret is None and self.keys.are_missing:
            raise NotReadyError(NO_KEYS)

    async def prepare(self) -> None:
        """Fetch the keys before somebody waits for them, and warn when there is nothing to verify tokens with."""
        if self._secret is None:
            await self.keys.refresh()
            if self.keys.are_missing:
                logger.warning(NO_KEYS)

    async def verify(self, token: str) -> Caller:
        """The caller whose token this is.

        Raises `TokenExpiredError` or another `UnauthenticatedError`, or `UpstreamUnavailableError` when the keys cannot
        be had.
        """
        now = time.time()
        if entry := self._verified.get(token):
            caller, believed_until = entry
            if now < believed_until:
                _CACHED.inc()
                return caller
            del self._verified[token]
        try:
            caller = await self._check(token)
        except UnauthenticatedError:
            _REFUSED.inc()
            raise
        _VERIFIED.inc()
        if len(self._verified) >= MAX_CACHED_TOKENS:
            del self._verified[next(iter(self._verified))]
        self._verified[token] = (caller, min(caller.expires_at + LEEWAY, now + CACHED_SECONDS))
        return caller

    async def _check(self, token: str) -> Caller:
        if len(token) > MAX_TOKEN_LENGTH:
            raise UnauthenticatedError(f"The access token is longer than {MAX_TOKEN_LENGTH} characters.")
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            claims = jwt.decode(
                token,
                await self._key(algorithm, header),
                algorithms=[str(algorithm)],
                audience="authenticated",
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "sub", "aud"]},
            )
            return _caller(token, claims)
        except jwt.ExpiredSignatureError:
            raise TokenExpiredError from None
        except jwt.ImmatureSignatureError:
            raise UnauthenticatedError(
                "The access token is valid only from a later moment on. Is the clock of this server right?"
            ) from None
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError, RecursionError):
            raise UnauthenticatedError(
                "The access token is not valid here. Sign in again and send the new token."
            ) from None

    async def _key(self, algorithm: object, header: Mapping[str, Any]) -> PyJWK | str:
        if FORBIDDEN_HEADERS & header.keys():
            raise jwt.InvalidTokenError
        if algorithm == "HS256" and self._secret is not None:
            return self._secret.get_secret_value()
        key_id = header.get("kid")
        if algorithm in ASYMMETRIC and isinstance(key_id, str):
            key = await self.keys.find(key_id)
            if key is not None and key.algorithm_name == algorithm:
                return key
        raise jwt.InvalidTokenError


def _caller(token: str, claims: Mapping[str, Any]) -> Caller:
    subject, expires_at = claims["sub"], claims["exp"]
    if claims.get("role") != "authenticated" or type(expires_at) is not int or expires_at > MAX_EXPIRY:
        raise jwt.InvalidTokenError
    if str(UUID(subject)) != subject.lower():
        raise jwt.InvalidTokenError
    return Caller(id=subject.lower(), token=token, expires_at=expires_at)
