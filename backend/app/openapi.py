"""The API's own description: OpenAPI as `/docs`, client generators and readers meet it."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
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
    StaleVersionError,
    TooManyRequestsError,
    UnauthenticatedError,
    UnsupportedMediaTypeError,
    UpstreamUnavailableError,
    UriTooLongError,
    WriteConflictError,
)
from app.models.types import Row

DESCRIPTION = """
AIDE is a visual workspace for learning by doing. A **workspace** is an infinite canvas; on it lie **sources** (what one
learns from) and **labs** (what one learns with), joined by **edges**; beside it runs a chat of **chat messages**.

* **Who you are.** Every `/v1` route needs `Authorization: Bearer <access token>`, a Supabase user's. You see what is
  yours; whatever is not yours is not there.
* **Creating.** You may send an `id` of your own making (a UUID). Sending it again answers 200 with the row that is
  there, so a retried request never makes two.
* **Lists** come in pages of `limit` rows. `Link: <...>; rel="next"` leads to the next page; without it the list ends.
* **Versions.** Workspaces, sources and labs answer with `ETag: "<version>"`. Send it as `If-Match` and a change is
  refused with 412 if somebody else's came first. Layout (`canvas_position`, `viewport`) is outside of it.
* **Errors** are problem documents (RFC 9457) with a stable `code` to switch on; [/problems](/problems) lists them all.
  `X-Request-ID` names the request in the logs.
"""

TAGS = [
    {"name": "workspaces", "description": "Infinite canvases, each owned by one user."},
    {"name": "canvas", "description": "All that lies on a workspace's canvas: loaded at once, laid out at once."},
    {"name": "sources", "description": "What one learns from: PDFs, repositories, videos."},
    {"name": "labs", "description": "What one learns with: coding exercises, flashcards, quizzes."},
    {"name": "edges", "description": "Lines from node to node; a node is a source or a lab."},
    {"name": "chat-messages", "description": "The conversation beside the canvas. Messages are never edited."},
    {"name": "health", "description": "Whether the gateway lives, and whether it can serve. No token needed."},
]


class FieldError(BaseModel):
    """One value that is not allowed."""

    loc: list[str | int]
    msg: str
    type: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[FieldError] | None = None


Responses = dict[int | str, dict[str, Any]]


def problems(*kinds: type[ProblemError]) -> Responses:
    """The `responses` of a route that may answer with these problems."""
    responses: Responses = {}
    for kind in kinds:
        response = responses.setdefault(kind.status, {"description": "", "content": {MEDIA_TYPE: {}}})
        response["description"] = f"{response['description']} `{kind.code}`: {kind.meaning()}".strip()
        content = response["content"][MEDIA_TYPE]
        content["schema"] = {"$ref": "#/components/schemas/Problem"}
        content.setdefault("examples", {})[kind.code] = {"value": kind().document("/v1/workspaces", "8c5d3f0e")}
    return responses


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


_ETAG = {"ETag": _header('The row\'s `version` as an entity tag, such as `"3"`, for `If-Match`.')}
_LOCATION = {"Location": _header("Where the row lies.")}
_LINK = {"Link": _header('`<...>; rel="next"`: the next page. Absent on the last one.')}

# What every route under `/v1` may answer.
ANY: Responses = problems(
    MalformedRequestError,
    UnauthenticatedError,
    BodyTooLargeError,
    UriTooLongError,
    UnsupportedMediaTypeError,
    InvalidRequestError,
    TooManyRequestsError,
    HeadersTooLargeError,
    InternalError,
    BadUpstreamError,
    ConnectionLostError,
    OverloadedError,
    UpstreamUnavailableError,
    DeadlineExceededError,
)
LISTED: Responses = {200: {"headers": _LINK}, **problems(InvalidRequestError, InvalidCursorError)}
FOUND: Responses = problems(NotFoundError)
TAGGED: Responses = FOUND | {200: {"headers": _ETAG}}
CHANGED: Responses = FOUND | problems(WriteConflictError)
TAGGED_CHANGED: Responses = TAGGED | problems(WriteConflictError, StaleVersionError)
DELETED: Responses = FOUND | problems(WriteConflictError)
TAGGED_DELETED: Responses = DELETED | problems(StaleVersionError)


def created(row: type[Row], *refusals: type[ProblemError]) -> Responses:
    """The `responses` of a route that creates rows of this model, and may refuse with these problems too."""
    headers = _LOCATION | (_ETAG if "version" in row.model_fields else {})
    again = {"model": row, "description": "The `id` was created here before: the row as it is now.", "headers": headers}
    refused = problems(IdTakenError, WriteConflictError, InvalidRequestError, *refusals)
    if "workspace_id" in row.model_fields:
        refused |= FOUND
    return {201: {"headers": headers}, 200: again, **refused}


def operation_id(route: APIRoute) -> str:
    """A stable operation id: the handler's name."""
    return route.name


def resource_router(path: str, tag: str) -> APIRouter:
    """A router of operations below the path, with what is described of all of them."""
    return APIRouter(prefix=path, tags=[tag], responses=ANY, generate_unique_id_function=operation_id)


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if not app.openapi_schema:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=TAGS
        )
        codes = sorted(kind.code for kind in ProblemError.kinds())
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        problem["properties"]["code"]["enum"] = codes
        document["components"]["schemas"] |= problem.pop("$defs") | {"Problem": problem}
        document["components"]["responses"] = _share_problems(document["paths"])
        app.openapi_schema = document
    return app.openapi_schema


def _share_problems(paths: dict[str, Any]) -> dict[str, Any]:
    """Replace each operation's problem responses by references; the responses they refer to."""
    shared: dict[str, Any] = {}
    for operation in (operation for path in paths.values() for operation in path.values()):
        for status, response in operation["responses"].items():
            if examples := response.get("content", {}).get(MEDIA_TYPE, {}).get("examples"):
                name = ".".join(examples)
                shared[name] = response
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return shared
