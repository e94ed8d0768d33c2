"""`/v1/workspaces/{id}/canvas`: what goes upstream for each request, and what comes back."""

from typing import Any
from uuid import UUID

import pytest
import respx
from fastapi.testclient import TestClient

from app.models.canvas import MAX_MOVES
from tests.routes.exchange import last_body, last_request, problem, raised

WORKSPACE_ID = "10000000-0000-4000-8000-000000000001"
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

    def test_a_node_twice_is_refused_in_whatever_case_it_is_written(
        self, client: TestClient, upstream: respx.Router
    ) -> None:
        move = {"id": "abcdef00-0000-4000-8000-000000000001", "position": {"x": 0, "y": 0}}
        for twin in (move, move | {"id": move["id"].upper()}, move | {"position": {"x": 1, "y": 1}}):  # type: ignore[attr-defined]
            problem(client.patch(PATH, json={"nodes": [move, *moves(2), twin]}), 422, "invalid_request")
        assert not upstream.calls

    def test_what_the_database_refuses_has_a_name(self, client: TestClient, upstream: respx.Router) -> None:
        for refused, status, code in (
            (raised(422, "unknown_node"), 422, "unknown_node"),
            (raised(422, "duplicate_node"), 422, "invalid_request"),
            (raised(422, "too_many_nodes"), 422, "invalid_request"),
            (raised(404, "workspace_not_found"), 404, "not_found"),
        ):
            upstream.post("/rest/v1/rpc/arrange_canvas").mock(return_value=refused)
            upstream.get("/rest/v1/workspaces").respond(200, json={"sources": [], "labs": []})
            problem(client.patch(PATH, json={"nodes": moves(1)}), status, code)

    def test_nodes_that_are_unknown_are_named_where_they_are_few(
        self, client: TestClient, upstream: respx.Router
    ) -> None:
        upstream.post("/rest/v1/rpc/arrange_canvas").mock(return_value=raised(422, "unknown_node"))
        first, second, third = moves(3)
        known = {"sources": [{"id": first["id"]}], "labs": [{"id": third["id"]}]}
        nodes = upstream.get("/rest/v1/workspaces").respond(200, json=known)
        document = problem(client.patch(PATH, json={"nodes": [first, second, third]}), 422, "unknown_node")
        assert [error["loc"] for error in document["errors"]] == [["body", "nodes", 1, "id"]]
        document = problem(client.patch(PATH, json={"nodes": moves(101)}), 422, "unknown_node")
        assert [error["loc"] for error in document["errors"]] == [["body"]]
        assert nodes.call_count == 1

    @pytest.mark.parametrize(
        "layout",
        [
            {"nodes": None},
            {"nodes": {}},
            {"nodes": [{"id": WORKSPACE_ID}]},
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
