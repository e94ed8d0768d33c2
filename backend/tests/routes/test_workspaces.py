"""`/v1/workspaces`: what goes upstream for each request, and what comes back."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import httpx2
import pytest
import respx
from fastapi.testclient import TestClient

from tests.conftest import USER_ID
from tests.routes.exchange import raised

ROW: dict[str, Any] = {
    "id": "10000000-0000-4000-8000-000000000001",
    "owner_id": str(USER_ID),
    "name": "Linear algebra",
    "viewport": {"x": 0, "y": 0, "zoom": 1},
    "version": 3,
    "created_at": "2026-11-23T00:12:45.122+00:00",
    "updated_at": "2026-11-23T00:12:45.122+00:00",
    "active_at": "2026-11-23T00:13:00+00:00",
    "role": "owner",
    "a_column_of_tomorrow": "is not answered",
}
ANSWER = {
    **{key: value for key, value in ROW.items() if key != "a_column_of_tomorrow"},
    "viewport": {"x": 0.0, "y": 0.0, "zoom": 1.0},
    "created_at": "2026-11-23T00:12:45.122000Z",
    "updated_at": "2026-11-23T00:12:45.122000Z",
    "active_at": "2026-11-23T00:13:00Z",
}
DELETE = "/rest/v1/rpc/delete_workspace"
NO_ROW = httpx.Response(406, json={"code": "PGRST116", "message": "JSON object requested, no rows returned"})


def last_request(upstream: respx.Router) -> httpx.Request:
    request = upstream.calls.last.request
    assert isinstance(request, httpx.Request)
    return request


def problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert (document["status"], document["code"]) == (status, code)
    assert document["request_id"] == response.headers["x-request-id"]
    return document


class TestCreate:
    def test_the_row_goes_up_with_the_callers_token_and_comes_back_with_its_address(
        self, client: TestClient, upstream: respx.Router
    ) -> None:
        upstream.post("/rest/v1/my_workspaces").respond(201, json=ROW)
        response = client.post("/v1/workspaces", json={"name": "  Linear algebra "})
        sent = last_request(upstream)
        assert response.status_code == 201
        assert response.json() == ANSWER
        assert response.headers["location"] == f"/v1/workspaces/{ROW['id']}"
        assert response.headers["etag"] == '"3"'
        assert json.loads(sent.content) == {"name": "Linear algebra"}
        assert sent.headers["authorization"] == client.headers["authorization"]
        assert sent.headers["apikey"] == "sb_publishable_test"
        assert sent.headers["x-request-id"] == response.headers["x-request-id"]
        assert len(upstream.calls) == 1

    def test_a_repeated_id_answers_the_row_that_is_there(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/my_workspaces").respond(
            409, json={"code": "23505", "message": 'duplicate key value violates unique constraint "workspaces_pkey"'}
        )
        upstream.get("/rest/v1/my_workspaces").respond(200, json=ROW)
        response = client.post("/v1/workspaces", json={"id": ROW["id"], "name": "Linear algebra"})
        assert response.status_code == 200
        assert response.json() == ANSWER

    def test_an_id_of_a_hidden_row_is_taken(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/my_workspaces").respond(
            409, json={"code": "23505", "message": 'duplicate key value violates unique constraint "workspaces_pkey"'}
        )
        upstream.get("/rest/v1/my_workspaces").mock(return_value=NO_ROW)
        response = client.post("/v1/workspaces", json={"id": ROW["id"], "name": "Linear algebra"})
        problem(response, 409, "id_taken")

    @pytest.mark.parametrize(
        ("name", "kept"), [(" \t Cafe\u0301\u00a0", "Caf\u00e9"), ("e\u0301" * 255, "\u00e9" * 255)]
    )
    def test_a_name_is_trimmed_and_composed_before_it_is_measured(
        self, client: TestClient, upstream: respx.Router, name: str, kept: str
    ) -> None:
        upstream.post("/rest/v1/my_workspaces").respond(201, json=ROW)
        assert client.post("/v1/workspaces", json={"name": name}).status_code == 201
        assert json.loads(last_request(upstream).content) == {"name": kept}

    def test_a_very_long_name_is_refused_before_its_accents_are_put_in_order(self, client: TestClient) -> None:
        name = "a" + "\u0301\u0316" * 100_000  # which would take minutes
        problem(client.post("/v1/workspaces", json={"name": name}), 422, "invalid_request")

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"name": ""},
            {"name": " \t\u00a0"},
            {"name": "x" * 256},
            {"name": "nul \x00"},
            {"name": "w", "owner_id": str(USER_ID)},
            {"name": "w", "id": "not-a-uuid"},
            {"name": "w", "viewport": {"x": 0, "y": 0, "zoom": 0}},
            {"name": "w", "viewport": {"x": "0", "y": 0, "zoom": 1}},
            {"name": "w", "viewport": {"x": 10_000_001, "y": 0, "zoom": 1}},
            [],
            None,
        ],
    )
    def test_an_invalid_body_is_refused_and_nothing_goes_up(
        self, client: TestClient, upstream: respx.Router, body: object
    ) -> None:
        document = problem(client.post("/v1/workspaces", json=body), 422, "invalid_request")
        assert document["errors"]
        assert not upstream.calls

    def test_a_body_that_is_not_json_is_refused(self, client: TestClient) -> None:
        headers = {"Content-Type": "application/json"}
        problem(client.post("/v1/workspaces", content="{", headers=headers), 422, "invalid_request")
        problem(client.post("/v1/workspaces", content=b"\xff\xfe{", headers=headers), 400, "malformed_request")

    def test_an_account_that_is_gone_must_sign_in(self, client: TestClient, upstream: respx.Router) -> None:
        message = 'insert or update on table "workspaces" violates foreign key constraint "workspaces_owner_id_fkey"'
        upstream.post("/rest/v1/my_workspaces").respond(409, json={"code": "23503", "message": message})
        problem(client.post("/v1/workspaces", json={"name": "w"}), 401, "unauthenticated")


class TestList:
    def test_all_that_may_be_read_are_asked_for_the_one_in_use_last_first(
        self, client: TestClient, upstream: respx.Router
    ) -> None:
        upstream.get("/rest/v1/my_workspaces").respond(200, json=[ROW])
        response = client.get("/v1/workspaces")
        params = last_request(upstream).url.params
        assert response.json() == [ANSWER]
        assert "link" not in response.headers
        assert "owner_id" not in params
        assert "role" not in params
        client.get("/v1/workspaces?role=viewer")
        assert last_request(upstream).url.params["role"] == "eq.viewer"
        assert params["order"] == "active_at.desc,id.desc"
        assert params["limit"] == "51"

    def test_a_full_page_links_to_the_next_which_begins_after_its_last_row(
        self, client: TestClient, upstream: respx.Router
    ) -> None:
        rows = [{**ROW, "id": str(UUID(int=n))} for n in range(3)]
        upstream.get("/rest/v1/my_workspaces").respond(200, json=rows)
        first = client.get("/v1/workspaces", params={"limit": 2, "q": "a&b"})
        assert [row["id"] for row in first.json()] == [row["id"] for row in rows[:2]]
        link = first.headers["link"]
        assert link.startswith("</v1/workspaces?limit=2&q=a%26b&cursor=")
        assert link.endswith('>; rel="next"')
        second = client.get(link[1:].split(">")[0])
        assert second.headers["link"].count("cursor=") == 1
        params = last_request(upstream).url.params
        assert params["active_at"] == "lte.2026-11-23T00:13:00+00:00"
        assert params["or"] == f'(active_at.lt."2026-11-23T00:13:00+00:00",id.lt.{rows[1]["id"]})'
        assert params["limit"] == "3"

    def test_a_search_term_is_taken_literally(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/my_workspaces").respond(200, json=[])
        client.get("/v1/workspaces", params={"q": '50% (a*b),"\\_'})
        assert last_request(upstream).url.params["name"] == 'imatch.50% \\(a\\*b\\),"\\\\_'

    @pytest.mark.parametrize(
        "query",
        ["limit=0", "limit=101", "limit=x", "order=name", "q=%00", "unknown=1", "cursor=" + "a" * 201],
    )
    def test_an_invalid_query_is_refused(self, client: TestClient, upstream: respx.Router, query: str) -> None:
        problem(client.get(f"/v1/workspaces?{query}"), 422, "invalid_request")
        assert not upstream.calls

    def test_a_search_term_is_composed_and_not_trimmed(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/my_workspaces").respond(200, json=[])
        client.get("/v1/workspaces", params={"q": "Cafe\u0301 "})
        assert last_request(upstream).url.params["name"] == "imatch.Caf\u00e9 "

    def test_an_empty_search_is_none(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/my_workspaces").respond(200, json=[])
        assert client.get("/v1/workspaces", params={"q": " "}).status_code == 200
        assert "name" not in last_request(upstream).url.params

    @pytest.mark.parametrize("cursor", ["x", "AAAA", "", "%00", "bm90IGEgY3Vyc29y"])
    def test_a_cursor_that_no_page_gave_is_refused(
        self, client: TestClient, upstream: respx.Router, cursor: str
    ) -> None:
        problem(client.get(f"/v1/workspaces?cursor={cursor}"), 422, "invalid_cursor")
        assert not upstream.calls

    def test_a_cursor_of_another_order_is_refused(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/my_workspaces").respond(200, json=[ROW, ROW])
        link = client.get("/v1/workspaces", params={"limit": 1}).headers["link"]
        cursor = parse_qs(urlsplit(link[1:].split(">")[0]).query)["cursor"][0]
        problem(client.get("/v1/workspaces", params={"order": "created_at", "cursor": cursor}), 422, "invalid_cursor")


class TestGet:
    def test_a_row_comes_with_its_version_as_a_tag(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/my_workspaces").respond(200, json=ROW)
        response = client.get(f"/v1/workspaces/{ROW['id']}")
        assert (response.status_code, response.json()) == (200, ANSWER)
        assert response.headers["etag"] == '"3"'
        assert response.headers["cache-control"] == "no-store"
        assert last_request(upstream).url.params["id"] == f"eq.{ROW['id']}"

    def test_a_hidden_workspace_is_not_found(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/my_workspaces").mock(return_value=NO_ROW)
        problem(client.get(f"/v1/workspaces/{ROW['id']}"), 404, "not_found")

    def test_an_id_that_is_no_uuid_is_refused(self, client: TestClient) -> None:
        problem(client.get("/v1/workspaces/1"), 422, "invalid_request")


class TestUpdate:
    def test_only_the_sent_fields_go_up(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.patch("/rest/v1/my_workspaces").respond(200, json=ROW)
        response = client.patch(f"/v1/workspaces/{ROW['id']}", json={"name": "n"}, headers={"If-Match": '"3", "4"'})
        sent = last_request(upstream)
        assert (response.status_code, response.json()) == (200, ANSWER)
        assert json.loads(sent.content) == {"name": "n"}
        assert sent.url.params["id"] == f"eq.{ROW['id']}"
        assert sent.url.params["version"] == "in.(3,4)"

    def test_an_empty_change_answers_the_row(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/my_workspaces").respond(200, json=ROW)
        assert client.patch(f"/v1/workspaces/{ROW['id']}", json={}).json() == ANSWER
        problem(client.patch(f"/v1/workspaces/{ROW['id']}", json={}, headers={"If-Match": '"2"'}), 412, "stale_version")

    @pytest.mark.parametrize("tag", ['"2"', 'W/"2"', '"three"', '""'])
    def test_a_stale_version_is_refused(self, client: TestClient, upstream: respx.Router, tag: str) -> None:
        upstream.patch("/rest/v1/my_workspaces").mock(return_value=NO_ROW)
        upstream.get("/rest/v1/my_workspaces").respond(200, json=ROW)
        response = client.patch(f"/v1/workspaces/{ROW['id']}", json={"name": "n"}, headers={"If-Match": tag})
        problem(response, 412, "stale_version")

    @pytest.mark.parametrize("tag", ['W/"3"', '"4", W/"3"'])
    def test_a_proxys_weak_form_of_the_tag_counts_as_the_tag(
        self, client: TestClient, upstream: respx.Router, tag: str
    ) -> None:
        upstream.patch("/rest/v1/my_workspaces").respond(200, json=ROW)
        response = client.patch(f"/v1/workspaces/{ROW['id']}", json={"name": "n"}, headers={"If-Match": tag})
        assert response.status_code == 200
        assert "3" in last_request(upstream).url.params["version"]

    def test_a_hidden_workspace_is_not_found_whatever_its_version(
        self, client: TestClient, upstream: respx.Router
    ) -> None:
        upstream.route().mock(return_value=NO_ROW)
        for headers in ({}, {"If-Match": '"3"'}, {"If-Match": "*"}, {"If-Match": 'W/"3"'}):
            response = client.patch(f"/v1/workspaces/{ROW['id']}", json={"name": "n"}, headers=headers)
            problem(response, 404, "not_found")

    @pytest.mark.parametrize(
        "tag", ["3", '"3', '*, "3"', '"3" "4"', "x", "", ",".join(f'"{n}"' for n in range(1, 102))]
    )
    def test_a_malformed_tag_is_refused(self, client: TestClient, upstream: respx.Router, tag: str) -> None:
        response = client.patch(f"/v1/workspaces/{ROW['id']}", json={"name": "n"}, headers={"If-Match": tag})
        problem(response, 400, "malformed_request")
        assert not upstream.calls

    @pytest.mark.parametrize("body", [{"name": None}, {"name": ""}, {"version": 4}, {"owner_id": str(USER_ID)}])
    def test_an_invalid_change_is_refused(self, client: TestClient, upstream: respx.Router, body: object) -> None:
        problem(client.patch(f"/v1/workspaces/{ROW['id']}", json=body), 422, "invalid_request")
        assert not upstream.calls


class TestDelete:
    def test_a_deleted_workspace_leaves_nothing_to_say(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post(DELETE).respond(200, json=[])
        response = client.delete(f"/v1/workspaces/{ROW['id']}", headers={"If-Match": '"3"'})
        assert (response.status_code, response.content) == (204, b"")
        assert json.loads(last_request(upstream).content) == {"id": ROW["id"], "versions": [3]}

    def test_a_hidden_workspace_is_not_found(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post(DELETE).mock(return_value=raised(404, "not_found"))
        problem(client.delete(f"/v1/workspaces/{ROW['id']}"), 404, "not_found")

    @pytest.mark.parametrize("code", ["owner_only", "read_only"])
    def test_only_the_owner_deletes(self, client: TestClient, upstream: respx.Router, code: str) -> None:
        upstream.post(DELETE).mock(return_value=raised(403, code))
        problem(client.delete(f"/v1/workspaces/{ROW['id']}"), 403, code)

    def test_a_stale_version_is_refused(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post(DELETE).mock(return_value=raised(412, "stale_version"))
        problem(client.delete(f"/v1/workspaces/{ROW['id']}", headers={"If-Match": '"2"'}), 412, "stale_version")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/workspaces"),
        ("GET", "/v1/workspaces"),
        ("GET", f"/v1/workspaces/{ROW['id']}"),
        ("PATCH", f"/v1/workspaces/{ROW['id']}"),
        ("DELETE", f"/v1/workspaces/{ROW['id']}"),
    ],
)
def test_without_a_token_nothing_is_answered(
    anonymous: TestClient, upstream: respx.Router, method: str, path: str
) -> None:
    response = anonymous.request(method, path, json={"name": "w"})
    problem(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"
    assert not upstream.calls
