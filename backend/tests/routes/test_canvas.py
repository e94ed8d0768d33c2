"""`/v1/workspaces/{id}/canvas`: what goes upstream for each request, and what comes back."""

from typing import Any
from uuid import UUID

import pytest
import respx
from fastapi.testclient import TestClient

from app.models.canvas import MAX_MOVES
from app.models.canvas_edit import MAX_CHANGES
from tests.routes.exchange import last_body, last_request, problem, raised

WORKSPACE_ID = "10000000-0000-4000-8000-000000000001"
ID = "20000000-0000-4000-8000-000000000001"
OTHER_ID = "30000000-0000-4000-8000-000000000001"
PATH = f"/v1/workspaces/{WORKSPACE_ID}/canvas"
# No serializer of ours writes it like this: whoever parsed and wrote it again would be noticed.
BYTES = b'{"nodes" : [],\n  "edges":[ ],"viewport":{"zoom": 1.0, "y":0, "x":-1e2}, "b":"\xf0\x9f\xa6\x89\\u00e9"}'


def moves(number: int) -> list[dict[str, Any]]:
    """So many nodes, each to another place."""
    return [{"id": str(UUID(int=n)), "position": {"x": float(n), "y": -0.5}} for n in range(number)]


class TestGet:
    def test_the_databases_bytes_are_the_answer(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/rpc/canvas").respond(200, content=b"[" + BYTES + b"]")
        response = client.get(PATH)
        assert (response.status_code, response.content) == (200, BYTES)
        assert response.headers["content-type"] == "application/json"
        assert response.headers["cache-control"] == "no-store"
        assert "etag" not in response.headers, "a tag speaks of one row's content"

    def test_it_takes_one_request_for_one_row(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/rpc/canvas").respond(200, content=b"[" + BYTES + b"]")
        client.get(PATH)
        sent = last_request(upstream)
        assert dict(sent.url.params) == {"workspace_id": WORKSPACE_ID}
        assert sent.headers["authorization"] == client.headers["authorization"]
        assert len(upstream.calls) == 1

    def test_a_hidden_workspace_is_not_found(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/rpc/canvas").respond(200, json=[])
        problem(client.get(PATH), 404, "not_found")


class TestJsonCanvas:
    def test_the_databases_bytes_are_the_file(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/rpc/json_canvas").respond(200, content=b"[" + BYTES + b"]")
        response = client.get(f"/v1/workspaces/{WORKSPACE_ID}/jsoncanvas")
        assert (response.status_code, response.content) == (200, BYTES)
        assert response.headers["content-disposition"] == f'attachment; filename="{WORKSPACE_ID}.canvas"'


class TestUpdate:
    @pytest.mark.parametrize(
        "layout",
        [
            {},
            {"nodes": []},
            {"nodes": moves(3)},
            {"viewport": {"x": 1.0, "y": -2.0, "zoom": 0.5}},
            {"nodes": moves(1), "viewport": {"x": 0.0, "y": 0.0, "zoom": 100.0}},
        ],
        ids=["nothing", "no nodes", "nodes", "viewport", "both"],
    )
    def test_the_whole_layout_goes_up_in_one_request(
        self, client: TestClient, upstream: respx.Router, layout: dict[str, Any]
    ) -> None:
        upstream.post("/rest/v1/rpc/arrange_canvas").respond(204)
        response = client.patch(PATH, json=layout)
        assert (response.status_code, response.content) == (204, b"")
        assert last_body(upstream) == {"workspace_id": WORKSPACE_ID} | layout
        assert len(upstream.calls) == 1

    def test_two_thousand_nodes_are_the_most(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/rpc/arrange_canvas").respond(204)
        assert client.patch(PATH, json={"nodes": moves(MAX_MOVES)}).status_code == 204
        assert len(last_body(upstream)["nodes"]) == MAX_MOVES == 2000
        problem(client.patch(PATH, json={"nodes": moves(MAX_MOVES + 1)}), 422, "invalid_request")
        assert len(upstream.calls) == 1

    def test_a_size_is_set_and_taken_away_alone(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/rpc/arrange_canvas").respond(204)
        nodes = [{"id": WORKSPACE_ID}, {"id": ID, "width": 0.5, "height": None}]
        assert client.patch(PATH, json={"nodes": nodes}).status_code == 204
        assert last_body(upstream)["nodes"] == nodes

    @pytest.mark.parametrize(
        ("status", "word", "code"),
        [
            (422, "unknown_node", "unknown_node"),
            (422, "duplicate_node", "invalid_request"),
            (422, "too_many_nodes", "invalid_request"),
            (404, "workspace_not_found", "not_found"),
        ],
    )
    def test_what_the_database_refuses_has_a_name(
        self, client: TestClient, upstream: respx.Router, status: int, word: str, code: str
    ) -> None:
        upstream.post("/rest/v1/rpc/arrange_canvas").mock(return_value=raised(status, word))
        problem(client.patch(PATH, json={"nodes": moves(1)}), status, code)
        assert len(upstream.calls) == 1

    @pytest.mark.parametrize(
        ("word", "code"), [("unknown_node", "unknown_node"), ("duplicate_node", "invalid_request")]
    )
    def test_each_node_that_is_refused_is_named(
        self, client: TestClient, upstream: respx.Router, word: str, code: str
    ) -> None:
        found = [{"loc": ["nodes", n, "id"], "id": ID} for n in (0, 2)]
        upstream.post("/rest/v1/rpc/arrange_canvas").mock(return_value=raised(422, word, found))
        document = problem(client.patch(PATH, json={"nodes": moves(3)}), 422, code)
        assert [(error["loc"], error["type"]) for error in document["errors"]] == [
            (["body", "nodes", n, "id"], word) for n in (0, 2)
        ]
        assert all(ID in error["msg"] for error in document["errors"])

    @pytest.mark.parametrize(
        "layout",
        [
            {"nodes": None},
            {"nodes": {}},
            {"nodes": [{"position": {"x": 0, "y": 0}}]},
            {"nodes": [{"id": WORKSPACE_ID, "position": None}]},
            {"nodes": [{"id": WORKSPACE_ID, "width": 0}]},
            {"nodes": [{"id": WORKSPACE_ID, "height": 10_000_000.1}]},
            {"nodes": [{"id": WORKSPACE_ID, "height": "1"}]},
            {"nodes": [{"id": "1", "position": {"x": 0, "y": 0}}]},
            {"nodes": [{"id": WORKSPACE_ID, "position": {"x": "0", "y": 0}}]},
            {"nodes": [{"id": WORKSPACE_ID, "position": {"x": 10_000_000.1, "y": 0}}]},
            {"nodes": [{"id": WORKSPACE_ID, "position": {"x": 0, "y": 0}, "selected": True}]},
            {"viewport": None},
            {"viewport": {"x": 0, "y": 0}},
            {"viewport": {"x": 0, "y": 0, "zoom": 0}},
            {"viewport": {"x": 0, "y": 0, "zoom": 100.1}},
            {"edges": []},
            [],
        ],
        ids=str,
    )
    def test_an_invalid_layout_is_refused_and_nothing_goes_up(
        self, client: TestClient, upstream: respx.Router, layout: object
    ) -> None:
        problem(client.patch(PATH, json=layout), 422, "invalid_request")
        assert not upstream.calls

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-1e999"])
    def test_a_place_is_a_finite_number(self, client: TestClient, upstream: respx.Router, number: str) -> None:
        content = f'{{"nodes": [{{"id": "{WORKSPACE_ID}", "position": {{"x": {number}, "y": 0}}}}]}}'
        response = client.patch(PATH, content=content, headers={"Content-Type": "application/json"})
        problem(response, 422, "invalid_request")
        assert not upstream.calls


SOURCE = {"type": "pdf", "title": "Vector spaces"}
EDGE = {"source_node_id": ID, "target_node_id": OTHER_ID}
NOTHING: dict[str, list[str]] = {"nodes": [], "edges": []}
EDITED = {"copied": NOTHING, "created": NOTHING, "deleted": NOTHING, "restored": NOTHING}


def things(number: int) -> dict[str, Any]:
    """So many things to change, at least six, of every kind."""
    ids = [str(UUID(int=n)) for n in range(number - 5)]
    return {
        "create": {"sources": [SOURCE], "labs": [{"type": "quiz_lab"}], "edges": [EDGE]},
        "copy": {"ids": {ID: OTHER_ID}, "offset": {"x": 1, "y": 1}},
        "delete": {"nodes": ids},
        "restore": {"nodes": [], "edges": [ID]},
    }


class TestEdit:
    def test_all_of_it_goes_up_in_one_request(self, client: TestClient, upstream: respx.Router) -> None:
        answer = b'{"copied":{"nodes" : [],"edges":[]}}'
        upstream.post("/rest/v1/rpc/edit_canvas").respond(200, content=answer)
        lab = {
            "id": OTHER_ID,
            "workspace_id": WORKSPACE_ID,
            "source_id": ID,
            "type": "quiz_lab",
            "title": None,
            "status": "completed",
            "config": {"n": 1},
            "generated_content": None,
            "user_state": {},
            "canvas_position": {"x": 1, "y": 2},
            "width": 240.5,
            "height": None,
        }
        changes = {
            "create": {"sources": [SOURCE | {"id": ID}], "labs": [lab], "edges": [EDGE | {"label": " e\u0301"}]},
            "copy": {"ids": {ID: WORKSPACE_ID}, "offset": {"x": 40, "y": -0.5}},
            "delete": {"nodes": [ID], "edges": []},
            "restore": {"edges": [OTHER_ID]},
        }
        response = client.post(PATH, json=changes)
        assert (response.status_code, response.content) == (200, answer), "the bytes are passed on"
        assert last_body(upstream) == {"workspace_id": WORKSPACE_ID, "changes": changes}
        assert len(upstream.calls) == 1

    @pytest.mark.parametrize(
        "changes", [{}, {"create": {}, "delete": {}, "restore": {}}, {"copy": {"ids": {}}}], ids=str
    )
    def test_each_part_may_be_left_out(
        self, client: TestClient, upstream: respx.Router, changes: dict[str, Any]
    ) -> None:
        upstream.post("/rest/v1/rpc/edit_canvas").respond(200, json=EDITED)
        assert client.post(PATH, json=changes).json() == EDITED
        assert last_body(upstream)["changes"] == changes

    def test_two_thousand_things_of_all_kinds_are_the_most(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/rpc/edit_canvas").respond(200, json=EDITED)
        assert client.post(PATH, json=things(MAX_CHANGES)).status_code == 200
        document = problem(client.post(PATH, json=things(MAX_CHANGES + 1)), 422, "invalid_request")
        assert [(error["loc"], error["type"]) for error in document["errors"]] == [(["body"], "too_many_changes")]
        assert len(upstream.calls) == 1

    @pytest.mark.parametrize(
        ("changes", "place"),
        [
            ({"create": {"sources": [SOURCE, SOURCE | {"title": " "}]}}, ["create", "sources", 1, "title"]),
            ({"create": {"labs": [{"type": "Bad"}]}}, ["create", "labs", 0, "type"]),
            ({"create": {"edges": [EDGE, EDGE | {"target_node_id": ID}]}}, ["create", "edges", 1]),
            ({"create": {"sources": [SOURCE | {"version": 1}]}}, ["create", "sources", 0, "version"]),
            ({"create": {"sources": None}}, ["create", "sources"]),
            ({"create": {"nodes": []}}, ["create", "nodes"]),
            ({"copy": {}}, ["copy", "ids"]),
            ({"copy": {"ids": {ID: "1"}}}, ["copy", "ids", ID]),
            ({"copy": {"ids": {}, "offset": {"x": 1}}}, ["copy", "offset", "y"]),
            ({"delete": {"nodes": [ID, "1"]}}, ["delete", "nodes", 1]),
            ({"restore": {"edges": ID}}, ["restore", "edges"]),
            ({"copies": {"ids": {}}}, ["copies"]),
        ],
        ids=str,
    )
    def test_what_is_invalid_is_named_and_nothing_goes_up(
        self, client: TestClient, upstream: respx.Router, changes: dict[str, Any], place: list[str | int]
    ) -> None:
        document = problem(client.post(PATH, json=changes), 422, "invalid_request")
        assert [error["loc"] for error in document["errors"]] == [["body", *place]]
        assert not upstream.calls

    @pytest.mark.parametrize(
        ("status", "word", "type_", "code"),
        [
            (404, "workspace_not_found", None, "not_found"),
            (409, "duplicate", "duplicate", "duplicate"),
            (409, "id_taken", "id_taken", "id_taken"),
            (409, "id_taken", "in_trash", "id_taken"),
            (409, "id_taken", "other_content", "id_taken"),
            (422, "duplicate_id", None, "invalid_request"),
            (422, "other_workspace", None, "invalid_request"),
            (422, "refused_value", "sources_type_word", "invalid_request"),
            (422, "too_many_changes", None, "invalid_request"),
            (422, "unknown_edge", None, "unknown_edge"),
            (422, "unknown_node", None, "unknown_node"),
            (422, "unknown_source", None, "unknown_source"),
        ],
    )
    def test_what_the_database_refuses_has_a_name_and_a_place(
        self, client: TestClient, upstream: respx.Router, status: int, word: str, type_: str | None, code: str
    ) -> None:
        place: list[str | int] = ["create", "sources", 77, "id"]
        found: list[dict[str, Any]] = [
            {"loc": place, "id": ID, "type": type_, "existing": None},
            {"loc": ["delete"], "id": OTHER_ID},
        ]
        if word in {"workspace_not_found", "too_many_changes"}:
            found = []
        upstream.post("/rest/v1/rpc/edit_canvas").mock(return_value=raised(status, word, found))
        response = client.post(PATH, json={"delete": {"nodes": [ID]}})
        document = problem(response, status, code)
        assert "existing" not in document
        assert "sources_type_word" not in response.text
        if found:
            first, second = document["errors"]
            assert (first["loc"], second["loc"]) == (["body", *place], ["body", "delete"])
            assert first["type"] == (word if type_ in {None, "sources_type_word"} else type_)
            assert first["msg"]

    @pytest.mark.parametrize(("word", "type_"), [("duplicate", "duplicate"), ("id_taken", "other_content")])
    def test_what_is_in_the_way_is_named(
        self, client: TestClient, upstream: respx.Router, word: str, type_: str
    ) -> None:
        found = [
            {"loc": ["create", "edges", n], "id": WORKSPACE_ID, "type": type_, "existing": existing}
            for n, existing in enumerate((None, ID, OTHER_ID))
        ]
        upstream.post("/rest/v1/rpc/edit_canvas").mock(return_value=raised(409, word, found))
        document = problem(client.post(PATH, json={}), 409, word)
        assert [error.get("existing") for error in document["errors"]] == [None, ID, OTHER_ID]
        assert document["existing"] == ID

    @pytest.mark.parametrize("answer", [b"", b"null", b"[]", b'{"created":', b"<html>"])
    def test_an_answer_that_is_none_is_a_bad_one(
        self, client: TestClient, upstream: respx.Router, answer: bytes
    ) -> None:
        upstream.post("/rest/v1/rpc/edit_canvas").respond(200, content=answer)
        response = client.post(PATH, json={})
        assert response.status_code in {502, 503}
