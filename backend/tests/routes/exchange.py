"""The two sides of a request in a route test: what the data API was asked and how it refuses, what the caller got."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import httpx2
import respx


def last_request(upstream: respx.Router) -> httpx.Request:
    """The last request that went upstream."""
    request = upstream.calls.last.request
    assert isinstance(request, httpx.Request)
    return request


def last_body(upstream: respx.Router) -> Any:
    """The JSON body of the last request that went upstream."""
    return json.loads(last_request(upstream).content)


def problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Assert that the answer is this problem; its document."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert (document["status"], document["code"]) == (status, code)
    assert document["request_id"] == response.headers["x-request-id"]
    return document


def refusal(status: int, code: str, message: str, details: str = "secret") -> httpx.Response:
    """A refusal of the data API."""
    return httpx.Response(status, json={"code": code, "message": message, "details": details, "hint": "secret"})


NO_ROW = refusal(406, "PGRST116", "JSON object requested, multiple (or no) rows returned")
NOT_ALLOWED = refusal(403, "42501", 'new row violates row-level security policy for table "sources"')


def broken_key(constraint: str) -> httpx.Response:
    """A foreign key that does not hold."""
    return refusal(409, "23503", f'insert or update on table "t" violates foreign key constraint "{constraint}"')


def not_unique(constraint: str) -> httpx.Response:
    """A value that is taken."""
    return refusal(409, "23505", f'duplicate key value violates unique constraint "{constraint}"')


def failed_checks(constraint: str) -> list[httpx.Response]:
    """A check that failed, as PostgREST and as the embedded stack put it."""
    message = f'new row for relation "t" violates check constraint "{constraint}"'
    return [refusal(400, "23514", message), refusal(500, "SUP", message)]


def raised(status: int, message: str, places: Sequence[Mapping[str, Any]] = ()) -> httpx.Response:
    """A word that one of the database's own functions raised as `PT<status>`, with the places that it names."""
    return refusal(status, f"PT{status}", message, json.dumps(places) if places else "secret")
