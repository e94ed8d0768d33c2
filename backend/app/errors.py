"""What can go wrong, and the problem document (RFC 9457) it becomes.

    ProblemError                        status  code
    ├── MalformedRequestError            400     malformed_request
    ├── UnauthenticatedError             401     unauthenticated
    ├── NotFoundError                    404     not_found
    │   └── RouteNotFoundError           404     route_not_found
    ├── MethodNotAllowedError            405     method_not_allowed
    ├── IdTakenError                     409     id_taken
    ├── DuplicateError                   409     duplicate
    ├── WriteConflictError               409     write_conflict
    ├── StaleVersionError                412     stale_version
    ├── BodyTooLargeError                413     body_too_large
    ├── UriTooLongError                  414     uri_too_long
    ├── UnsupportedMediaTypeError        415     unsupported_media_type
    ├── InvalidRequestError              422     invalid_request
    │   ├── InvalidCursorError           422     invalid_cursor
    │   ├── UnknownNodeError             422     unknown_node
    │   └── UnknownSourceError           422     unknown_source
    ├── TooManyRequestsError             429     too_many_requests
    ├── HeadersTooLargeError             431     headers_too_large
    ├── InternalError                    500     internal_error
    ├── BadUpstreamError                 502     bad_upstream
    ├── ConnectionLostError              502     connection_lost
    ├── OverloadedError                  503     overloaded
    ├── NotReadyError                    503     not_ready
    ├── UpstreamUnavailableError         503     supabase_unavailable
    └── DeadlineExceededError            504     deadline_exceeded

Every class's docstring is what a caller reads: in the answer's `detail`, in OpenAPI and on the page `/problems`.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from inspect import cleandoc
from typing import Any, ClassVar

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
MAX_LISTED_ERRORS = 50


class ProblemError(HTTPException):
    """Something went wrong."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "problem"
    title: ClassVar[str] = "Problem"
    fields: ClassVar[Mapping[str, str]] = {}
    """Header fields that go with the answer."""
    loc: tuple[str, ...] = ("body",)
    """Where a 422 finds its fault, unless `errors` says so more exactly."""

    def __init__(
        self,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, Any]] | None = None,
        loc: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(self.status, detail or self.meaning(), {**self.fields, **(headers or {})})
        self.errors = errors
        self.loc = loc or self.loc

    @classmethod
    def meaning(cls) -> str:
        """What it means to a caller: the class's docstring."""
        return " ".join(cleandoc(cls.__doc__ or "").split())

    def document(self, instance: str, request_id: str) -> dict[str, Any]:
        """The problem document (RFC 9457, section 3)."""
        document: dict[str, Any] = {
            "type": f"/problems#{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "request_id": request_id,
        }
        if self.status == 422:
            document["errors"] = self.errors or [{"loc": self.loc, "msg": self.detail, "type": self.code}]
        return document

    @classmethod
    def kinds(cls) -> Iterator["type[ProblemError]"]:
        """Every kind of problem, in the order in which they stand here."""
        for kind in cls.__subclasses__():
            yield kind
            yield from kind.kinds()


class MalformedRequestError(ProblemError):
    """The request cannot be read: a header is not in the form that HTTP asks for, or the body is no text that can be
    parsed."""

    status, code, title = 400, "malformed_request", "Malformed request"


class UnauthenticatedError(ProblemError):
    """Send `Authorization: Bearer <access token>` with a Supabase user access token that is valid now."""

    status, code, title = 401, "unauthenticated", "Not authenticated"
    fields: ClassVar = {"WWW-Authenticate": "Bearer"}


class NotFoundError(ProblemError):
    """There is no such thing, or it is not yours to see or change."""

    status, code, title = 404, "not_found", "Not found"


class RouteNotFoundError(NotFoundError):
    """No route has this path. `/docs` lists them all."""

    status, code, title = 404, "route_not_found", "No such route"


class MethodNotAllowedError(ProblemError):
    """The path exists but does not take this method; `Allow` names those it takes."""

    status, code, title = 405, "method_not_allowed", "Method not allowed"


class IdTakenError(ProblemError):
    """Another row has this id already. Make a new random UUID and try again."""

    status, code, title = 409, "id_taken", "Id taken"


class DuplicateError(ProblemError):
    """The same thing is there already: an edge with these ends and handles, or a source at this storage path."""

    status, code, title = 409, "duplicate", "Duplicate"


class WriteConflictError(ProblemError):
    """Another write to the same rows was faster and this one was undone. Nothing was written; send it again."""

    status, code, title = 409, "write_conflict", "Write conflict"


class StaleVersionError(ProblemError):
    """The row has changed since the version in `If-Match`. Nothing was written; read it again, then decide."""

    status, code, title = 412, "stale_version", "Stale version"


class BodyTooLargeError(ProblemError):
    """The body is larger than this API takes."""

    status, code, title = 413, "body_too_large", "Body too large"


class UriTooLongError(ProblemError):
    """The path and query are longer than this API takes."""

    status, code, title = 414, "uri_too_long", "URI too long"


class UnsupportedMediaTypeError(ProblemError):
    """The body is not called JSON. Send it with `Content-Type: application/json`."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"
    fields: ClassVar = {"Accept": "application/json"}


class InvalidRequestError(ProblemError):
    """The request was understood, but values in it are not allowed; `errors` names each of them."""

    status, code, title = 422, "invalid_request", "Invalid request"


class InvalidCursorError(InvalidRequestError):
    """The cursor is not one that this list gave. Start again without it, or follow `Link` as it is."""

    status, code, title = 422, "invalid_cursor", "Invalid cursor"
    loc = ("query", "cursor")


class UnknownNodeError(InvalidRequestError):
    """A node that the request names is not a source or lab of this workspace. Nothing was written."""

    status, code, title = 422, "unknown_node", "Unknown node"


class UnknownSourceError(InvalidRequestError):
    """`source_id` is not a source of the lab's own workspace. Nothing was written."""

    status, code, title = 422, "unknown_source", "Unknown source"
    loc = ("body", "source_id")


class TooManyRequestsError(ProblemError):
    """You have too many requests under way at once. Wait for `Retry-After` seconds and send fewer at a time."""

    status, code, title = 429, "too_many_requests", "Too many requests"
    fields: ClassVar = {"Retry-After": "1"}


class HeadersTooLargeError(ProblemError):
    """The request's headers are larger than this API takes."""

    status, code, title = 431, "headers_too_large", "Headers too large"


class InternalError(ProblemError):
    """The gateway failed in a way it should not. Report it with the `request_id`."""

    status, code, title = 500, "internal_error", "Internal error"


class BadUpstreamError(ProblemError):
    """Supabase answered with something the gateway does not understand. Try again; if it stays, report it."""

    status, code, title = 502, "bad_upstream", "Bad answer from Supabase"


class ConnectionLostError(ProblemError):
    """The connection to Supabase broke before its answer was there. The write may have happened: send it again with
    the same `id`, or read first."""

    status, code, title = 502, "connection_lost", "Connection lost"


class OverloadedError(ProblemError):
    """The gateway has as many requests under way as it can serve. Wait for `Retry-After` seconds."""

    status, code, title = 503, "overloaded", "Overloaded"
    fields: ClassVar = {"Retry-After": "2"}


class NotReadyError(ProblemError):
    """A part of Supabase that the gateway needs does not answer yet."""

    status, code, title = 503, "not_ready", "Not ready"
    fields: ClassVar = {"Retry-After": "2"}


class UpstreamUnavailableError(ProblemError):
    """Supabase cannot be reached or is starting. Wait for `Retry-After` seconds; writes may be sent again with the
    same `id`."""

    status, code, title = 503, "supabase_unavailable", "Supabase unavailable"
    fields: ClassVar = {"Retry-After": "2"}


class DeadlineExceededError(ProblemError):
    """The request took longer than the gateway waits. A write may have happened: send it again with the same `id`,
    or read first."""

    status, code, title = 504, "deadline_exceeded", "Deadline exceeded"


# A value that only the database found fault with; it does not say where.
_refused_value = partial(InvalidRequestError, "The database does not take one of the values in the request.")

# What the data API or Postgres calls a failure: SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html),
# PostgREST's own codes (https://docs.postgrest.org/en/stable/references/errors.html), and what our SQL functions raise.
UPSTREAM_CODES: dict[str, Callable[[], ProblemError]] = {
    "": ConnectionLostError,  # Postgres went away under the statement, so there is no SQLSTATE
    "22P02": _refused_value,  # text that is not of the column's type
    "22P05": _refused_value,  # a character that Postgres cannot store
    "22003": _refused_value,  # number out of range
    "22001": _refused_value,  # text too long
    "22007": _refused_value,  # text that is not a date
    "22008": _refused_value,  # date out of range
    "22009": _refused_value,  # offset out of range
    "23502": _refused_value,  # not null
    "23503": NotFoundError,  # the row a foreign key names went away
    "23505": DuplicateError,  # unique
    "23514": _refused_value,  # check
    "40P01": WriteConflictError,  # deadlock detected
    "53300": UpstreamUnavailableError,  # too many connections
    "55P03": WriteConflictError,  # lock not available
    "57014": DeadlineExceededError,  # statement timeout
    "57P01": UpstreamUnavailableError,  # the server is being shut down
    "57P02": UpstreamUnavailableError,  # the server is recovering from a crash; nothing was committed
    "57P03": UpstreamUnavailableError,  # the server is starting
    "PGRST000": UpstreamUnavailableError,  # no connection to the database
    "PGRST001": UpstreamUnavailableError,
    "PGRST002": UpstreamUnavailableError,  # the schema is being read
    "PGRST003": UpstreamUnavailableError,  # no free connection in time
    "PGRST116": NotFoundError,  # no row where one was asked for
    "PGRST301": UnauthenticatedError,  # the token is refused, in three wordings
    "PGRST302": UnauthenticatedError,
    "PGRST303": UnauthenticatedError,
}

# Constraints whose refusal means something more exact, and the words our own SQL functions raise.
CONSTRAINTS: dict[str, Callable[[], ProblemError]] = {
    "workspaces_owner_id_fkey": UnauthenticatedError,  # the account is gone
    "labs_source_id_fkey": UnknownSourceError,
    "edges_source_node_id_fkey": partial(UnknownNodeError, loc=("body", "source_node_id")),
    "edges_target_node_id_fkey": partial(UnknownNodeError, loc=("body", "target_node_id")),
}
RAISED: dict[str, Callable[[], ProblemError]] = {
    "unknown_node": UnknownNodeError,
    "duplicate_node": _refused_value,
    "too_many_nodes": _refused_value,
    "immutable_column": _refused_value,
    "workspace_not_found": NotFoundError,
}

_CONSTRAINT = re.compile(r'(foreign key|unique|check) constraint "(\w+)"')


def upstream_problem(status: int, body: bytes) -> ProblemError:
    """What an unsuccessful answer of the data API means to the caller.

    Reads only the code and what the refusal is about; nothing of the upstream's own wording goes on.
    """
    try:
        document = json.loads(body)
        code, message = str(document.get("code")), str(document.get("message"))
    except (ValueError, AttributeError, RecursionError):
        code = message = str(None)
    if problem := RAISED.get(message):
        return problem()
    constraint = _CONSTRAINT.search(message)
    if constraint and (problem := CONSTRAINTS.get(constraint[2])):
        return problem()
    if constraint and constraint[1] == "unique" and constraint[2].endswith("_pkey"):
        return IdTakenError()
    if problem := UPSTREAM_CODES.get(code):
        return problem()
    # The embedded stack reports a failed check as 500 `SUP`, naming the constraint as Postgres does.
    if constraint and constraint[1] == "check":
        return _refused_value()
    # Of privileges that are missing (the same code) no caller can know: a migration is.
    if code == "42501" and "row-level security" in message:
        return NotFoundError()
    if status in {429, 503}:
        return UpstreamUnavailableError()
    if status == 504:
        return DeadlineExceededError()
    logger.warning("Supabase's data API answered %d with an unknown code: %.32r", status, code)
    return BadUpstreamError()


def problem_response(problem: ProblemError, scope: Scope) -> Response:
    """The problem as an answer to the request of this scope."""
    scope["state"]["code"] = problem.code
    document = problem.document(scope["path"], scope["state"]["request_id"])
    document["type"] = scope.get("root_path", "") + document["type"]
    return Response(json.dumps(document), problem.status, problem.headers, MEDIA_TYPE)


async def answer_problem(request: Request, error: Exception) -> Response:
    """Answer any `ProblemError`, and what Starlette itself raises (404, 405, 400), as a problem document."""
    return problem_response(error if isinstance(error, ProblemError) else _as_problem(request, error), request.scope)


async def answer_invalid(request: Request, error: Exception) -> Response:
    """Answer a request that FastAPI's validation refused. The refused values themselves are not repeated."""
    assert isinstance(error, RequestValidationError)
    if isinstance(error.body, bytes):  # FastAPI parses it only when `Content-Type` says what it is
        return problem_response(UnsupportedMediaTypeError(), request.scope)
    found = error.errors()[:MAX_LISTED_ERRORS]
    errors = [{key: item[key] for key in ("loc", "msg", "type")} for item in found]
    if found[0]["type"] == "json_invalid":
        errors[0]["msg"] += f": {found[0]['ctx']['error']}"
    return problem_response(InvalidRequestError(errors=errors), request.scope)


_HTTP_KINDS = {404: RouteNotFoundError, 405: MethodNotAllowedError, 413: BodyTooLargeError}


def _as_problem(request: Request, error: Exception) -> ProblemError:
    assert isinstance(error, HTTPException)
    kind = _HTTP_KINDS.get(error.status_code, MalformedRequestError)
    return kind(headers={"Allow": _allowed(request)} if kind is MethodNotAllowedError else error.headers)


def _allowed(request: Request) -> str:
    """All methods of the path (RFC 9110, section 10.2.1); Starlette names those of one route alone."""

    def is_served(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return ", ".join(filter(is_served, ("GET", "POST", "PATCH", "DELETE"))).replace("GET", "GET, HEAD")
