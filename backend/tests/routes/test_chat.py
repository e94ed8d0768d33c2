"""The tutor over the API: what is refused before a question is kept, what is kept, and the answer from end to end."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid5

import httpx
import pytest
import respx
from fastapi.testclient import TestClient

from app.lab_errors import ModelNotConfiguredError
from app.routes.v1.chat import MAX_QUESTION
from app.services.model import Model
from app.tutor import MAX_ANSWER
from tests.conftest import USER_ID, make_app, server
from tests.model_answers import streamed
from tests.respx_server import hang
from tests.routes.exchange import last_request, problem, raised
from tests.tokens import JWT_SECRET, mint

WORKSPACE_ID = "10000000-0000-4000-8000-000000000001"
NODE_ID = "50000000-0000-4000-8000-000000000001"
ANSWER_ID = "60000000-0000-4000-8000-000000000001"
RUNNING = {"id": ANSWER_ID, "status": "streaming"}
PATH = f"/v1/workspaces/{WORKSPACE_ID}/chat"
MESSAGES = "/rest/v1/chat_messages"
RPC = "/rest/v1/rpc"
CONTEXT = {
    "messages": [{"role": "user", "content": "Why?"}],
    "labs": [],
    "pages": [{"source_id": NODE_ID, "title": "Maps", "page": 41, "text": "A map sends."}],
}


@pytest.fixture
def learner(upstream: respx.Router, model_libraries: None) -> Iterator[TestClient]:
    """A client of a gateway whose model is on the same router, where a question is answered."""
    app = make_app(SUPABASE_JWT_SECRET=JWT_SECRET, AI_MODEL="a-model", AI_BASE_URL=f"{server.url}/v1")
    upstream.post(f"{RPC}/reserve_tokens", name="reserve").respond(200, json="the-reservation")
    upstream.post(f"{RPC}/begin_answer", name="begin").respond(204)
    upstream.post(f"{RPC}/tutor_context", name="context").respond(200, json=CONTEXT)
    upstream.post("/v1/chat/completions", name="model").mock(return_value=streamed("See ", "[1].", tokens=42))
    upstream.patch(MESSAGES, name="write").respond(200, json=[{"status": "streaming"}])
    upstream.post(f"{RPC}/settle_tokens", name="settle").respond(204)
    with TestClient(app, headers={"Authorization": f"Bearer {mint(str(USER_ID))}"}) as client:
        yield client


def asking(text: str = "Why?", message_id: str = "aBc1", **body: Any) -> dict[str, Any]:
    """What `useChat` sends."""
    return {"messages": [{"id": message_id, "role": "user", "parts": [{"type": "text", "text": text}]}], **body}


def sent(route: respx.Route) -> Any:
    """The last body that a route was sent."""
    return json.loads(route.calls.last.request.content)


def parts(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(event[6:]) for event in answer.text.split("\n\n") if event.startswith("data: {")]


def test_a_question_is_kept_and_answered_from_end_to_end(learner: TestClient, upstream: respx.Router) -> None:
    told = parts(learner.post(PATH, json=asking(id="main", mentions=[NODE_ID])))
    assert "".join(part.get("delta", "") for part in told) == "See [1]."
    begun = sent(upstream["begin"])
    assert told[0]["messageId"] == begun.pop("answer_id")
    assert begun == {
        "workspace_id": WORKSPACE_ID,
        "chat_id": "main",
        "question": {"id": str(uuid5(UUID(WORKSPACE_ID), "main aBc1")), "content": "Why?", "mentions": [NODE_ID]},
        "replaced_id": None,
    }
    page = {"number": 1, "source_id": NODE_ID, "title": "Maps", "page": 41}
    assert sent(upstream["write"]) == {"content": "See [1].", "status": "complete", "sources": [page], "tokens": 42}
    assert sent(upstream["settle"]) == {"reservation": "the-reservation", "used": 42}
    assert sent(upstream["reserve"])["amount"] == 4096 + 48_000 // 3
    assert "A map sends." in str(sent(upstream["model"])["messages"])


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "The last message"),
        ([{"role": "assistant", "parts": [{"type": "text", "text": "Why?"}]}], "The last message"),
        (asking(" \n")["messages"], "The last message"),
        (asking("x" * (MAX_QUESTION + 1))["messages"], "at most 100000"),
        (asking("a\0")["messages"], "none of them NUL"),
    ],
)
def test_what_is_no_question_is_refused_and_nothing_goes_up(
    learner: TestClient, upstream: respx.Router, messages: Any, said: str
) -> None:
    refused = problem(learner.post(PATH, json={"messages": messages}), 422, "invalid_request")
    assert said in refused["detail"]
    assert refused["errors"][0]["loc"] == ["body", "messages"]
    assert not upstream.calls


def test_the_longest_question_is_taken(learner: TestClient, upstream: respx.Router) -> None:
    parts(learner.post(PATH, json=asking("x" * MAX_QUESTION)))
    assert len(sent(upstream["begin"])["question"]["content"]) == MAX_QUESTION


def test_without_a_model_no_question_is_kept(client: TestClient, upstream: respx.Router) -> None:
    problem(client.post(PATH, json=asking()), 503, "model_not_configured")
    assert not upstream.calls


def test_an_id_of_the_clients_is_a_messages_of_its_conversation(learner: TestClient, upstream: respx.Router) -> None:
    ids = []
    for chat_id, message_id in (
        ("a", "m"),
        ("b", "m"),
        ("a", "m"),
        ("a", "ABCDEF00-0000-4000-8000-000000000001"),
        ("a", ""),
    ):
        parts(learner.post(PATH, json=asking(message_id=message_id, id=chat_id)))
        ids.append(sent(upstream["begin"])["question"]["id"])
    assert ids[0] == ids[2] != ids[1]
    assert ids[3] == "abcdef00-0000-4000-8000-000000000001"
    assert UUID(ids[4]).version == 4


def test_what_is_answered_again_has_no_question(learner: TestClient, upstream: respx.Router) -> None:
    parts(learner.post(PATH, json=asking(id="main", trigger="regenerate-message", messageId="m")))
    begun = sent(upstream["begin"])
    assert (begun["question"], begun["replaced_id"]) == (None, str(uuid5(UUID(WORKSPACE_ID), "main m")))
    parts(learner.post(PATH, json=asking(messageId=None)))
    assert sent(upstream["begin"])["replaced_id"] is None


@pytest.mark.parametrize(("role", "status", "code"), [("viewer", 403, "read_only"), (None, 404, "not_found")])
def test_a_question_that_cannot_be_kept_costs_no_tokens(
    learner: TestClient, upstream: respx.Router, role: str | None, status: int, code: str
) -> None:
    upstream["begin"].mock(return_value=raised(404, "workspace_not_found"))
    upstream.get("/rest/v1/my_workspaces").respond(200, json=[{"role": role}] if role else [])
    problem(learner.post(PATH, json=asking()), status, code)
    assert sent(upstream["settle"]) == {"reservation": "the-reservation", "used": 0}
    assert not upstream["model"].calls


def test_a_refusal_of_the_model_is_a_problem_and_is_written(learner: TestClient, upstream: respx.Router) -> None:
    upstream["model"].mock(return_value=httpx.Response(401, json={}))
    problem(learner.post(PATH, json=asking()), 502, "model_refused")
    written = sent(upstream["write"])
    assert (written["status"], written["failure"], written["tokens"]) == ("failed", "model_refused", 0)
    assert sent(upstream["settle"])["used"] == 0


def test_an_answer_of_nothing_but_space_is_a_failure(learner: TestClient, upstream: respx.Router) -> None:
    upstream["model"].mock(return_value=streamed(" ", "\n"))
    told = parts(learner.post(PATH, json=asking()))
    assert "error" in [part["type"] for part in told]
    assert sent(upstream["write"])["failure"] == "model_unavailable"


def test_an_answer_is_as_long_as_a_message_can_be(learner: TestClient, upstream: respx.Router) -> None:
    upstream["model"].mock(return_value=streamed(*["x" * 60_000] * 3))
    parts(learner.post(PATH, json=asking()))
    assert len(sent(upstream["write"])["content"]) == MAX_ANSWER


def test_a_conversation_without_an_unfinished_answer_has_nothing_to_follow(
    learner: TestClient, upstream: respx.Router
) -> None:
    upstream.get(MESSAGES).respond(200, json=[])
    upstream.get("/rest/v1/my_workspaces", name="role").respond(200, json=[{"role": "viewer"}])
    answer = learner.get(f"{PATH}/main/stream")
    assert (answer.status_code, answer.content) == (204, b"")
    upstream["role"].respond(200, json=[])
    problem(learner.get(f"{PATH}/main/stream"), 404, "not_found")


def test_an_answer_that_is_written_elsewhere_is_followed(learner: TestClient, upstream: respx.Router) -> None:
    row = {"status": "complete", "content": "Because."}
    upstream.get(MESSAGES).mock(side_effect=[httpx.Response(200, json=[RUNNING]), httpx.Response(200, json=[row])])
    told = parts(learner.get(f"{PATH}/main/stream"))
    assert (told[0]["messageId"], told[2]["delta"]) == (ANSWER_ID, "Because.")
    asked = upstream.calls[0].request.url.params
    assert (asked["workspace_id"], asked["chat_id"]) == (f"eq.{WORKSPACE_ID}", "eq.main")
    assert asked["status"] == "in.(streaming,stopping)"


def test_only_the_conversations_answer_is_asked_to_stop(learner: TestClient, upstream: respx.Router) -> None:
    upstream["write"].respond(200, json=[{"id": ANSWER_ID, "status": "stopping"}])
    lapsed = upstream.post(f"{RPC}/end_lapsed_turns").respond(204)
    assert learner.post(f"{PATH}/main/stop").status_code == 204
    asked = upstream["write"].calls.last.request
    assert json.loads(asked.content) == {"status": "stopping"}
    assert dict(asked.url.params) == {
        "workspace_id": f"eq.{WORKSPACE_ID}",
        "chat_id": "eq.main",
        "status": "eq.streaming",
        "select": "id,status",
    }
    assert sent(lapsed) == {"workspace_id": WORKSPACE_ID}


def test_an_answer_that_is_written_here_stops_at_once(learner: TestClient, upstream: respx.Router) -> None:
    is_asked = threading.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        is_asked.set()
        return await hang(request)

    upstream["model"].mock(side_effect=answer)
    upstream.post(f"{RPC}/end_lapsed_turns").respond(204)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(learner.post, PATH, json=asking())
        assert is_asked.wait(10)
        row = {"id": sent(upstream["begin"])["answer_id"], "status": "streaming"}
        upstream["write"].respond(200, json=[row])
        assert learner.post(f"{PATH}/main/stop").status_code == 204
        end = {"status": "stopped", "failure": None}
        assert end in [part.get("messageMetadata") for part in parts(asked.result(10))]
    assert sent(upstream["write"])["status"] == "stopped"


@pytest.mark.parametrize(
    ("role", "unfinished", "status", "code"),
    [
        ("owner", [], 204, None),
        ("editor", [RUNNING], 403, "asker_only"),
        ("viewer", [], 403, "read_only"),
        (None, [], 404, "not_found"),
    ],
)
def test_who_may_not_stop_an_answer_is_told_why(
    learner: TestClient, upstream: respx.Router, role: str | None, unfinished: Any, status: int, code: str | None
) -> None:
    upstream["write"].respond(200, json=[])
    upstream.get(MESSAGES).respond(200, json=unfinished)
    upstream.get("/rest/v1/my_workspaces").respond(200, json=[{"role": role}] if role else [])
    answer = learner.post(f"{PATH}/main/stop")
    assert answer.status_code == status
    assert code is None or problem(answer, status, code)
    assert last_request(upstream).method == "GET"


def test_the_time_in_which_the_models_libraries_load_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    async def load(self: Model) -> None:
        await asyncio.sleep(0.2)
        raise ModelNotConfiguredError

    monkeypatch.setattr(Model, "open", load)
    app = make_app(SUPABASE_JWT_SECRET=JWT_SECRET, REQUEST_TIMEOUT="0.1")
    with TestClient(app, headers={"Authorization": f"Bearer {mint(str(USER_ID))}"}) as client:
        for path in (PATH, f"/v1/labs/{NODE_ID}/generate"):
            problem(client.post(path, json=asking(id="main")), 503, "model_not_configured")
