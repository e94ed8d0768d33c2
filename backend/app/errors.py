"""What can go wrong, and the problem document (RFC 9457) it becomes.

    ProblemError                        status  code
    ├── MalformedRequestError            400     malformed_request
    ├── UpgradeRefusedError              400     upgrade_refused
    ├── RefusedPreflightError            400     preflight_refused
    ├── UnauthenticatedError             401     unauthenticated
    │   └── TokenExpiredError            401     token_expired
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
    ├── UnsupportedFileError             415     unsupported_file
    ├── RangeError                       416     range_not_satisfiable
    ├── InvalidRequestError              422     invalid_request
    │   ├── InvalidCursorError           422     invalid_cursor
    │   ├── UnknownNodeError             422     unknown_node
    │   ├── UnknownEdgeError             422     unknown_edge
    │   └── UnknownSourceError           422     unknown_source
    ├── TooManyRequestsError             429     too_many_requests
    ├── HeadersTooLargeError             431     headers_too_large
    ├── InternalError                    500     internal_error
    ├── BadUpstreamError                 502     bad_upstream
    ├── ConnectionLostError              502     connection_lost
    ├── RefusedKeyError                  502     supabase_key_refused
    ├── OverloadedError                  503     overloaded
    ├── NotReadyError                    503     not_ready
    ├── UpstreamUnavailableError         503     supabase_unavailable
    └── DeadlineExceededError            504     deadline_exceeded

Those of labs and of sharing are in `lab_errors` and `sharing_errors`. Every class's docstring is what a caller reads:
in the answer's `detail`, in OpenAPI and on the page `/problems`.
"""

from collections.abc import Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import Any, ClassVar

from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"


class UnfinishedAnswerError(Exception):
    """The rest of an answer that has begun cannot be had. Only the end of the connection tells the client."""


class ProblemError(HTTPException):
    """Something went wrong."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "problem"
    title: ClassVar[str] = "Problem"
    fields: ClassVar[Mapping[str, str]] = {}
    """Header fields that go with the answer."""
    loc: tuple[str | int, ...] = ("body",)
    """Where a 422 finds its fault, unless `errors` says so more exactly."""
    names_existing: ClassVar[bool] = False
    """Whether its document has `existing`: the id of the row that is in the way, where the caller may read it."""

    def __init__(
        self,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, Any]] | None = None,
        loc: tuple[str | int, ...] | None = None,
        existing: str | None = None,
    ) -> None:
        super().__init__(self.status, detail or self.meaning(), {**self.fields, **(headers or {})})
        self.errors = errors
        self.loc = loc or self.loc
        self.existing = existing

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
        if self.existing:
            document["existing"] = self.existing
        if self.errors:
            document["errors"] = self.errors
        elif self.status == 422:
            document["errors"] = [{"loc": self.loc, "msg": self.detail, "type": self.code}]
        return document

    @classmethod
    def component(cls) -> str:
        """The name of its schema in OpenAPI."""
        return f"{cls.__name__.removesuffix('Error')}Problem"

    @classmethod
    def kinds(cls) -> Iterator["type[ProblemError]"]:
        """Every kind of problem that some module defines, by status."""
        for kind in sorted(cls.__subclasses__(), key=lambda kind: kind.status):
            yield kind
            yield from kind.kinds()


class MalformedRequestError(ProblemError):
    """The request cannot be read: a header is not in the form that HTTP asks for, or is there twice, or the body is not
    UTF-8 or too deeply nested to parse. (A body that is not JSON is `invalid_request`, which says where.)"""

    status, code, title = 400, "malformed_request", "Malformed request"


class UpgradeRefusedError(ProblemError):
    """This API speaks HTTP/1.1 alone: no WebSockets, and no upgrade to HTTP/2. Send the request without `Upgrade`."""

    status, code, title = 400, "upgrade_refused", "Upgrade refused"
    fields: ClassVar = {"Connection": "close"}


class RefusedPreflightError(ProblemError):
    """A page of this origin may not send this request (CORS). Whoever runs the gateway names the origins in
    `CORS_ORIGINS`."""

    status, code, title = 400, "preflight_refused", "Preflight refused"


class UnauthenticatedError(ProblemError):
    """Send `Authorization: Bearer <access token>` with a Supabase user access token that is valid now."""

    status, code, title = 401, "unauthenticated", "Not authenticated"
    fields: ClassVar = {"WWW-Authenticate": "Bearer"}


class TokenExpiredError(UnauthenticatedError):
    """The access token has expired. Refresh the session and send the request again with the new token."""

    status, code, title = 401, "token_expired", "Token expired"
    fields: ClassVar = {"WWW-Authenticate": 'Bearer error="invalid_token", error_description="The token expired"'}


class NotFoundError(ProblemError):
    """There is no such thing, or it is not yours to see or change. Check the id, or ask the owner to share
    the workspace."""

    status, code, title = 404, "not_found", "Not found"


class RouteNotFoundError(NotFoundError):
    """No route has this path. Compare it with those that `/docs` lists."""

    status, code, title = 404, "route_not_found", "No such route"


class MethodNotAllowedError(ProblemError):
    """The path exists but does not take this method. Use one of those that `Allow` names."""

    status, code, title = 405, "method_not_allowed", "Method not allowed"


class IdTakenError(ProblemError):
    """Another row has this id already: one with other content, one that was deleted, or one that is not yours to see.
    Make a new random UUID and try again."""

    status, code, title = 409, "id_taken", "Id taken"
    names_existing = True


class DuplicateError(ProblemError):
    """The same edge is there already, with these ends and handles: use that one. `existing` is its id."""

    status, code, title = 409, "duplicate", "Duplicate"
    names_existing = True


class WriteConflictError(ProblemError):
    """Another write to the same rows was faster and this one was undone. Nothing was written; send it again."""

    status, code, title = 409, "write_conflict", "Write conflict"


class StaleVersionError(ProblemError):
    """The row has changed since the version in `If-Match`. Nothing was written; read it again, then decide."""

    status, code, title = 412, "stale_version", "Stale version"


class BodyTooLargeError(ProblemError):
    """The body is larger than this route takes. Send less at a time, of a chat the last message alone, or a smaller
    file."""

    status, code, title = 413, "body_too_large", "Body too large"


class UriTooLongError(ProblemError):
    """The path and query are longer than this API takes. Use fewer filters, or a shorter `q`."""

    status, code, title = 414, "uri_too_long", "URI too long"


class UnsupportedMediaTypeError(ProblemError):
    """The body is not called JSON. Send it with `Content-Type: application/json`."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"
    fields: ClassVar = {"Accept": "application/json"}


class UnsupportedFileError(ProblemError):
    """The file is not of a kind that can be read, or not of the kind that `Content-Type` says. Send a PDF
    (`application/pdf`), Markdown (`text/markdown`) or plain text (`text/plain`)."""

    status, code, title = 415, "unsupported_file", "Unsupported file"
    fields: ClassVar = {"Accept": "application/pdf, text/markdown, text/plain"}


class RangeError(ProblemError):
    """`Range` begins after the file's last byte. `Content-Range`, if there is one, says how large the file is: ask for
    less, or send no `Range`."""

    status, code, title = 416, "range_not_satisfiable", "Range not satisfiable"


class InvalidRequestError(ProblemError):
    """Values in the request are not allowed, or its body is not JSON; `errors` names each place. Correct them and send
    the request again."""

    status, code, title = 422, "invalid_request", "Invalid request"


class InvalidCursorError(InvalidRequestError):
    """The cursor is not one that this list gave. Start again without it, or follow `Link` as it is."""

    status, code, title = 422, "invalid_cursor", "Invalid cursor"
    loc = ("query", "cursor")


class UnknownNodeError(InvalidRequestError):
    """A node that the request names is not a source or lab of this workspace; `errors` says where it is named. Nothing
    was written. Load the canvas again; what was deleted comes back by `restore`."""

    status, code, title = 422, "unknown_node", "Unknown node"


class UnknownEdgeError(InvalidRequestError):
    """An edge that the request names is not one of this workspace; `errors` says where it is named. Nothing was
    written. Load the canvas again; what was deleted comes back by `restore`."""

    status, code, title = 422, "unknown_edge", "Unknown edge"


class UnknownSourceError(InvalidRequestError):
    """`source_id` is not a source of the row's own workspace. Nothing was written. Load the canvas again; what was
    deleted comes back by `restore`."""

    status, code, title = 422, "unknown_source", "Unknown source"
    loc = ("body", "source_id")


class TooManyRequestsError(ProblemError):
    """You have too many requests running at once. Wait for `Retry-After` seconds and send fewer at a time."""

    status, code, title = 429, "too_many_requests", "Too many requests"
    fields: ClassVar = {"Retry-After": "1"}


class HeadersTooLargeError(ProblemError):
    """The request's headers are larger than this API takes. Send fewer or shorter ones; cookies are not needed."""

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


class RefusedKeyError(ProblemError):
    """Supabase refuses this gateway's own API key. Whoever runs the gateway must set `SUPABASE_PUBLISHABLE_KEY` to a
    publishable key of the project in `SUPABASE_URL`."""

    status, code, title = 502, "supabase_key_refused", "Supabase refuses the gateway's key"


class OverloadedError(ProblemError):
    """The gateway has as many requests running as it can serve. Wait for `Retry-After` seconds."""

    status, code, title = 503, "overloaded", "Overloaded"
    fields: ClassVar = {"Retry-After": "2"}


class NotReadyError(ProblemError):
    """A part of Supabase that the gateway needs does not answer yet. Wait for `Retry-After` seconds."""

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
