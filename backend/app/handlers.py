"""How what went wrong is answered: as a problem document, whoever raised it."""

import json
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from app.context import Context
from app.errors import (
    MEDIA_TYPE,
    InvalidRequestError,
    MalformedRequestError,
    MethodNotAllowedError,
    ProblemError,
    RouteNotFoundError,
    UnsupportedMediaTypeError,
)

MAX_LISTED_ERRORS = 50
MAX_DEPTH = 20
"""Parts of an error's `loc` that are kept."""
MAX_NAME = 200
"""Characters of a name that the client has made up, and of what is said about its value."""


def problem_response(problem: ProblemError, scope: Scope) -> Response:
    """The problem as an answer to the request of this scope."""
    context = Context.of(scope)
    context.code = problem.code
    document = problem.document(scope["path"], context.id)
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
    found = error.errors()
    errors = [
        {"loc": list(map(_short, item["loc"][:MAX_DEPTH])), "msg": _short(item["msg"]), "type": item["type"]}
        for item in found[:MAX_LISTED_ERRORS]
    ]
    if found[0]["type"] == "json_invalid":
        errors[0]["msg"] += f": {found[0]['ctx']['error']}"
    cut = len(found) > len(errors)
    detail = f"{len(found)} values are not allowed; `errors` names the first {len(errors)}." if cut else None
    return problem_response(InvalidRequestError(detail, errors=errors), request.scope)


def _short(part: Any) -> Any:
    return f"{part[:MAX_NAME]}..." if isinstance(part, str) and len(part) > MAX_NAME else part


_HTTP_KINDS = {404: RouteNotFoundError, 405: MethodNotAllowedError}


def _as_problem(request: Request, error: Exception) -> ProblemError:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # FastAPI's own: the parser did not even find where the body is wrong
        return MalformedRequestError(
            "The body cannot be read: JSON is UTF-8, not nested thousands of levels deep, and without endless numbers."
        )
    kind = _HTTP_KINDS.get(error.status_code, MalformedRequestError)
    return kind(headers={"Allow": _allowed(request)} if kind is MethodNotAllowedError else error.headers)


def _allowed(request: Request) -> str:
    """All methods of the path (RFC 9110, section 10.2.1); Starlette names those of one route alone."""

    def is_served(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return ", ".join(filter(is_served, ("GET", "POST", "PUT", "PATCH", "DELETE"))).replace("GET", "GET, HEAD")
