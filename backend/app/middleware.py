"""What surrounds every request, as pure ASGI: its id and log line, its limits, and the answer of last resort."""

import asyncio
import logging
import re
import time
from collections.abc import Sequence
from hashlib import blake2s
from secrets import token_hex

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import metrics
from app.auth import Verifier
from app.context import Context
from app.errors import (
    BodyTooLargeError,
    DeadlineExceededError,
    HeadersTooLargeError,
    InternalError,
    MalformedRequestError,
    ProblemError,
    RefusedPreflightError,
    UnauthenticatedError,
    UnfinishedAnswerError,
    UpgradeRefusedError,
    UriTooLongError,
)
from app.handlers import problem_response
from app.lanes import Lane, Lanes, Places
from app.memory import UNCOUNTED_BYTES, Memory, weight

logger = logging.getLogger(__name__)
access = logging.getLogger("app.access")

MAX_BODY_BYTES = 4 * 1024 * 1024
"""A lab with its three JSON columns of 1 MiB each, and room for what surrounds them."""
MAX_URI_BYTES = 8 * 1024
MAX_HEADER_BYTES = 32 * 1024
"""All headers together but `Authorization`, which the token check bounds itself."""
SENDING_SECONDS = 20.0
"""How long a client may take nothing of an answer that comes in pieces, before it is cut off."""
CUT_OFF = "cut_off"
"""The code in the log of an answer that ended before it was whole. No client can be told it."""

_PROBES = frozenset({"/health", "/ready"})
_METHODS = frozenset({"GET", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD", "PUT"})
_SAFE_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
_NO_STORE = (b"cache-control", b"no-store")
_API_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_KEPT = ("/docs/", "/redoc/")
"""Files that browsers may keep."""

_ALLOWED_ORIGIN = "access-control-allow-origin"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
# W3C Trace Context, section 3.2.
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class RequestMiddleware:
    """Makes the request's context, its log line, and the headers that every answer has."""

    def __init__(self, app: ASGIApp, *, lanes: Lanes, memory: Memory, log_users: bool) -> None:
        self.app = app
        self._lanes = lanes
        self._memory = memory
        self._log_users = log_users

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started_at = time.perf_counter()
        method = scope["method"]
        context = self._open(scope)
        if context.is_head:  # RFC 9110, section 9.3.2; the server keeps the content back
            scope = {**scope, "method": "GET"}
        scope.setdefault("state", {})["context"] = context
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] += _headers(context)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            context.memory.release()
            self._record(scope, context, method if method in _METHODS else "other", status, started_at)

    def _open(self, scope: Scope) -> Context:
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        trace = headers.get("traceparent", "")
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        is_head = scope["method"] == "HEAD"
        lane = self._lanes.find("GET" if is_head else scope["method"], path)
        return Context(
            id=given if _REQUEST_ID.fullmatch(given) else token_hex(16),
            path=path,
            is_head=is_head,
            lane=lane,
            memory=self._memory.share(),
            deadline=asyncio.timeout(lane.seconds),
            trace=trace if _TRACE.fullmatch(trace) else None,
        )

    def _record(self, scope: Scope, context: Context, method: str, status: int, started_at: float) -> None:
        seconds = time.perf_counter() - started_at
        route = getattr(scope.get("route"), "path", "none")
        metrics.requests.labels(method, route, status).observe(seconds)
        level = logging.WARNING if context.code == CUT_OFF else logging.INFO
        if access.isEnabledFor(level):
            fields = {
                "request_id": context.id,
                "method": method,
                "route": route,
                "status": status,
                "ms": round(seconds * 1000, 2),
            }
            if context.code:
                fields["code"] = context.code
            if context.upstream_seconds:
                fields["upstream_ms"] = round(context.upstream_seconds * 1000, 2)
            if self._log_users and hasattr(context, "caller"):
                fields["user"] = blake2s(context.caller.id.encode(), digest_size=8).hexdigest()
            access.log(level, "request", extra={"fields": fields})


def _headers(context: Context) -> list[tuple[bytes, bytes]]:
    headers = [(b"x-request-id", context.id.encode()), *_SAFE_HEADERS]
    if context.path.startswith("/v1"):
        return [*headers, _NO_STORE, _API_POLICY]
    return headers if context.path.startswith(_KEPT) else [*headers, _NO_STORE]


class CrossOriginMiddleware(CORSMiddleware):
    """Starlette's, with problem documents for preflights that it refuses."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except RefusedPreflightError as refusal:
            await problem_response(refusal, scope)(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a preflight. Raises `RefusedPreflightError`."""
        answer = super().preflight_response(request_headers)
        if answer.status_code >= 400:
            # What the origin may know stays: on it depends whether a page can read why.
            kept = {name: answer.headers[name] for name in ("vary", _ALLOWED_ORIGIN) if name in answer.headers}
            raise RefusedPreflightError(headers=kept)
        return answer


class LimitsMiddleware:
    """Lets a request in, bounds what it may cost, and answers for whatever nobody else answered for.

    In this order: the host, the sizes of its address and headers, a place in its lane; under `/v1` the caller's token
    and a place of that caller. All of it before the body is read, so that strangers cannot make the gateway wait for
    theirs. More requests than there are places are refused, never queued.
    """

    def __init__(self, app: ASGIApp, *, lanes: Lanes, hosts: Sequence[str]) -> None:
        self.app = app
        self._hosts = None if "*" in hosts else re.compile("|".join(map(_host_pattern, hosts)))
        self._places = {lane: Places(lane.places, lane.places_per_user) for lane in lanes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        context = Context.of(scope)
        started = False

        async def send_in_time(message: Message) -> None:
            nonlocal started
            started = True
            if message.get("more_body"):  # an answer in pieces: what counts now is that the client takes them
                context.allow(SENDING_SECONDS)
            await send(message)
            if message.get("more_body"):
                # Without a pause the rest is read for a client that is gone: a task that never waits, because upstream
                # is fast, is not cancelled (anyio delivers a cancellation to one that waits).
                await asyncio.sleep(0)

        try:
            await self._serve(scope, _bounded(receive, context), send_in_time, context)
        except Exception as error:
            if not started:
                problem = error if isinstance(error, ProblemError) else _last_resort(error, context)
                await problem_response(problem, scope)(scope, receive, send)
                return
            # Only the end of the connection tells the client; the server closes it when this returns.
            context.code = CUT_OFF
            if not isinstance(error, (TimeoutError, UnfinishedAnswerError)):
                logger.error("the answer of request %s failed", context.id, exc_info=error)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, context: Context) -> None:
        probe = context.path in _PROBES  # answered to whoever asks by address, and when no place is free
        places = self._places[context.lane]
        with places.take(always=probe):
            self._check(scope, context, probe)
            async with context.deadline:
                if not context.path.startswith("/v1"):
                    await self.app(scope, receive, send)
                    return
                verifier: Verifier = scope["app"].state.verifier
                caller = await verifier.verify(_bearer_token(scope))
                with places.take_of_user(caller.id):
                    context.caller = caller
                    await self.app(scope, receive, send)

    def _check(self, scope: Scope, context: Context, probe: bool) -> None:
        lane = context.lane
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_URI_BYTES:
            raise UriTooLongError(f"{UriTooLongError.meaning()} Both have at most {MAX_URI_BYTES} bytes together.")
        if context.path.endswith("\n"):  # routes would take it for the end
            raise MalformedRequestError("The path ends in a line feed: leave it out.")
        size = 0
        host = None
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > lane.body_bytes:
                raise _too_large(lane)
            if name == b"host":
                if host is not None:
                    raise MalformedRequestError("`Host` is there twice.")
                host = value
            if name == b"upgrade" and _is_lost_upgrade(Headers(scope=scope)):
                raise UpgradeRefusedError
            if name != b"authorization":
                size += len(name) + len(value)
        if self._hosts and not probe and not self._hosts.fullmatch((host or b"").decode("latin-1").lower()):
            raise MalformedRequestError("`Host` names a host that is not served here, or is missing.")
        if size > MAX_HEADER_BYTES:
            raise HeadersTooLargeError(
                f"{HeadersTooLargeError.meaning()} All but `Authorization` have {MAX_HEADER_BYTES} bytes at most."
            )


def _bearer_token(scope: Scope) -> str:
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(values) != 1:
        raise UnauthenticatedError
    scheme, _, token = values[0].partition(b" ")
    if scheme.lower() != b"bearer" or not token.isascii():
        raise UnauthenticatedError
    decoded: str = token.decode("ascii")
    return decoded


def _bounded(receive: Receive, context: Context) -> Receive:
    """Refuses a body that is larger than its lane allows, and counts one that is held whole as memory."""
    received = 0

    async def bounded_receive() -> Message:
        nonlocal received
        message = await receive()
        body = message.get("body", b"")
        received += len(body)
        if received > context.lane.body_bytes:
            raise _too_large(context.lane)
        if received > UNCOUNTED_BYTES and body and not context.lane.streamed:
            await context.memory.grow(weight(body))
        return message

    return bounded_receive


def _too_large(lane: Lane) -> BodyTooLargeError:
    return BodyTooLargeError(f"{BodyTooLargeError.meaning()} It takes at most {lane.body_bytes} bytes.")


def _last_resort(error: Exception, context: Context) -> ProblemError:
    if isinstance(error, TimeoutError):
        return DeadlineExceededError(
            f"The request took longer than the {context.lane.seconds:g} seconds that it may. A write may have happened:"
            " send it again with the same `id`, or read first."
        )
    logger.error("request %s failed", context.id, exc_info=error)
    return InternalError()


def _is_lost_upgrade(headers: Headers) -> bool:
    """Whether a client that sends `Upgrade` waits for another protocol, or has a body that the server stops reading
    once it meets that header (httptools does). Another upgrade is only an offer, which may be ignored (RFC 9110,
    section 7.8)."""
    if "upgrade" not in ",".join(headers.getlist("connection")).lower():
        return False
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    return has_body or "websocket" in headers["upgrade"].lower()


def _host_pattern(host: str) -> str:
    """`example.com` or `*.example.com`, with any port."""
    subdomain = "[a-z0-9.-]+" if host.startswith("*") else ""
    return rf"{subdomain}{re.escape(host.lstrip('*').lower())}(?::\d+)?"
