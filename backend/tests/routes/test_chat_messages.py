"""`/v1/chat-messages`: what differs from the other resources."""

from base64 import urlsafe_b64encode
from typing import Any
from uuid import UUID

import pytest
import respx
from fastapi.testclient import TestClient

from tests.routes.exchange import NO_ROW, last_body, last_request, not_unique, problem, raised

WORKSPACE_ID = "10000000-0000-4000-8000-000000000001"
ROW: dict[str, Any] = {
    "id": "40000000-0000-4000-8000-000000000001",
    "workspace_id": WORKSPACE_ID,
    "user_id": None,
    "chat_id": "main",
    "role": "user",
    "content": "What does the rank tell me?",
    "mentions": ["20000000-0000-4000-8000-000000000001"],
    "status": "complete",
    "failure": None,
    "sources": [],
    "tokens": None,
    "seq": 1042,
    "created_at": "2026-11-23T00:12:45.122000Z",
}
NEW = {"workspace_id": WORKSPACE_ID, "role": "user", "content": "What does the rank tell me?"}
PATH = f"/v1/chat-messages/{ROW['id']}"


@pytest.mark.parametrize("status", ["streaming", "stopping", "complete"])
@pytest.mark.parametrize("is_viewer", [True, False])
def test_an_answer_that_is_being_written_is_not_deleted_by_others(
    client: TestClient, upstream: respx.Router, status: str, is_viewer: bool
) -> None:
    upstream.delete("/rest/v1/chat_messages").mock(return_value=NO_ROW)
    upstream.get("/rest/v1/chat_messages").respond(200, json=ROW | {"status": status})
    upstream.get("/rest/v1/my_workspaces").respond(200, json=[{"role": "viewer"}] if is_viewer else [])
    problem(client.delete(PATH), 403, "read_only" if is_viewer or status == "complete" else "asker_only")


class TestCreate:
    @pytest.mark.parametrize("role", ["user", "assistant"])
    def test_every_field_goes_up(self, client: TestClient, upstream: respx.Router, role: str) -> None:
        upstream.post("/rest/v1/chat_messages").respond(201, json=ROW)
        new = NEW | {"id": ROW["id"], "role": role, "mentions": ROW["mentions"], "chat_id": "main"}
        response = client.post("/v1/chat-messages", json=new)
        assert (response.status_code, response.json()) == (201, ROW)
        assert response.headers["location"] == PATH
        assert "etag" not in response.headers, "a message has no version"
        assert last_body(upstream) == new
        assert len(upstream.calls) == 1

    def test_a_repeated_id_answers_the_message_that_is_there(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/chat_messages").mock(return_value=not_unique("chat_messages_pkey"))
        upstream.get("/rest/v1/chat_messages").respond(200, json=ROW)
        response = client.post("/v1/chat-messages", json=NEW | {"id": ROW["id"]})
        assert (response.status_code, response.json()) == (200, ROW)

    def test_a_mention_of_no_node_is_refused(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/chat_messages").mock(return_value=raised(422, "unknown_node"))
        known, unknown = ROW["mentions"][0], str(UUID(int=1))
        upstream.get("/rest/v1/workspaces").respond(200, json={"sources": [{"id": known}], "labs": []})
        mentions = [unknown, known, unknown.upper()]
        document = problem(client.post("/v1/chat-messages", json=NEW | {"mentions": mentions}), 422, "unknown_node")
        assert [error["loc"] for error in document["errors"]] == [["body", "mentions", 0], ["body", "mentions", 2]]
        assert len(upstream.calls) == 2

    @pytest.mark.parametrize("content", ["  x = 1\n\ty = 2\n", "\u00a0e\u0301", " \n."])
    def test_a_content_is_kept_byte_for_byte(self, client: TestClient, upstream: respx.Router, content: str) -> None:
        upstream.post("/rest/v1/chat_messages").respond(201, json=ROW)
        assert client.post("/v1/chat-messages", json=NEW | {"content": content}).status_code == 201
        assert last_body(upstream)["content"] == content

    def test_fifty_mentions_are_the_most(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/chat_messages").respond(201, json=ROW)
        mentions = [str(UUID(int=n)) for n in range(51)]
        assert client.post("/v1/chat-messages", json=NEW | {"mentions": mentions[:50]}).status_code == 201
        assert last_body(upstream)["mentions"] == mentions[:50]
        problem(client.post("/v1/chat-messages", json=NEW | {"mentions": mentions}), 422, "invalid_request")
        assert len(upstream.calls) == 1

    def test_a_content_of_100_000_characters_is_the_longest(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.post("/rest/v1/chat_messages").respond(201, json=ROW)
        assert client.post("/v1/chat-messages", json=NEW | {"content": "🦉" * 100_000}).status_code == 201
        problem(client.post("/v1/chat-messages", json=NEW | {"content": "x" * 100_001}), 422, "invalid_request")

    @pytest.mark.parametrize(
        "change",
        [
            {"role": "system"},
            {"role": "tool"},
            {"role": None},
            {"content": ""},
            {"content": "\n\t"},
            {"content": "nul\x00"},
            {"mentions": None},
            {"mentions": ["1"]},
            {"mentions": {"0": WORKSPACE_ID}},
            {"seq": 1},
            {"status": "streaming"},
            {"chat_id": "a/b"},
            {"chat_id": "x" * 65},
        ],
    )
    def test_an_invalid_body_is_refused_and_nothing_goes_up(
        self, client: TestClient, upstream: respx.Router, change: dict[str, Any]
    ) -> None:
        problem(client.post("/v1/chat-messages", json=NEW | change), 422, "invalid_request")
        assert not upstream.calls


class TestList:
    @pytest.mark.parametrize(("order", "direction", "beyond"), [("-seq", "desc", "lt"), ("seq", "asc", "gt")])
    def test_pages_follow_the_order_of_the_conversation(
        self, client: TestClient, upstream: respx.Router, order: str, direction: str, beyond: str
    ) -> None:
        upstream.get("/rest/v1/chat_messages").respond(200, json=[ROW, ROW | {"seq": 1043}])
        first = client.get("/v1/chat-messages", params={"workspace_id": WORKSPACE_ID, "limit": 1, "order": order})
        assert first.json() == [ROW]
        assert last_request(upstream).url.params["order"] == f"seq.{direction},id.{direction}"
        client.get(first.links["next"]["url"])
        params = last_request(upstream).url.params
        assert (params["seq"], params["workspace_id"]) == (f"{beyond}e.1042", f"eq.{WORKSPACE_ID}")
        assert params["or"] == f'(seq.{beyond}."1042",id.{beyond}.{ROW["id"]})'

    def test_the_newest_come_first(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/chat_messages").respond(200, json=[])
        assert client.get("/v1/chat-messages", params={"workspace_id": WORKSPACE_ID}).json() == []
        assert last_request(upstream).url.params["order"] == "seq.desc,id.desc"

    def test_what_is_new_since_a_message_can_be_asked_for(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/chat_messages").respond(200, json=[ROW, ROW | {"seq": 1043}])
        query: dict[str, str | int] = {"workspace_id": WORKSPACE_ID, "after": 1041, "order": "seq", "limit": 1}
        following = client.get("/v1/chat-messages", params=query).links["next"]["url"]
        assert last_request(upstream).url.params.get_list("seq") == ["gt.1041"]
        client.get(following)
        params = last_request(upstream).url.params
        assert params.get_list("seq") == ["gt.1041", "gte.1042"]
        assert params["order"] == "seq.asc,id.asc"

    def test_one_conversation_can_be_asked_for(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/chat_messages").respond(200, json=[])
        client.get("/v1/chat-messages", params={"workspace_id": WORKSPACE_ID, "chat_id": "side"})
        assert last_request(upstream).url.params["chat_id"] == "eq.side"

    @pytest.mark.parametrize("seq", ["x", "1.5", str(2**63), str(-(2**63))])
    def test_a_cursor_after_every_message_is_refused(
        self, client: TestClient, upstream: respx.Router, seq: str
    ) -> None:
        cursor = urlsafe_b64encode(f"-seq {seq} {ROW['id']}".encode()).decode().rstrip("=")
        response = client.get("/v1/chat-messages", params={"workspace_id": WORKSPACE_ID, "cursor": cursor})
        problem(response, 422, "invalid_cursor")
        assert not upstream.calls

    @pytest.mark.parametrize("query", ["order=created_at", "role=user", "q=rank"])
    def test_an_invalid_query_is_refused(self, client: TestClient, upstream: respx.Router, query: str) -> None:
        problem(client.get(f"/v1/chat-messages?workspace_id={WORKSPACE_ID}&{query}"), 422, "invalid_request")
        assert not upstream.calls


def test_a_message_is_never_edited(client: TestClient, upstream: respx.Router) -> None:
    response = client.patch(PATH, json={"content": "Something else."})
    problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET, HEAD, DELETE"
    assert not upstream.calls
