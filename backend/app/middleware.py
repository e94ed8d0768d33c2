"""What surrounds every request, as pure ASGI: its id and log line, its limits, and the answer of last resort."""

import asyncio
import logging
import re
import time
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2s
from secrets import token_hex

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import metrics
from app.auth import authenticate
from app.errors import (
    BodyTooLargeError,
    DeadlineExceededError,
    HeadersTooLargeError,
    InternalError,
    MalformedRequestError,
    OverloadedError,
    ProblemError,
    TooManyRequestsError,
    UriTooLongError,
    problem_response,
)

logger = logging.getLogger(__name__)
access = logging.getLogger("app.access")

MAX_BODY_BYTES = 4 * 1024 * 1024
"""A lab with its three JSON columns of 1 MiB each, and room for what surrounds them."""
MAX_URI_BYTES = 8 * 1024
MAX_HEADER_BYTES = 32 * 1024
"""All headers together but `Authorization`, which the token check bounds itself."""

_PROBES = frozenset({"/health", "/ready"})
_METHODS = frozenset({"GET", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD", "PUT"})
_SAFE_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
_API_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class RequestMiddleware:
    """Gives each request an id and a log line, and its answer the headers that every answer has."""

    def __init__(self, app: ASGIApp, *, log_users: bool) -> None:
        self.app = app
        self._log_users = log_users

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started_at = time.perf_counter()
        method = scope["method"]
        if method == "HEAD":  # RFC 9110, section 9.3.2; the server keeps the content back
            scope = {**scope, "method": "GET"}
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else token_hex(16)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] += _headers(_path(scope), request_id)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            self._record(scope, method if method in _METHODS else "other", status, time.perf_counter() - started_at)

    def _record(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        metrics.requests.labels(method, route, status).observe(seconds)
        if access.isEnabledFor(logging.INFO):
            state = scope["state"]
            fields = {
                "request_id": state["request_id"],
                "method": method,
                "route": route,
                "status": status,
                "ms": round(seconds * 1000, 2),
            }
            if code := state.get("code"):
                fields["code"] = code
            if session := state.get("session"):
                fields["upstream_ms"] = round(session.seconds * 1000, 2)
            if self._log_users and (user := state.get("user")):
                fields["user"] = blake2s(user.encode(), digest_size=8).hexdigest()
            access.info("request", extra={"fields": fields})


def _path(scope: Scope) -> str:
    """The path as the routes know it. Behind a proxy that takes a prefix off, the server puts it back on."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _headers(path: str, request_id: str) -> list[tuple[bytes, bytes]]:
    always = [(b"x-request-id", request_id.encode()), *_SAFE_HEADERS]
    return [*always, *_API_HEADERS] if path.startswith("/v1") else always


class LimitsMiddleware:
    """Bounds what one request and one user may cost, and answers for whatever nobody else answered for.

    A request is refused before its body is read into memory, its sender's token is verified before that too, so that
    strangers cannot make it wait for theirs, and it is answered 504 when its time is over. `total` and
    `per_user` are requests under way at the same time in this process: more are refused, never queued.
    """

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str], timeout: float, total: int, per_user: int) -> None:
        self.app = app
        self._hosts = None if "*" in hosts else re.compile("|".join(map(_host_pattern, hosts)))
        self._timeout = timeout
        self._total = total
        self._per_user = per_user
        self._under_way = 0
        self._users: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False
        received = 0

        async def bounded_receive() -> Message:
            nonlocal received
            if not received and _path(scope).startswith("/v1"):
                await authenticate(scope)
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise BodyTooLargeError
            return message

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        def admit(user_id: str) -> None:
            if self._users[user_id] >= self._per_user:
                raise TooManyRequestsError
            self._users[user_id] += 1
            scope["state"]["user"] = user_id

        scope["state"]["admit"] = admit
        self._under_way += 1
        try:
            self._check(scope)
            async with asyncio.timeout(self._timeout):
                await self.app(scope, bounded_receive, noting_send)
        except Exception as error:
            problem = error if isinstance(error, ProblemError) else self._last_resort(error, scope)
            if started:
                raise  # half an answer is out: only closing the connection tells the client
            await problem_response(problem, scope)(scope, receive, send)
        finally:
            self._under_way -= 1
            if user := scope["state"].get("user"):
                self._users[user] -= 1
                if not self._users[user]:
                    del self._users[user]

    def _check(self, scope: Scope) -> None:
        probe = _path(scope) in _PROBES  # asked by address, and also when the house is full
        if self._under_way > self._total and not probe:
            raise OverloadedError
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_URI_BYTES:
            raise UriTooLongError
        size = 0
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > MAX_BODY_BYTES:
                raise BodyTooLargeError
            if (
                name == b"host"
                and self._hosts
                and not (probe or self._hosts.fullmatch(value.decode("latin-1").lower()))
            ):
                raise MalformedRequestError("`Host` names a host that is not served here.")
            if name != b"authorization":
                size += len(name) + len(value)
        if size > MAX_HEADER_BYTES:
            raise HeadersTooLargeError

    @staticmethod
    def _last_resort(error: Exception, scope: Scope) -> ProblemError:
        if isinstance(error, TimeoutError):
            return DeadlineExceededError()
        logger.error("request %s failed", scope["state"]["request_id"], exc_info=error)
        return InternalError()


def _host_pattern(host: str) -> str:
    """`example.com` or `*.example.com`, with any port."""
    subdomain = "[a-z0-9.-]+" if host.startswith("*") else ""
    return rf"{subdomain}{re.escape(host.lstrip('*').lower())}(?::\d+)?"
