"""Members, invitations and copies: what goes upstream for each request, and what comes back."""

import json
from typing import Any

import httpx
import pytest
import respx
from fastapi.testclient import TestClient

from tests.routes.exchange import last_body, last_request, problem, raised
from tests.routes.test_workspaces import ANSWER, ROW

ID = "10000000-0000-4000-8000-000000000001"
NEW_ID = "10000000-0000-4000-8000-000000000002"
HOME = f"/v1/workspaces/{ID}"
RPC = "/rest/v1/rpc"
PATHS = {f"{ID}/s/{n}.pdf": f"{NEW_ID}/s/{n}.pdf" for n in range(6)}


def test_members_are_told_with_times_in_utc(client: TestClient, upstream: respx.Router) -> None:
    member = {"user_id": ID, "role": "owner", "email": None, "created_at": "2026-11-23T00:12:45.122+00:00"}
    upstream.get(f"{RPC}/list_members").respond(200, json=[member])
    assert client.get(f"{HOME}/members").json() == [member | {"created_at": "2026-11-23T00:12:45.122000Z"}]
    upstream.get(f"{RPC}/list_members").respond(200, json={"members": []})
    problem(client.get(f"{HOME}/members"), 502, "bad_upstream")


def test_only_what_is_sent_of_an_invitation_goes_up(client: TestClient, upstream: respx.Router) -> None:
    upstream.post(f"{RPC}/create_invitation").respond(200, json={"token": "t"})
    assert client.post(f"{HOME}/invitations", json={"role": "viewer"}).status_code == 201
    assert last_body(upstream) == {"workspace_id": ID, "role": "viewer"}
    body = {"role": "editor", "uses": 30, "expires_at": "2026-12-24T18:00:00Z"}
    assert client.post(f"{HOME}/invitations", json=body).json() == {"token": "t"}
    assert last_body(upstream) == {"workspace_id": ID, **body}
    upstream.post(f"{RPC}/create_invitation").respond(200, json=[])
    problem(client.post(f"{HOME}/invitations", json=body), 502, "bad_upstream")


def test_the_invitation_that_is_named_is_revoked(client: TestClient, upstream: respx.Router) -> None:
    upstream.post(f"{RPC}/revoke_invitation").respond(204)
    assert client.delete(f"{HOME}/invitations/{NEW_ID}").status_code == 204
    assert last_body(upstream) == {"workspace_id": ID, "id": NEW_ID}


def test_who_accepts_becomes_one_member(client: TestClient, upstream: respx.Router) -> None:
    upstream.post(f"{RPC}/accept_invitation").respond(200, json={"workspace_id": ID, "role": "viewer"})
    assert client.post("/v1/invitations/abc/accept").json() == {"workspace_id": ID, "role": "viewer"}
    assert last_request(upstream).headers["accept"] == "application/vnd.pgrst.object+json"


@pytest.mark.parametrize(
    "body", [{}, {"role": "owner"}, {"role": "viewer", "uses": 0}, {"role": "viewer", "uses": 1001}]
)
def test_an_invitation_that_cannot_be_is_refused(client: TestClient, upstream: respx.Router, body: Any) -> None:
    problem(client.post(f"{HOME}/invitations", json=body), 422, "invalid_request")
    assert not upstream.calls


@pytest.mark.parametrize(
    ("word", "status", "code"),
    [
        ("invitation_not_found", 404, "not_found"),
        ("invitation_expired", 410, "invitation_expired"),
        ("invitation_used_up", 410, "invitation_used_up"),
        ("limit_reached", 409, "limit_reached"),
    ],
)
def test_an_invitation_that_is_not_good_says_why(
    client: TestClient, upstream: respx.Router, word: str, status: int, code: str
) -> None:
    upstream.post(f"{RPC}/accept_invitation").mock(return_value=raised(status, word))
    problem(client.post("/v1/invitations/abc/accept"), status, code)
    assert last_body(upstream) == {"token": "abc"}


@pytest.mark.parametrize(("word", "status"), [("owner_only", 403), ("owner_stays", 409), ("read_only", 403)])
def test_a_change_of_members_that_is_refused_says_why(
    client: TestClient, upstream: respx.Router, word: str, status: int
) -> None:
    upstream.post(path__startswith=RPC).mock(return_value=raised(status, word))
    problem(client.patch(f"{HOME}/members/{NEW_ID}", json={"role": "owner"}), status, word)
    assert last_body(upstream) == {"workspace_id": ID, "user_id": NEW_ID, "role": "owner"}
    problem(client.delete(f"{HOME}/members/{NEW_ID}"), status, word)


@pytest.fixture
def copying(upstream: respx.Router) -> respx.Router:
    """A data API and a file store where a copy goes well."""
    upstream.post(f"{RPC}/begin_copy", name="begin").respond(200, json={"id": NEW_ID, "paths": PATHS})
    upstream.post("/storage/v1/object/copy", name="copy").respond(200, json={"Key": "k"})
    upstream.post(f"{RPC}/finish_copy", name="finish").respond(200, json=ROW | {"id": NEW_ID})
    upstream.post(f"{RPC}/abandon_copy", name="abandon").respond(200, json=True)
    upstream.delete("/storage/v1/object/sources", name="remove").respond(200, json=[])
    return upstream


def bodies(route: respx.Route) -> list[Any]:
    return [json.loads(call.request.content) for call in route.calls]


def test_a_copy_is_the_files_and_then_the_rows(client: TestClient, copying: respx.Router) -> None:
    answer = client.post(f"{HOME}/copy", json={"id": NEW_ID, "name": " Mine "})
    assert (answer.status_code, answer.json()) == (201, ANSWER | {"id": NEW_ID})
    assert (answer.headers["location"], answer.headers["etag"]) == (f"/v1/workspaces/{NEW_ID}", '"3"')
    assert bodies(copying["begin"]) == [{"workspace_id": ID, "copy_id": NEW_ID}]
    assert sorted(body["sourceKey"] for body in bodies(copying["copy"])) == sorted(PATHS)
    for body in bodies(copying["copy"]):
        assert body == {
            "bucketId": "sources",
            "sourceKey": body["sourceKey"],
            "destinationKey": PATHS[body["sourceKey"]],
        }
    assert bodies(copying["finish"]) == [{"copy_id": NEW_ID, "missing": [], "name": "Mine"}]
    assert copying.calls.last.request.url.path.endswith("/finish_copy")
    assert all(call.request.headers["authorization"] == client.headers["authorization"] for call in copying.calls)


def test_a_file_that_is_missing_is_told_to_the_rows(client: TestClient, copying: respx.Router) -> None:
    gone = httpx.Response(400, json={"statusCode": "404", "error": "not_found", "message": "Object not found"})
    copying["copy"].mock(side_effect=[gone, *[httpx.Response(200, json={})] * 5])
    assert client.post(f"{HOME}/copy", json={}).status_code == 201
    assert bodies(copying["begin"]) == [{"workspace_id": ID, "copy_id": None}]
    (missing,) = bodies(copying["finish"])[0]["missing"]
    assert missing in PATHS
    assert "name" not in bodies(copying["finish"])[0]


def test_what_is_broken_off_leaves_no_file(client: TestClient, copying: respx.Router) -> None:
    copying["finish"].mock(return_value=raised(409, "write_conflict"))
    problem(client.post(f"{HOME}/copy", json={}), 409, "write_conflict")
    assert bodies(copying["remove"]) == [{"prefixes": [*PATHS.values()]}]
    full = {"statusCode": "413", "error": "Payload too large", "message": "The object is too large"}
    copying["copy"].mock(return_value=httpx.Response(400, json=full))
    problem(client.post(f"{HOME}/copy", json={}), 413, "body_too_large")
    assert len(copying["remove"].calls) == 2
    assert bodies(copying["abandon"]) == [{"copy_id": NEW_ID}] * 2


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.ReadError("reset"), "connection_lost"),
        (httpx.Response(200, text="[]"), "bad_upstream"),
        (httpx.Response(502, html="<html>The proxy waited no longer</html>"), "supabase_unavailable"),
    ],
)
def test_files_whose_rows_may_be_there_are_kept(
    client: TestClient, copying: respx.Router, answer: Any, code: str
) -> None:
    for kept in (httpx.Response(200, json=False), httpx.Response(503), httpx.ReadError("reset")):
        copying["finish"].mock(side_effect=[answer])
        copying["abandon"].mock(side_effect=[kept])
        assert client.post(f"{HOME}/copy", json={}).json()["code"] == code
    assert len(copying["abandon"].calls) == 3
    assert not copying["remove"].calls


def test_files_whose_rows_will_never_be_there_go_whatever_became_of_the_answer(
    client: TestClient, copying: respx.Router
) -> None:
    copying["finish"].mock(side_effect=[httpx.ReadError("reset")])
    problem(client.post(f"{HOME}/copy", json={}), 502, "connection_lost")
    assert bodies(copying["remove"]) == [{"prefixes": [*PATHS.values()]}]
