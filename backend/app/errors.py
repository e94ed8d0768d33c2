"""What can go wrong, and the problem document (RFC 9457) it becomes.

    ProblemError                        status  code
    ├── MalformedRequestError            400     malformed_request
    ├── UpgradeRefusedError              400     upgrade_refused
    ├── RefusedPreflightError            400     preflight_refused
    ├── UnauthenticatedError             401     unauthenticated
    │   └── TokenExpiredError            401     token_expired
    ├── ReadOnlyError                    403     read_only
    ├── OwnerOnlyError                   403     owner_only
    ├── AskerOnlyError                   403     asker_only
    ├── NotFoundError                    404     not_found
    │   ├── RouteNotFoundError           404     route_not_found
    │   └── NoSolutionError              404     no_solution
    ├── MethodNotAllowedError            405     method_not_allowed
    ├── IdTakenError                     409     id_taken
    ├── DuplicateError                   409     duplicate
    ├── WriteConflictError               409     write_conflict
    ├── LabNotReadyError                 409     lab_not_ready
    ├── WrongLabTypeError                409     wrong_lab_type
    ├── SolutionHiddenError              409     solution_hidden
    ├── TurnRunningError                 409     turn_running
    ├── LabHasContentError               409     lab_has_content
    ├── NothingToReadError               409     nothing_to_read
    ├── OwnerStaysError                  409     owner_stays
    ├── LimitReachedError                409     limit_reached
    ├── InvitationExpiredError           410     invitation_expired
    ├── InvitationUsedUpError            410     invitation_used_up
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
    │   ├── UnknownSourceError           422     unknown_source
    │   └── UnknownChapterError          422     unknown_chapter
    ├── TooManyRequestsError             429     too_many_requests
    ├── QuotaExceededError               429     quota_exceeded
    ├── ModelRateLimitedError            429     model_rate_limited
    ├── HeadersTooLargeError             431     headers_too_large
    ├── InternalError                    500     internal_error
    ├── BadUpstreamError                 502     bad_upstream
    ├── ConnectionLostError              502     connection_lost
    ├── RefusedKeyError                  502     supabase_key_refused
    ├── ModelRefusedError                502     model_refused
    ├── MalformedContentError            502     content_malformed
    ├── ImplausibleContentError          502     content_implausible
    ├── FailingSolutionError             502     solution_fails
    ├── SlowSolutionError                502     solution_too_slow
    ├── WeakTestsError                   502     tests_too_weak
    ├── OverloadedError                  503     overloaded
    ├── NotReadyError                    503     not_ready
    ├── UpstreamUnavailableError         503     supabase_unavailable
    ├── RunnerUnavailableError           503     runner_unavailable
    ├── ModelNotConfiguredError          503     model_not_configured
    ├── ModelUnavailableError            503     model_unavailable
    ├── InterruptedTurnError             503     interrupted
    ├── DeadlineExceededError            504     deadline_exceeded
    └── TurnTimeoutError                 504     turn_timeout

Every class's docstring is what a caller reads: in the answer's `detail`, in OpenAPI and on the page `/problems`.
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
        """Every kind of problem, in the order in which they stand here."""
        for kind in cls.__subclasses__():
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


class ReadOnlyError(ProblemError):
    """You are a viewer of this workspace: you read all that is in it, and change nothing. Its owner can make you an
    editor; or copy the workspace into one of your own."""

    status, code, title = 403, "read_only", "Read only"


class OwnerOnlyError(ProblemError):
    """Only the owner of the workspace may do this. You are one of its editors."""

    status, code, title = 403, "owner_only", "For the owner alone"


class AskerOnlyError(ProblemError):
    """Somebody else has asked, and only they may stop the answer. Wait until it has ended, or ask in a conversation of
    your own: under another `id`."""

    status, code, title = 403, "asker_only", "For the asker alone"


class NotFoundError(ProblemError):
    """There is no such thing, or it is not yours to see or change."""

    status, code, title = 404, "not_found", "Not found"


class RouteNotFoundError(NotFoundError):
    """No route has this path. `/docs` lists them all."""

    status, code, title = 404, "route_not_found", "No such route"


class NoSolutionError(NotFoundError):
    """Nobody has written a reference solution for this lab."""

    status, code, title = 404, "no_solution", "No solution"


class MethodNotAllowedError(ProblemError):
    """The path exists but does not take this method; `Allow` names those it takes."""

    status, code, title = 405, "method_not_allowed", "Method not allowed"


class IdTakenError(ProblemError):
    """Another row has this id already: one with other content, one that was deleted, or one that is not yours to see.
    Make a new random UUID and try again."""

    status, code, title = 409, "id_taken", "Id taken"
    names_existing = True


class DuplicateError(ProblemError):
    """The same edge is there already, with these ends and handles."""

    status, code, title = 409, "duplicate", "Duplicate"
    names_existing = True


class WriteConflictError(ProblemError):
    """Another write to the same rows was faster and this one was undone. Nothing was written; send it again."""

    status, code, title = 409, "write_conflict", "Write conflict"


class LabNotReadyError(ProblemError):
    """The lab has no content yet, or is just being generated. Read it again when its `status` has changed."""

    status, code, title = 409, "lab_not_ready", "Lab not ready"


class WrongLabTypeError(ProblemError):
    """Labs of this type cannot do that: code labs run and download, flashcards download."""

    status, code, title = 409, "wrong_lab_type", "Wrong lab type"


class SolutionHiddenError(ProblemError):
    """The solution is given out once the lab's `status` is `completed` or `given_up`."""

    status, code, title = 409, "solution_hidden", "Solution hidden"


class TurnRunningError(ProblemError):
    """An answer of this conversation, or this lab, is being written already. Follow it at `.../stream`, stop it at
    `.../stop`, or wait until it has ended."""

    status, code, title = 409, "turn_running", "Already being written"


class LabHasContentError(ProblemError):
    """The lab has content already, which somebody may be working on. Set its `generated_content` to null first, or make
    another lab."""

    status, code, title = 409, "lab_has_content", "Lab has content"


class NothingToReadError(ProblemError):
    """There is no text that the lab could be made from. Give the lab a `source_id` whose source is `ready`, and in
    `config` a chapter or pages that hold text."""

    status, code, title = 409, "nothing_to_read", "Nothing to read"


class OwnerStaysError(ProblemError):
    """A workspace has an owner, who neither leaves nor becomes less. Hand the workspace over first: give the role
    `owner` to another member."""

    status, code, title = 409, "owner_stays", "The owner stays"


class LimitReachedError(ProblemError):
    """A workspace has at most 1,000 members and 100 open invitations. Remove some first."""

    status, code, title = 409, "limit_reached", "Limit reached"


class InvitationExpiredError(ProblemError):
    """The invitation has expired. Ask whoever sent it for another one."""

    status, code, title = 410, "invitation_expired", "Invitation expired"


class InvitationUsedUpError(ProblemError):
    """The invitation was used as often as it may be. Ask whoever sent it for another one."""

    status, code, title = 410, "invitation_used_up", "Invitation used up"


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


class UnsupportedFileError(ProblemError):
    """The file is not of a kind that can be read, or not of the kind that `Content-Type` says. Send a PDF
    (`application/pdf`), Markdown (`text/markdown`) or plain text (`text/plain`)."""

    status, code, title = 415, "unsupported_file", "Unsupported file"
    fields: ClassVar = {"Accept": "application/pdf, text/markdown, text/plain"}


class RangeError(ProblemError):
    """`Range` begins after the file's last byte. `Content-Range` says how large the file is."""

    status, code, title = 416, "range_not_satisfiable", "Range not satisfiable"


class InvalidRequestError(ProblemError):
    """Values in the request are not allowed, or its body is not JSON; `errors` names each place."""

    status, code, title = 422, "invalid_request", "Invalid request"


class InvalidCursorError(InvalidRequestError):
    """The cursor is not one that this list gave. Start again without it, or follow `Link` as it is."""

    status, code, title = 422, "invalid_cursor", "Invalid cursor"
    loc = ("query", "cursor")


class UnknownNodeError(InvalidRequestError):
    """A node that the request names is not a source or lab of this workspace; `errors` says where it is named. Nothing
    was written."""

    status, code, title = 422, "unknown_node", "Unknown node"


class UnknownEdgeError(InvalidRequestError):
    """An edge that the request names is not one of this workspace; `errors` says where it is named. Nothing was
    written."""

    status, code, title = 422, "unknown_edge", "Unknown edge"


class UnknownSourceError(InvalidRequestError):
    """`source_id` is not a source of the lab's own workspace. Nothing was written."""

    status, code, title = 422, "unknown_source", "Unknown source"
    loc = ("body", "source_id")


class UnknownChapterError(InvalidRequestError):
    """The chapter or the pages that the lab's `config` names are not in its source. `GET .../chapters` of the source
    lists what there is."""

    status, code, title = 422, "unknown_chapter", "Unknown chapter"
    loc = ("config", "chapter")


class TooManyRequestsError(ProblemError):
    """You have too many requests running at once. Wait for `Retry-After` seconds and send fewer at a time."""

    status, code, title = 429, "too_many_requests", "Too many requests"
    fields: ClassVar = {"Retry-After": "1"}


class QuotaExceededError(ProblemError):
    """You have used up what you may take of the language model today. The new day begins at midnight UTC, in
    `Retry-After` seconds."""

    status, code, title = 429, "quota_exceeded", "Quota exceeded"
    fields: ClassVar = {"Retry-After": "3600"}


class ModelRateLimitedError(ProblemError):
    """The language model takes no more requests for now. Wait for `Retry-After` seconds and ask again."""

    status, code, title = 429, "model_rate_limited", "The model is busy"
    fields: ClassVar = {"Retry-After": "20"}


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


class RefusedKeyError(ProblemError):
    """Supabase refuses this gateway's own API key. Whoever runs the gateway must set `SUPABASE_PUBLISHABLE_KEY` to a
    publishable key of the project in `SUPABASE_URL`."""

    status, code, title = 502, "supabase_key_refused", "Supabase refuses the gateway's key"


class ModelRefusedError(ProblemError):
    """The language model refuses the request: its key, its name, its account or what it was asked. Whoever runs the
    gateway finds which in the log."""

    status, code, title = 502, "model_refused", "The model refuses"


class MalformedContentError(ProblemError):
    """The language model did not write what this type of lab needs, however often it was told what was wrong. Generate
    the lab again, or from a shorter chapter."""

    status, code, title = 502, "content_malformed", "Content of the wrong shape"


class ImplausibleContentError(ProblemError):
    """The language model wrote questions or cards twice, or cited pages that it was not given, however often it was
    told so. Generate the lab again, with fewer of them or from a longer chapter."""

    status, code, title = 502, "content_implausible", "Content that cannot be right"


class FailingSolutionError(ProblemError):
    """The exercise could not be shown to be solvable: the language model's own solution did not pass its tests.
    Generate the lab again, perhaps an easier one."""

    status, code, title = 502, "solution_fails", "No working solution"


class SlowSolutionError(ProblemError):
    """The exercise could not be shown to be solvable: the language model's own solution did not end in time. Generate
    the lab again, perhaps an easier one."""

    status, code, title = 502, "solution_too_slow", "The solution takes too long"


class WeakTestsError(ProblemError):
    """The exercise's tests passed before anything was solved, so they would not have shown when it is. Generate the lab
    again."""

    status, code, title = 502, "tests_too_weak", "Tests that test nothing"


class OverloadedError(ProblemError):
    """The gateway has as many requests running as it can serve. Wait for `Retry-After` seconds."""

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


class RunnerUnavailableError(ProblemError):
    """The code runner cannot be reached, is busy, or is not set up here. Nothing was recorded; all else works. Wait for
    `Retry-After` seconds and try again."""

    status, code, title = 503, "runner_unavailable", "Code runner unavailable"
    fields: ClassVar = {"Retry-After": "5"}


class ModelNotConfiguredError(ProblemError):
    """This gateway has no language model. Whoever runs it can give it one with `AI_MODEL`, `AI_BASE_URL` and
    `AI_API_KEY`; everything else works without."""

    status, code, title = 503, "model_not_configured", "No model"
    fields: ClassVar = {"Retry-After": "3600"}


class ModelUnavailableError(ProblemError):
    """The language model cannot be reached, failed, or stopped in the middle of its answer. Ask again in a while."""

    status, code, title = 503, "model_unavailable", "Model unavailable"
    fields: ClassVar = {"Retry-After": "5"}


class InterruptedTurnError(ProblemError):
    """What was being written was interrupted, since the gateway stopped or lost its connection to Supabase. What there
    is of an answer stays; ask again, or generate the lab again."""

    status, code, title = 503, "interrupted", "Interrupted"
    fields: ClassVar = {"Retry-After": "2"}


class DeadlineExceededError(ProblemError):
    """The request took longer than the gateway waits. A write may have happened: send it again with the same `id`,
    or read first."""

    status, code, title = 504, "deadline_exceeded", "Deadline exceeded"


class TurnTimeoutError(ProblemError):
    """The language model took longer than a turn may, or than the access token is valid. What there is of an answer
    stays; ask again, or generate the lab again."""

    status, code, title = 504, "turn_timeout", "The turn took too long"
