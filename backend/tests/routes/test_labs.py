"""`/v1/labs`: what differs from the other resources."""

from typing import Any

import pytest
import respx
from fastapi.testclient import TestClient

from app.models.types import MAX_JSON_BYTES
from tests.routes.exchange import NO_ROW, broken_key, last_body, last_request, not_unique, problem

WORKSPACE_ID = "10000000-0000-4000-8000-000000000001"
SOURCE_ID = "20000000-0000-4000-8000-000000000001"
ROW: dict[str, Any] = {
    "id": "30000000-0000-4000-8000-000000000001",
    "workspace_id": WORKSPACE_ID,
    "source_id": SOURCE_ID,
    "type": "code_lab",
    "title": "Rank",
    "status": "in_progress",
    "config": {"language": "python"},
    "failure": None,
    "progress": None,
    "user_state": {},
    "canvas_position": {"x": 0.0, "y": 0.0},
    "width": None,
    "height": 240.0,
    "version": 2,
    "created_at": "2026-11-23T00:12:45.122000Z",
    "updated_at": "2026-11-23T00:12:45.122000Z",
    "generated_content": {"task": "Write `rank`."},
}
NEW = {"workspace_id": WORKSPACE_ID, "type": "code_lab"}
SET_BY_DATABASE = {"failure", "progress", "version", "created_at", "updated_at"}
PATH = f"/v1/labs/{ROW['id']}"


class TestCreate:
    def test_every_field_goes_up(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/labs").respond(201, json=ROW)
        new = {key: ROW[key] for key in ROW if key not in SET_BY_DATABASE}
        response = client.post("/v1/labs", json=new)
        assert (response.status_code, response.json()) == (201, ROW)
        assert (response.headers["location"], response.headers["etag"]) == (PATH, '"2"')
        assert last_body(upstream) == new
        assert len(upstream.calls) == 1

    def test_what_is_left_out_is_left_to_the_database(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/labs").respond(201, json=ROW | {"source_id": None, "generated_content": None})
        response = client.post("/v1/labs", json=NEW)
        assert last_body(upstream) == NEW
        assert (response.json()["source_id"], response.json()["generated_content"]) == (None, None)

    def test_a_source_of_another_workspace_is_unknown(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/labs").mock(return_value=broken_key("labs_source_id_fkey"))
        problem(client.post("/v1/labs", json=NEW | {"source_id": SOURCE_ID}), 422, "unknown_source")

    def test_the_id_of_a_source_is_taken(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/labs").mock(return_value=not_unique("nodes_pkey"))
        upstream.get("/rest/v1/labs").mock(return_value=NO_ROW)
        problem(client.post("/v1/labs", json=NEW | {"id": SOURCE_ID}), 409, "id_taken")

    @pytest.mark.parametrize(
        "change",
        [
            {"source_id": "1"},
            {"type": "code lab"},
            {"status": "done"},
            {"status": None},
            {"config": None},
            {"user_state": []},
            {"generated_content": "text"},
            {"config": {"a": "x" * MAX_JSON_BYTES}},
            {"user_state": {"a": "x" * MAX_JSON_BYTES}},
            {"generated_content": {"a": "x" * MAX_JSON_BYTES}},
            {"title": " "},
        ],
        ids=lambda change: str(change)[:30],
    )
    def test_an_invalid_body_is_refused_and_nothing_goes_up(
        self, client: TestClient, upstream: respx.Router, change: dict[str, Any]
    ) -> None:
        problem(client.post("/v1/labs", json=NEW | change), 422, "invalid_request")
        assert not upstream.calls

    def test_three_full_json_columns_fit_in_a_body(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/labs").respond(201, json=ROW)
        full = {"a": "x" * (MAX_JSON_BYTES - len('{"a": ""}'))}
        new = NEW | {"config": full, "user_state": full, "generated_content": full}
        assert client.post("/v1/labs", json=new).status_code == 201
        assert last_body(upstream) == new

    def test_a_larger_body_is_refused_unread(self, client: TestClient, upstream: respx.Router) -> None:
        huge = {"a": "x" * (4 * MAX_JSON_BYTES)}
        problem(client.post("/v1/labs", json=NEW | {"config": huge}), 413, "body_too_large")
        assert not upstream.calls


class TestList:
    def test_filters_go_up(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/labs").respond(200, json=[ROW])
        filters = {"workspace_id": WORKSPACE_ID, "type": "code_lab", "status": "in_progress", "source_id": SOURCE_ID}
        assert client.get("/v1/labs", params=filters | {"order": "-updated_at"}).json() == [ROW]
        params = last_request(upstream).url.params
        assert {name: params[name] for name in filters} == {name: f"eq.{value}" for name, value in filters.items()}
        assert params["order"] == "updated_at.desc,id.desc"

    @pytest.mark.parametrize("query", ["status=done", "source_id=1", "q=%00", "order=status"])
    def test_an_invalid_query_is_refused(self, client: TestClient, upstream: respx.Router, query: str) -> None:
        problem(client.get(f"/v1/labs?workspace_id={WORKSPACE_ID}&{query}"), 422, "invalid_request")
        assert not upstream.calls


class TestUpdate:
    def test_a_json_column_is_replaced_whole(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.patch("/rest/v1/labs").respond(200, json=ROW)
        change: dict[str, Any] = {"config": {}, "generated_content": None, "source_id": None, "status": "failed"}
        assert client.patch(PATH, json=change).json() == ROW
        assert last_body(upstream) == change

    def test_a_source_of_another_workspace_is_unknown(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.patch("/rest/v1/labs").mock(return_value=broken_key("labs_source_id_fkey"))
        problem(client.patch(PATH, json={"source_id": SOURCE_ID}), 422, "unknown_source")
        headers = {"If-Match": '"2"'}
        problem(client.patch(PATH, json={"source_id": SOURCE_ID}, headers=headers), 422, "unknown_source")
        assert len(upstream.calls) == 2

    @pytest.mark.parametrize("change", [{"config": None}, {"status": None}, {"workspace_id": WORKSPACE_ID}])
    def test_an_invalid_change_is_refused(
        self, client: TestClient, upstream: respx.Router, change: dict[str, Any]
    ) -> None:
        problem(client.patch(PATH, json=change), 422, "invalid_request")
        assert not upstream.calls
