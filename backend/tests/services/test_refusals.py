"""What an answer of the data API means to the caller, in the wording of both backends."""

import json
import re
from pathlib import Path

import pytest

from app.errors import (
    BadUpstreamError,
    ConnectionLostError,
    DeadlineExceededError,
    DuplicateError,
    IdTakenError,
    InvalidRequestError,
    NotFoundError,
    ProblemError,
    RefusedKeyError,
    TokenExpiredError,
    UnauthenticatedError,
    UnknownNodeError,
    UnknownSourceError,
    UpstreamUnavailableError,
    WriteConflictError,
)
from app.services.refusals import RAISED, upstream_problem

SECRET = "secret"


def refusal(code: str | None, message: str = SECRET) -> bytes:
    return json.dumps({"code": code, "message": message, "details": SECRET, "hint": SECRET}).encode()


def unique(constraint: str) -> bytes:
    return refusal("23505", f'duplicate key value violates unique constraint "{constraint}"')


def foreign_key(table: str, constraint: str) -> bytes:
    return refusal("23503", f'insert or update on table "{table}" violates foreign key constraint "{constraint}"')


CHECK = 'new row for relation "sources" violates check constraint "sources_title_length"'

MEANINGS: dict[str, tuple[int, bytes, type[ProblemError]]] = {
    "id taken": (409, unique("sources_pkey"), IdTakenError),
    "id taken by the other kind of node": (409, unique("nodes_pkey"), IdTakenError),
    "same edge": (409, unique("edges_ends_key"), DuplicateError),
    "account gone": (409, foreign_key("workspaces", "workspaces_owner_id_fkey"), UnauthenticatedError),
    "workspace gone meanwhile": (409, foreign_key("sources", "sources_workspace_id_fkey"), NotFoundError),
    "end of an edge": (409, foreign_key("edges", "edges_source_node_id_fkey"), UnknownNodeError),
    "other end of an edge": (409, foreign_key("edges", "edges_target_node_id_fkey"), UnknownNodeError),
    "account of a new member gone": (409, foreign_key("t", "workspace_members_user_id_fkey"), UnauthenticatedError),
    "lab of a run gone": (409, foreign_key("lab_runs", "lab_runs_lab_id_fkey"), NotFoundError),
    "unknown foreign key": (409, foreign_key("bookmarks", "bookmarks_source_id_fkey"), InvalidRequestError),
    "source of a lab": (409, foreign_key("labs", "labs_source_id_fkey"), UnknownSourceError),
    "check, PostgREST": (400, refusal("23514", CHECK), InvalidRequestError),
    "check, embedded": (500, refusal("SUP", CHECK), InvalidRequestError),
    "unknown foreign key, embedded": (500, refusal("SUP", 'violates foreign key constraint "x"'), BadUpstreamError),
    "row-level security": (403, refusal("42501", "new row violates row-level security policy"), NotFoundError),
    "privileges missing": (403, refusal("42501", "permission denied for table sources"), BadUpstreamError),
    "not null": (400, refusal("23502"), InvalidRequestError),
    "no such uuid": (400, refusal("22P02"), InvalidRequestError),
    "NUL": (400, refusal("22P05"), InvalidRequestError),
    "out of range": (400, refusal("22003"), InvalidRequestError),
    "too long": (400, refusal("22001"), InvalidRequestError),
    "no date": (400, refusal("22007"), InvalidRequestError),
    "date out of range": (400, refusal("22008"), InvalidRequestError),
    "offset out of range": (400, refusal("22009"), InvalidRequestError),
    "no row": (406, refusal("PGRST116"), NotFoundError),
    "mention of nobody": (422, refusal("PT422", "unknown_node"), UnknownNodeError),
    "canvas of nobody": (404, refusal("PT404", "workspace_not_found"), NotFoundError),
    "a node twice": (422, refusal("PT422", "duplicate_node"), InvalidRequestError),
    "token expired, PostgREST 12": (401, refusal("PGRST301", "JWT expired"), TokenExpiredError),
    "token expired, PostgREST 16": (401, refusal("PGRST303", "JWT expired"), TokenExpiredError),
    "token of the future, PostgREST 12": (401, refusal("PGRST301", "JWTIssuedAtFuture"), UpstreamUnavailableError),
    "token of the future, PostgREST 16": (401, refusal("PGRST303", "JWT issued at future"), UpstreamUnavailableError),
    "token not yet valid, PostgREST 12": (401, refusal("PGRST301", "JWTNotYetValid"), UpstreamUnavailableError),
    "token not yet valid, PostgREST 16": (401, refusal("PGRST303", "JWT not yet valid"), UpstreamUnavailableError),
    "token of another key": (401, refusal("PGRST301", "JWSError JWSInvalidSignature"), UnauthenticatedError),
    "token missing": (401, refusal("PGRST302"), UnauthenticatedError),
    "token of another audience": (401, refusal("PGRST303", "JWT not in audience"), UnauthenticatedError),
    "deadlock": (500, refusal("40P01"), WriteConflictError),
    "lock not to be had": (500, refusal("55P03"), WriteConflictError),
    "statement timeout": (500, refusal("57014"), DeadlineExceededError),
    "too many connections": (500, refusal("53300"), UpstreamUnavailableError),
    "shutting down": (500, refusal("57P01"), UpstreamUnavailableError),
    "crashed": (500, refusal("57P02"), UpstreamUnavailableError),
    "crashed under the statement": (400, refusal("", ""), ConnectionLostError),
    "no database": (503, refusal("PGRST000"), UpstreamUnavailableError),
    "lost the database": (503, refusal("PGRST001"), UpstreamUnavailableError),
    "reading the schema": (503, refusal("PGRST002"), UpstreamUnavailableError),
    "no connection in time": (504, refusal("PGRST003"), UpstreamUnavailableError),
    "Kong without an upstream": (502, b'{"message": "An invalid response was received"}', UpstreamUnavailableError),
    "over its quota": (402, b'{"message": "exceed_egress_quota"}', UpstreamUnavailableError),
    "paused": (540, b"", UpstreamUnavailableError),
    "the gateway of a project waited": (544, b"", DeadlineExceededError),
    "unknown to Cloudflare": (520, b"<!DOCTYPE html>", UpstreamUnavailableError),
    "down": (521, b"<!DOCTYPE html>", UpstreamUnavailableError),
    "no connection": (522, b"<!DOCTYPE html>", UpstreamUnavailableError),
    "unreachable": (523, b"<!DOCTYPE html>", UpstreamUnavailableError),
    "no answer": (524, b"<!DOCTYPE html>", DeadlineExceededError),
    "no handshake": (525, b"error code: 525", UpstreamUnavailableError),
    "a page": (500, b"\n<html>secret", UpstreamUnavailableError),
    "a page that blocks": (403, b"<html>secret", UpstreamUnavailableError),
    "a proxy's 503": (503, b"<html>", UpstreamUnavailableError),
    "a proxy's 429": (429, b"", UpstreamUnavailableError),
    "a proxy's 504": (504, b"<html>", DeadlineExceededError),
    "unknown API key": (401, refusal(None, "Invalid API key"), RefusedKeyError),
    "no API key": (401, refusal(None, "No API key found in request"), RefusedKeyError),
    "unregistered API key": (401, refusal(None, "Unregistered API key"), RefusedKeyError),
    "legacy API keys": (401, refusal(None, "Legacy API keys are disabled"), RefusedKeyError),
    "unknown API key, Kong": (401, refusal(None, "Invalid authentication credentials"), RefusedKeyError),
    "no API key, code": (401, refusal("UNAUTHORIZED_MISSING_API_KEY"), RefusedKeyError),
    "unknown table": (404, refusal("42P01"), BadUpstreamError),
    "unknown table, embedded": (404, refusal("PGRST205"), BadUpstreamError),
    "unknown code": (500, refusal("XX000"), BadUpstreamError),
    "redirect": (302, b"", BadUpstreamError),
    "no object": (500, b"[]", BadUpstreamError),
    "a number": (500, b"1", BadUpstreamError),
    "deeply nested": (500, b"[" * 100_000, BadUpstreamError),
    "not text": (500, b"\xff\xfe", BadUpstreamError),
}


@pytest.mark.parametrize(("status", "body", "kind"), MEANINGS.values(), ids=MEANINGS.keys())
def test_each_refusal_has_its_meaning_and_keeps_its_wording_to_itself(
    status: int, body: bytes, kind: type[ProblemError]
) -> None:
    problem = upstream_problem(status, body)
    assert type(problem) is kind
    document = json.dumps(problem.document("/v1/sources", "the-one"))
    assert problem.status != 503 or "Retry-After" in problem.fields
    assert SECRET not in document
    assert "constraint" not in document
    assert "sources_" not in document


@pytest.mark.parametrize(
    ("details", "hint"),
    [("", "the limits in `/docs`"), ('[{"loc": ["nodes", 1, "id"], "id": "a"}]', "`errors` names it")],
)
def test_a_value_that_only_the_database_refuses_is_looked_up_where_it_is_known(details: str, hint: str) -> None:
    problem = upstream_problem(
        422, json.dumps({"code": "PT422", "message": "duplicate_node", "details": details}).encode()
    )
    assert hint in str(problem.detail)
    assert (problem.errors is not None) == bool(details)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(402, "quota"), (540, "paused"), (544, "waited too long"), (521, "cannot reach"), (429, "no more requests")],
)
def test_what_a_proxy_answers_by_itself_has_its_reason_and_a_time_to_wait(status: int, reason: str) -> None:
    problem = upstream_problem(status, b"<html>")
    assert reason in str(problem.detail)
    assert problem.headers
    assert int(problem.headers["Retry-After"]) >= 5


def test_every_word_that_our_functions_raise_is_known() -> None:
    migrations = Path(__file__).parents[3] / "supabase/migrations"
    raised = {
        word
        for file in migrations.glob("*.sql")
        for word in re.findall(r"raise sqlstate '\w+' using message = '(\w+)'", file.read_text())
    }
    assert len(raised) > 20
    assert raised <= RAISED.keys()
