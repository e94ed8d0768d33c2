"""What routes say of their responses, for the OpenAPI document."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from app.errors import (
    MEDIA_TYPE,
    BadUpstreamError,
    BodyTooLargeError,
    ConnectionLostError,
    DeadlineExceededError,
    HeadersTooLargeError,
    IdTakenError,
    InternalError,
    InvalidCursorError,
    InvalidRequestError,
    MalformedRequestError,
    NotFoundError,
    OverloadedError,
    ProblemError,
    RefusedKeyError,
    StaleVersionError,
    TokenExpiredError,
    TooManyRequestsError,
    UnauthenticatedError,
    UpstreamUnavailableError,
    UriTooLongError,
    WriteConflictError,
)
from app.lab_errors import (
    ModelNotConfiguredError,
    ModelRateLimitedError,
    ModelRefusedError,
    ModelUnavailableError,
    QuotaExceededError,
    TurnRunningError,
)
from app.models.types import Row
from app.sharing_errors import ReadOnlyError

Responses = dict[int | str, dict[str, Any]]


def problems(*kinds: type[ProblemError]) -> Responses:
    """The `responses` of a route that may answer with these problems."""
    responses: Responses = {}
    for kind in kinds:
        response = responses.setdefault(kind.status, {"description": "", "content": {MEDIA_TYPE: {}}})
        response["description"] = f"{response['description']} `{kind.code}`: {kind.meaning()}".strip()
        content = response["content"][MEDIA_TYPE]
        example = kind(existing=_EXISTING if kind.names_existing else None).document("/v1/workspaces", "8c5d3f0e")
        content.setdefault("examples", {})[kind.code] = {"value": example}
    for status, response in responses.items():
        response["content"][MEDIA_TYPE]["schema"] = one_of([kind for kind in kinds if kind.status == status])
    return responses


def one_of(kinds: Sequence[type[ProblemError]]) -> dict[str, Any]:
    """The schema of a problem that is one of these, told apart by its `code`."""
    references = {kind.code: f"#/components/schemas/{kind.component()}" for kind in kinds}
    alternatives = [{"$ref": reference} for reference in references.values()]
    if len(alternatives) == 1:
        return alternatives[0]
    return {"oneOf": alternatives, "discriminator": {"propertyName": "code", "mapping": references}}


_EXISTING = "6fa459ea-ee8a-4ca4-894e-db77e160355e"


def header(description: str) -> dict[str, Any]:
    """A header of an answer."""
    return {"description": description, "schema": {"type": "string"}}


_ETAG = {"ETag": header('The row\'s `version` as an entity tag, such as `"3"`, for `If-Match`.')}
_LOCATION = {"Location": header("Where the row is.")}
_LINK = {"Link": header('`<...>; rel="next"`: the next page. Absent on the last one.')}

# What every route under `/v1` may answer. Those that take JSON also answer 415: see `openapi`.
ANY: Responses = problems(
    MalformedRequestError,
    UnauthenticatedError,
    TokenExpiredError,
    BodyTooLargeError,
    UriTooLongError,
    InvalidRequestError,
    TooManyRequestsError,
    HeadersTooLargeError,
    InternalError,
    BadUpstreamError,
    ConnectionLostError,
    RefusedKeyError,
    OverloadedError,
    UpstreamUnavailableError,
    DeadlineExceededError,
)
# What every route that begins a turn may answer.
TURN = (
    WriteConflictError,
    TurnRunningError,
    TooManyRequestsError,
    QuotaExceededError,
    ModelRateLimitedError,
    BadUpstreamError,
    ConnectionLostError,
    RefusedKeyError,
    ModelRefusedError,
    OverloadedError,
    UpstreamUnavailableError,
    ModelNotConfiguredError,
    ModelUnavailableError,
)
PAGED: Responses = {200: {"headers": _LINK}}
LISTED: Responses = PAGED | problems(InvalidRequestError, InvalidCursorError)
FOUND: Responses = problems(NotFoundError)
TAGGED: Responses = FOUND | {200: {"headers": _ETAG}}
EDITED: Responses = FOUND | problems(ReadOnlyError)
CHANGED: Responses = EDITED | problems(WriteConflictError)
TAGGED_CHANGED: Responses = CHANGED | TAGGED | problems(StaleVersionError)
DELETED: Responses = CHANGED
TAGGED_DELETED: Responses = DELETED | problems(StaleVersionError)


def created(row: type[Row], *refusals: type[ProblemError]) -> Responses:
    """The `responses` of a route that creates rows of this model, and may refuse with these problems too."""
    headers = _LOCATION | (_ETAG if "version" in row.model_fields else {})
    again = {"model": row, "description": "The `id` was created here before: the row as it is now.", "headers": headers}
    refused = problems(IdTakenError, WriteConflictError, InvalidRequestError, *refusals)
    if "workspace_id" in row.model_fields:
        refused |= EDITED
    return {201: {"headers": headers}, 200: again, **refused}


def streamed(description: str, part: type[BaseModel]) -> Responses:
    """The `responses` of a route that answers a UI message stream of such parts, described as FastAPI does events."""
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": reference(part)}
    event = {"type": "object", "required": ["data"], "properties": {"data": data}}
    return {
        200: {
            "description": f"{description} The `data` of each event is one `{part.__name__}`, of the last `[DONE]`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "itemSchema": event}},
        }
    }


def reference(model: type[BaseModel]) -> dict[str, str]:
    """Refers to the schema of a model."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}
