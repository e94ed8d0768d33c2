"""`/v1/edges`: what differs from the other resources."""

from typing import Any

import httpx
import pytest
import respx
from fastapi.testclient import TestClient

from tests.routes.exchange import (
    NO_ROW,
    broken_key,
    failed_checks,
    last_body,
    last_request,
    not_unique,
    problem,
)

WORKSPACE_ID = "10000000-0000-4000-8000-000000000001"
ROW: dict[str, Any] = {
    "id": "50000000-0000-4000-8000-000000000001",
    "workspace_id": WORKSPACE_ID,
    "source_node_id": "20000000-0000-4000-8000-000000000001",
    "target_node_id": "30000000-0000-4000-8000-000000000001",
    "source_handle": "right",
    "target_handle": None,
    "label": None,
    "created_at": "2026-11-23T00:12:45.122000Z",
}
NEW = {key: ROW[key] for key in ("workspace_id", "source_node_id", "target_node_id")}
PATH = f"/v1/edges/{ROW['id']}"


class TestCreate:
    def test_every_field_goes_up(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/edges").respond(201, json=ROW)
        new = {key: value for key, value in ROW.items() if key != "created_at"}
        response = client.post("/v1/edges", json=new)
        assert (response.status_code, response.json()) == (201, ROW)
        assert response.headers["location"] == PATH
        assert "etag" not in response.headers, "an edge has no version"
        assert last_body(upstream) == new
        assert len(upstream.calls) == 1

    def test_handles_and_labels_are_kept_byte_for_byte(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/edges").respond(201, json=ROW)
        texts = {"source_handle": " right", "target_handle": "e\u0301\t", "label": "  e\u0301 "}
        assert client.post("/v1/edges", json=NEW | texts).status_code == 201
        assert last_body(upstream) == NEW | texts

    @pytest.mark.parametrize("constraint", ["edges_source_node_id_fkey", "edges_target_node_id_fkey"])
    def test_an_end_that_is_no_node_of_the_workspace_is_unknown(
        self, client: TestClient, upstream: respx.Router, constraint: str
    ) -> None:
        upstream.post("/rest/v1/edges").mock(return_value=broken_key(constraint))
        upstream.get("/rest/v1/workspaces").mock(return_value=NO_ROW)  # no more can be known
        document = problem(client.post("/v1/edges", json=NEW), 422, "unknown_node")
        end = constraint.removeprefix("edges_").removesuffix("_fkey")
        assert [error["loc"] for error in document["errors"]] == [["body", end]]

    def test_both_ends_are_named_where_both_are_unknown(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/edges").mock(return_value=broken_key("edges_source_node_id_fkey"))
        nodes = upstream.get("/rest/v1/workspaces").respond(200, json={"sources": [], "labs": []})
        document = problem(client.post("/v1/edges", json=NEW), 422, "unknown_node")
        assert [error["loc"] for error in document["errors"]] == [
            ["body", "source_node_id"],
            ["body", "target_node_id"],
        ]
        ids = f"in.({NEW['source_node_id']},{NEW['target_node_id']})"
        params = nodes.calls.last.request.url.params
        assert (params["id"], params["sources.id"], params["labs.id"]) == (f"eq.{WORKSPACE_ID}", ids, ids)

    def test_a_workspace_that_went_away_is_not_found(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/edges").mock(return_value=broken_key("edges_workspace_id_fkey"))
        upstream.get("/rest/v1/my_workspaces").respond(200, json=[])
        problem(client.post("/v1/edges", json=NEW), 404, "not_found")

    def test_the_same_edge_twice_is_a_duplicate(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/edges").mock(return_value=not_unique("edges_ends_key"))
        upstream.get("/rest/v1/edges").respond(200, json=ROW)
        for new in (NEW, NEW | {"id": WORKSPACE_ID}):
            document = problem(client.post("/v1/edges", json=new), 409, "duplicate")
            assert document["existing"] == ROW["id"]
            params = last_request(upstream).url.params
            assert params["source_node_id"] == f"eq.{NEW['source_node_id']}"
            assert (params["source_handle"], params["target_handle"]) == ("is.null", "is.null")
        upstream.get("/rest/v1/edges").mock(return_value=NO_ROW)
        assert "existing" not in problem(client.post("/v1/edges", json=NEW), 409, "duplicate")

    def test_a_repetition_is_one_whichever_key_refused_it(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/edges").mock(return_value=not_unique("edges_ends_key"))
        upstream.get("/rest/v1/edges").respond(200, json=ROW)
        response = client.post("/v1/edges", json=NEW | {"id": ROW["id"]})
        assert (response.status_code, response.json()) == (200, ROW)

    @pytest.mark.parametrize("refused", failed_checks("edges_label_length"))
    def test_what_only_the_database_refuses_is_refused(
        self, client: TestClient, upstream: respx.Router, refused: httpx.Response
    ) -> None:
        upstream.post("/rest/v1/edges").mock(return_value=refused)
        document = problem(client.post("/v1/edges", json=NEW), 422, "invalid_request")
        assert document["errors"] == [{"loc": ["body"], "msg": document["detail"], "type": "invalid_request"}]

    @pytest.mark.parametrize(
        "change",
        [
            {"source_node_id": None},
            {"target_node_id": "1"},
            {"source_handle": ""},
            {"target_handle": "x" * 256},
            {"label": "x" * 501},
            {"label": "nul\x00"},
            {"label": 1},
            {"target_node_id": NEW["source_node_id"]},
            {"source": ROW["id"]},
        ],
    )
    def test_an_invalid_body_is_refused_and_nothing_goes_up(
        self, client: TestClient, upstream: respx.Router, change: dict[str, Any]
    ) -> None:
        problem(client.post("/v1/edges", json=NEW | change), 422, "invalid_request")
        assert not upstream.calls


class TestList:
    def test_a_workspaces_edges_come_oldest_first(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/edges").respond(200, json=[ROW])
        assert client.get("/v1/edges", params={"workspace_id": WORKSPACE_ID}).json() == [ROW]
        params = last_request(upstream).url.params
        assert (params["order"], params["workspace_id"]) == ("created_at.asc,id.asc", f"eq.{WORKSPACE_ID}")

    @pytest.mark.parametrize("query", ["order=updated_at", "q=label", "type=pdf"])
    def test_an_invalid_query_is_refused(self, client: TestClient, upstream: respx.Router, query: str) -> None:
        problem(client.get(f"/v1/edges?workspace_id={WORKSPACE_ID}&{query}"), 422, "invalid_request")
        assert not upstream.calls


class TestUpdate:
    @pytest.mark.parametrize("label", ["practised in", "", None])
    def test_a_label_is_set_and_cleared(self, client: TestClient, upstream: respx.Router, label: str | None) -> None:
        upstream.patch("/rest/v1/edges").respond(200, json=ROW | {"label": label})
        assert client.patch(PATH, json={"label": label}).json() == ROW | {"label": label}
        assert last_body(upstream) == {"label": label}

    @pytest.mark.parametrize("change", [{"source_node_id": ROW["id"]}, {"target_handle": "left"}, {"label": []}])
    def test_ends_and_handles_never_change(
        self, client: TestClient, upstream: respx.Router, change: dict[str, Any]
    ) -> None:
        problem(client.patch(PATH, json=change), 422, "invalid_request")
        assert not upstream.calls
