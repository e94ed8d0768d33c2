"""`/v1/sources`: what differs from the other resources."""

import json
from typing import Any

import httpx
import pytest
import respx
from fastapi.testclient import TestClient

from app.models.types import MAX_JSON_BYTES, MAX_JSON_DEPTH
from tests.routes.exchange import (
    NO_ROW,
    NOT_ALLOWED,
    broken_key,
    failed_checks,
    last_body,
    last_request,
    not_unique,
    problem,
)

WORKSPACE_ID = "10000000-0000-4000-8000-000000000001"
ROW: dict[str, Any] = {
    "id": "20000000-0000-4000-8000-000000000001",
    "workspace_id": WORKSPACE_ID,
    "type": "pdf",
    "title": "Vector spaces",
    "storage_path": None,
    "metadata": {"pages": 42},
    "cache_id": "cachedContents/1",
    "cache_expires_at": "2026-11-24T10:00:00+00:00",
    "canvas_position": {"x": 1, "y": 2.5},
    "width": 320.5,
    "height": None,
    "status": "empty",
    "failure": None,
    "page_count": None,
    "file_name": None,
    "file_bytes": None,
    "media_type": None,
    "version": 3,
    "created_at": "2026-11-23T00:12:45.122+00:00",
    "updated_at": "2026-11-23T00:12:45.122+00:00",
}
ANSWER = ROW | {
    "canvas_position": {"x": 1.0, "y": 2.5},
    "cache_expires_at": "2026-11-24T10:00:00Z",
    "created_at": "2026-11-23T00:12:45.122000Z",
    "updated_at": "2026-11-23T00:12:45.122000Z",
}
NEW = {"workspace_id": WORKSPACE_ID, "type": "pdf", "title": "Vector spaces"}
PATH = f"/v1/sources/{ROW['id']}"


class TestCreate:
    def test_what_is_left_out_is_left_to_the_database(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/sources").respond(201, json=ROW)
        response = client.post("/v1/sources", json=NEW)
        assert (response.status_code, response.json()) == (201, ANSWER)
        assert (response.headers["location"], response.headers["etag"]) == (PATH, '"3"')
        assert last_body(upstream) == NEW
        assert last_request(upstream).url.params["select"] == ",".join(ROW)

    def test_every_field_goes_up(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/sources").respond(201, json=ROW)
        new = {
            **NEW,
            "id": ROW["id"],
            "storage_path": "notes/vector spaces.pdf",
            "metadata": {"tags": ["a", 1, 0.5, None, True], "nested": {"🦉": "ünï"}},
            "cache_id": "cachedContents/1",
            "cache_expires_at": "2026-11-24T23:59:00+23:59",
            "canvas_position": {"x": -10_000_000, "y": 10_000_000},
            "width": 1e-3,
            "height": 10_000_000,
        }
        assert client.post("/v1/sources", json=new).status_code == 201
        assert last_body(upstream) == new | {"cache_expires_at": "2026-11-24T00:00:00Z"}
        assert len(upstream.calls) == 1

    def test_a_repetition_answers_where_the_row_is(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/sources").respond(200, json=ROW)
        upstream.post("/rest/v1/sources").mock(return_value=not_unique("sources_pkey"))
        response = client.post("/v1/sources", json=NEW | {"id": ROW["id"]})
        assert (response.status_code, response.json()) == (200, ANSWER)
        assert (response.headers["location"], response.headers["etag"]) == (PATH, '"3"')

    def test_an_id_in_another_of_the_callers_workspaces_is_taken(
        self, client: TestClient, upstream: respx.Router
    ) -> None:
        upstream.post("/rest/v1/sources").mock(return_value=not_unique("sources_pkey"))
        upstream.get("/rest/v1/sources").respond(200, json=ROW | {"workspace_id": ROW["id"]})
        document = problem(client.post("/v1/sources", json=NEW | {"id": ROW["id"]}), 409, "id_taken")
        assert document["existing"] == ROW["id"]

    def test_the_id_of_a_lab_is_taken(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/sources").mock(return_value=not_unique("nodes_pkey"))
        upstream.get("/rest/v1/sources").mock(return_value=NO_ROW)
        problem(client.post("/v1/sources", json=NEW | {"id": ROW["id"]}), 409, "id_taken")

    @pytest.mark.parametrize("refused", [NOT_ALLOWED, broken_key("sources_workspace_id_fkey")])
    def test_a_hidden_workspace_is_not_found(
        self, client: TestClient, upstream: respx.Router, refused: httpx.Response
    ) -> None:
        upstream.post("/rest/v1/sources").mock(return_value=refused)
        role = upstream.get("/rest/v1/my_workspaces").respond(200, json=[])
        response = client.post("/v1/sources", json=NEW)
        problem(response, 404, "not_found")
        assert "secret" not in response.text
        assert role.calls.last.request.url.params["select"] == "role"
        assert len(upstream.calls) == 2

    @pytest.mark.parametrize("refused", [*failed_checks("sources_title_text"), broken_key("sources_other_id_fkey")])
    def test_what_only_the_database_refuses_is_invalid_too(
        self, client: TestClient, upstream: respx.Router, refused: httpx.Response
    ) -> None:
        upstream.post("/rest/v1/sources").mock(return_value=refused)
        problem(client.post("/v1/sources", json=NEW), 422, "invalid_request")

    @pytest.mark.parametrize(
        "change",
        [
            {"workspace_id": None},
            {"workspace_id": "1"},
            {"type": ""},
            {"type": "PDF"},
            {"type": "1pdf"},
            {"type": "p df"},
            {"type": "p" * 65},
            {"title": " \u2003"},
            {"title": "x" * 501},
            {"title": "\ud800"},
            {"storage_path": ""},
            {"storage_path": "x" * 1025},
            {"storage_path": "nul\x00"},
            {"metadata": None},
            {"metadata": []},
            {"metadata": "{}"},
            {"cache_id": "x" * 256},
            {"cache_expires_at": "2026-11-24T10:00:00"},
            {"cache_expires_at": "tomorrow"},
            {"cache_expires_at": 0},
            {"cache_expires_at": "0"},
            {"cache_expires_at": "0001-01-01T00:00:00+00:01"},
            {"cache_expires_at": "9999-12-31T23:59:59-00:01"},
            {"canvas_position": None},
            {"canvas_position": {"x": 1}},
            {"canvas_position": {"x": 1, "y": 2, "z": 3}},
            {"canvas_position": {"x": True, "y": 0}},
            {"canvas_position": {"x": 0, "y": -10_000_000.5}},
            {"version": 1},
            {"created_at": "2026-11-24T10:00:00Z"},
        ],
    )
    def test_an_invalid_body_is_refused_and_nothing_goes_up(
        self, client: TestClient, upstream: respx.Router, change: dict[str, Any]
    ) -> None:
        # `json.dumps` escapes what UTF-8 cannot hold; a client's JSON may do the same.
        content = json.dumps(NEW | change)
        response = client.post("/v1/sources", content=content, headers={"Content-Type": "application/json"})
        assert problem(response, 422, "invalid_request")["errors"]
        assert not upstream.calls


def nested(levels: int) -> dict[str, Any]:
    """An object this many levels deep."""
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def sized(size: int) -> dict[str, Any]:
    """An object of this many bytes as text; the owl takes four."""
    return {"a": "🦉" + "x" * (size - len('{"a": ""}') - 4)}


class TestRepetition:
    """A create that is sent again, and what has changed meanwhile."""

    @pytest.mark.parametrize(
        "sent",
        [
            {},
            {"title": "  Vector spaces\n"},
            {"metadata": {"pages": 42.0}},
            {"canvas_position": {"x": 9, "y": 9}, "width": 9, "height": 9},
            {"cache_expires_at": "2026-11-24T11:00:00+01:00"},
            {"storage_path": ROW["storage_path"], "cache_id": ROW["cache_id"]},
        ],
        ids=str,
    )
    def test_the_same_content_answers_the_row(
        self, client: TestClient, upstream: respx.Router, sent: dict[str, Any]
    ) -> None:
        upstream.post("/rest/v1/sources").mock(return_value=not_unique("sources_pkey"))
        upstream.get("/rest/v1/sources").respond(200, json=ROW)
        response = client.post("/v1/sources", json=NEW | {"id": ROW["id"]} | sent)
        assert (response.status_code, response.json()) == (200, ANSWER)
        assert len(upstream.calls) == 2

    @pytest.mark.parametrize(
        "sent",
        [
            {"title": "Vector space"},
            {"type": "video"},
            {"metadata": {}},
            {"metadata": {"pages": "42"}},
            {"metadata": {"pages": 42, "language": "en"}},
            {"storage_path": "x"},
            {"cache_id": None},
            {"cache_expires_at": "2026-11-24T10:00:01Z"},
            {"cache_expires_at": None},
        ],
        ids=str,
    )
    def test_other_content_is_no_repetition_and_the_row_is_named(
        self, client: TestClient, upstream: respx.Router, sent: dict[str, Any]
    ) -> None:
        upstream.post("/rest/v1/sources").mock(return_value=not_unique("sources_pkey"))
        upstream.get("/rest/v1/sources").respond(200, json=ROW)
        document = problem(client.post("/v1/sources", json=NEW | {"id": ROW["id"]} | sent), 409, "id_taken")
        assert document["existing"] == ROW["id"]
        assert f"({next(iter(sent))})" in document["detail"]


class TestJsonColumn:
    @pytest.mark.parametrize(
        "metadata",
        [
            *({"a": 2**53 - 1}, {"a": -(2**53) + 1}, {"a": 1.5e308}),
            *(nested(MAX_JSON_DEPTH), sized(MAX_JSON_BYTES)),
            {" a\t": " b ", "a": [{" c ": ""}]},
        ],
        ids=["largest integer", "least integer", "largest double", "deepest", "longest", "white space"],
    )
    def test_what_fits_goes_up_unchanged(
        self, client: TestClient, upstream: respx.Router, metadata: dict[str, Any]
    ) -> None:
        upstream.post("/rest/v1/sources").respond(201, json=ROW)
        assert client.post("/v1/sources", json=NEW | {"metadata": metadata}).status_code == 201
        assert last_body(upstream)["metadata"] == metadata

    def test_only_the_title_is_trimmed_and_composed(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/sources").respond(201, json=ROW)
        texts = {"storage_path": "w/ e\u0301.pdf ", "cache_id": " c "}
        assert client.post("/v1/sources", json=NEW | texts | {"title": " e\u0301 "}).status_code == 201
        assert last_body(upstream) == NEW | texts | {"title": "\u00e9"}

    @pytest.mark.parametrize(
        ("metadata", "kind"),
        [
            ('{"a": 9007199254740992}', "json_number"),
            ('{"a": [-9007199254740992]}', "json_number"),
            ('{"a": NaN}', "json_number"),
            ('{"a": -Infinity}', "json_number"),
            ('{"a": 1e400}', "json_number"),
            (r'{"a": "\u0000"}', "json_text"),
            (r'{"\u0000": 1}', "json_text"),
            (r'{"a": ["\ud83e"]}', "json_text"),
            (r'{"\udd89": 1}', "json_text"),
            (json.dumps(nested(MAX_JSON_DEPTH + 1)), "json_depth"),
            ('{"a": ' + "[" * 64 + "]" * 64 + "}", "json_depth"),
            (json.dumps(sized(MAX_JSON_BYTES + 1)), "json_too_large"),
        ],
        ids=lambda value: value[:20],
    )
    def test_what_a_json_column_cannot_hold_is_refused(
        self, client: TestClient, upstream: respx.Router, metadata: str, kind: str
    ) -> None:
        content = json.dumps(NEW)[:-1] + f', "metadata": {metadata}}}'
        response = client.post("/v1/sources", content=content, headers={"Content-Type": "application/json"})
        document = problem(response, 422, "invalid_request")
        assert [(error["loc"][:2], error["type"]) for error in document["errors"]] == [(["body", "metadata"], kind)]
        assert not upstream.calls

    @pytest.mark.parametrize("metadata", ['{"a": ' * 100_000 + "1" + "}" * 100_000, '{"a": ' + "9" * 5000 + "}"])
    def test_what_no_parser_reads_is_refused(self, client: TestClient, upstream: respx.Router, metadata: str) -> None:
        content = json.dumps(NEW)[:-1] + f', "metadata": {metadata}}}'
        response = client.post("/v1/sources", content=content, headers={"Content-Type": "application/json"})
        problem(response, 400, "malformed_request")
        assert not upstream.calls


class TestList:
    def test_a_workspaces_sources_come_oldest_first(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/sources").respond(200, json=[ROW])
        response = client.get("/v1/sources", params={"workspace_id": WORKSPACE_ID, "type": "pdf", "q": "a*b"})
        params = last_request(upstream).url.params
        assert response.json() == [ANSWER]
        assert params["workspace_id"] == f"eq.{WORKSPACE_ID}"
        assert params["order"] == "created_at.asc,id.asc"
        assert (params["type"], params["title"]) == ("eq.pdf", "imatch.a\\*b")
        assert "q" not in params

    def test_the_next_page_begins_after_the_last_row_and_keeps_the_filters(
        self, client: TestClient, upstream: respx.Router
    ) -> None:
        upstream.get("/rest/v1/sources").respond(200, json=[ROW, ROW])
        link = client.get("/v1/sources", params={"workspace_id": WORKSPACE_ID, "limit": 1, "type": "pdf"}).links["next"]
        client.get(link["url"])
        params = last_request(upstream).url.params
        assert params["created_at"] == "gte.2026-11-23T00:12:45.122000+00:00"
        assert params["or"] == f'(created_at.gt."2026-11-23T00:12:45.122000+00:00",id.gt.{ROW["id"]})'
        assert (params["workspace_id"], params["type"]) == (f"eq.{WORKSPACE_ID}", "eq.pdf")

    @pytest.mark.parametrize("query", ["", "workspace_id=1", "type=PDF", "status=pending", "order=title"])
    def test_an_invalid_query_is_refused(self, client: TestClient, upstream: respx.Router, query: str) -> None:
        given = f"workspace_id={WORKSPACE_ID}&{query}" if query and "workspace_id" not in query else query
        problem(client.get(f"/v1/sources?{given}"), 422, "invalid_request")
        assert not upstream.calls


class TestUpdate:
    def test_null_clears_what_may_be_empty(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.patch("/rest/v1/sources").respond(200, json=ROW)
        change = {"storage_path": None, "cache_id": None, "cache_expires_at": None}
        response = client.patch(PATH, json=change)
        assert (response.status_code, response.json(), response.headers["etag"]) == (200, ANSWER, '"3"')
        assert last_body(upstream) == change

    @pytest.mark.parametrize(
        "change",
        [
            {"title": None},
            {"type": None},
            {"metadata": None},
            {"canvas_position": None},
            {"workspace_id": WORKSPACE_ID},
        ],
    )
    def test_an_invalid_change_is_refused(
        self, client: TestClient, upstream: respx.Router, change: dict[str, Any]
    ) -> None:
        problem(client.patch(PATH, json=change), 422, "invalid_request")
        assert not upstream.calls
