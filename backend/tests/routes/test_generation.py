"""Generation: who may ask for it, what is refused before a lab is claimed, and what is given back then."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx
from fastapi.testclient import TestClient

from app.generator import MAX_COMPLAINT, TRIES
from app.services.material import MAX_CHARACTERS
from tests.conftest import USER_ID, make_app, server
from tests.model_answers import call, streamed
from tests.routes.exchange import last_request, problem, raised
from tests.scripted_labs import CODE, QUESTION, QUIZ
from tests.test_generator import Judge
from tests.tokens import JWT_SECRET, mint

RPC = "/rest/v1/rpc"
LAB_ID = "60000000-0000-4000-8000-000000000001"
PATH = f"/v1/labs/{LAB_ID}/generate"
SOURCE = {"id": "50000000-0000-4000-8000-000000000001", "title": "Book", "status": "ready", "page_count": 9}
LAB = {
    "id": LAB_ID,
    "workspace_id": "10000000-0000-4000-8000-000000000001",
    "type": "quiz_lab",
    "config": {},
    "source": SOURCE,
}
ROUTES = [("POST", PATH), ("GET", f"{PATH}/stream"), ("POST", f"{PATH}/stop")]


@pytest.fixture
def author(upstream: respx.Router, model_libraries: None) -> Iterator[TestClient]:
    """A client of a gateway that has a model, which does not answer."""
    app = make_app(SUPABASE_JWT_SECRET=JWT_SECRET, AI_MODEL="gone", AI_BASE_URL="http://127.0.0.1:9")
    with TestClient(app, headers={"Authorization": f"Bearer {mint(str(USER_ID))}"}) as client:
        yield client


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_a_token_nothing_is_asked(
    anonymous: TestClient, upstream: respx.Router, method: str, path: str
) -> None:
    problem(anonymous.request(method, path), 401, "unauthenticated")
    assert not upstream.calls


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_an_id_that_is_none_is_refused(author: TestClient, upstream: respx.Router, method: str, path: str) -> None:
    problem(author.request(method, path.replace(LAB_ID, "1")), 422, "invalid_request")
    assert not upstream.calls


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_hidden_lab_is_not_found(author: TestClient, upstream: respx.Router, method: str, path: str) -> None:
    upstream.get("/rest/v1/labs").respond(200, json=[])
    upstream.patch("/rest/v1/labs").respond(200, json=[])
    problem(author.request(method, path), 404, "not_found")


def test_without_a_model_nothing_is_asked(client: TestClient, upstream: respx.Router) -> None:
    problem(client.post(PATH), 503, "model_not_configured")
    assert not upstream.calls


@pytest.mark.parametrize(
    ("change", "status", "code", "said"),
    [
        ({"type": "essay_lab"}, 409, "wrong_lab_type", "This lab is a `essay_lab`"),
        ({"source": None}, 409, "nothing_to_read", "Set its `source_id`"),
        ({"source": SOURCE | {"status": "empty", "page_count": None}}, 409, "nothing_to_read", "it is `empty`"),
        ({"source": SOURCE | {"status": "failed", "page_count": None}}, 409, "nothing_to_read", "it is `failed`"),
        ({"source": SOURCE | {"page_count": None}}, 409, "nothing_to_read", "it is `ready`"),
        ({"config": {"chapter": 2}}, 422, "unknown_chapter", "chapter 2, and the source has 1"),
        ({"config": {"chapter": 0}}, 422, "invalid_request", "`config` cannot be used"),
        ({"config": {"pages": {"first": 3, "last": 2}}}, 422, "unknown_chapter", "pages 3 to 2"),
        ({"config": {"pages": {"first": 9, "last": 10}}}, 422, "unknown_chapter", "The source has 9 pages"),
        ({"config": {"language": "perl"}, "type": "code_lab"}, 422, "invalid_request", "`config.language`"),
        ({"type": "code_lab"}, 503, "runner_unavailable", "cannot be reached"),
        ({"config": {"language": "Python"}, "type": "code_lab"}, 503, "runner_unavailable", "cannot be reached"),
    ],
)
def test_what_cannot_be_generated_is_refused_and_not_claimed(
    author: TestClient, upstream: respx.Router, change: dict[str, Any], status: int, code: str, said: str
) -> None:
    upstream.get("/rest/v1/labs").respond(200, json=[LAB | change])
    chapter = {"position": 1, "level": 1, "title": "One", "first_page": 1, "last_page": 9}
    upstream.get("/rest/v1/rpc/read_chapters").respond(200, json=[chapter])
    refused = problem(author.post(PATH), status, code)
    assert said in refused["detail"]
    assert status != 422 or refused["errors"][0]["loc"][0] == "config"
    assert {call.request.method for call in upstream.calls} == {"GET"}


@pytest.mark.parametrize("code", ["turn_running", "lab_has_content"])
def test_a_lab_that_cannot_be_claimed_costs_no_tokens(author: TestClient, upstream: respx.Router, code: str) -> None:
    upstream.get("/rest/v1/labs").respond(200, json=[LAB])
    upstream.post("/rest/v1/rpc/reserve_tokens").respond(200, json="the-reservation")
    upstream.post("/rest/v1/rpc/begin_generation").mock(return_value=raised(409, code))
    settled = upstream.post("/rest/v1/rpc/settle_tokens").mock(return_value=httpx.Response(204))
    problem(author.post(PATH), 409, code)
    assert json.loads(settled.calls.last.request.content) == {"reservation": "the-reservation", "used": 0}


def test_a_stopped_lab_is_pending_and_only_one_that_was_generating(author: TestClient, upstream: respx.Router) -> None:
    upstream.patch("/rest/v1/labs").respond(200, json=[{"status": "pending"}])
    assert author.post(f"{PATH}/stop").status_code == 204
    asked = last_request(upstream)
    assert json.loads(asked.content) == {"status": "pending"}
    assert dict(asked.url.params) == {"id": f"eq.{LAB_ID}", "status": "eq.generating", "select": "status"}


def test_a_lab_that_is_not_being_generated_has_nothing_to_follow(author: TestClient, upstream: respx.Router) -> None:
    upstream.get("/rest/v1/labs").respond(200, json=[{"workspace_id": "w", "status": "failed", "progress": None}])
    assert author.get(f"{PATH}/stream").status_code == 204


@pytest.fixture
def generator(upstream: respx.Router, model_libraries: None) -> Iterator[TestClient]:
    """A client of a gateway whose model is on the same router, where a quiz is generated."""
    upstream.get("/rest/v1/labs").respond(200, json=[LAB])
    upstream.post(f"{RPC}/reserve_tokens", name="reserve").respond(200, json="the-reservation")
    upstream.post(f"{RPC}/begin_generation", name="begin").respond(204)
    upstream.post(f"{RPC}/read_page_heads", name="pages").respond(200, json=[{"number": 2, "text": "A map sends."}])
    upstream.post("/v1/chat/completions", name="model").mock(return_value=written(QUIZ))
    upstream.patch("/rest/v1/labs", name="write").respond(200, json=[{"status": "generating"}])
    upstream.post(f"{RPC}/finish_generation", name="finish").respond(200, json="in_progress")
    upstream.post(f"{RPC}/settle_tokens", name="settle").respond(204)
    urls = {"AI_BASE_URL": f"{server.url}/v1", "RUNNER_URL": f"{server.url}/judge0"}
    app = make_app(SUPABASE_JWT_SECRET=JWT_SECRET, AI_MODEL="a-model", **urls)
    with TestClient(app, headers={"Authorization": f"Bearer {mint(str(USER_ID))}"}) as client:
        yield client


def written(lab: Any) -> httpx.Response:
    """An answer of the model's: this object, or this text."""
    return streamed(lab) if isinstance(lab, str) else streamed(call(json.dumps(lab), begins=True), tokens=42)


def bodies(route: respx.Route) -> list[Any]:
    return [json.loads(each.request.content) for each in route.calls]


def told(answer: Any) -> list[Any]:
    """What a stream says after its beginning: each step, and how it ended."""
    assert answer.status_code == 200, answer.text
    parts = [json.loads(event[6:]) for event in answer.text.split("\n\n") if event.startswith("data: {")]
    return [
        part.get("data") or part["messageMetadata"] for part in parts[1:] if {"data", "messageMetadata"} & set(part)
    ]


def test_a_quiz_is_written_from_its_source_and_given_to_the_lab_at_once(
    generator: TestClient, upstream: respx.Router
) -> None:
    *_, done, end = told(generator.post(PATH))
    assert (done, end) == ({"step": "done"}, {"status": "in_progress", "failure": None})
    (begun,) = bodies(upstream["begin"])
    assert bodies(upstream["finish"]) == [
        {
            "lab_id": LAB_ID,
            "turn": begun["turn"],
            "generated_content": {"questions": QUIZ["questions"]},
            "title": None,  # a blank one is none
            "solution": None,
        }
    ]
    assert all(set(each) <= {"progress", "status", "failure"} for each in bodies(upstream["write"]))
    assert bodies(upstream["settle"]) == [{"reservation": "the-reservation", "used": 42}]
    assert bodies(upstream["pages"]) == [
        {"source_id": SOURCE["id"], "numbers": list(range(1, 10)), "size": MAX_CHARACTERS}
    ]
    assert bodies(upstream["reserve"])[0]["amount"] == TRIES * 4096 + 2 * TRIES * MAX_CHARACTERS // 3
    (asked,) = bodies(upstream["model"])
    assert "[page 2]\nA map sends." in asked["messages"][-1]["content"]


def test_the_solution_of_a_code_lab_is_kept_apart(generator: TestClient, upstream: respx.Router) -> None:
    upstream.get("/rest/v1/labs").respond(200, json=[LAB | {"type": "code_lab"}])
    upstream["model"].mock(return_value=written(CODE))
    judge = Judge("pass", "fail")

    def answer(request: httpx.Request) -> httpx.Response:
        made = judge.answer(request)
        return httpx.Response(made.status_code, content=made.read())

    upstream.route(path__startswith="/judge0").mock(side_effect=answer)
    assert told(generator.post(PATH))[-1]["status"] == "in_progress"
    (kept,) = bodies(upstream["finish"])
    assert (kept["solution"], kept["title"]) == (CODE["solution"], "Doubling")
    assert CODE["solution"] not in kept["generated_content"].values()


@pytest.mark.parametrize(
    ("config", "numbers"),
    [({"chapter": 1}, range(4, 8)), ({"pages": {"first": 2, "last": 3}}, range(2, 4)), ({}, range(1, 10))],
)
def test_only_the_pages_that_are_asked_for_are_read(
    generator: TestClient, upstream: respx.Router, config: Any, numbers: range
) -> None:
    upstream.get("/rest/v1/labs").respond(200, json=[LAB | {"config": config}])
    chapter = {"position": 1, "title": "One", "first_page": 4, "last_page": 7}
    chapters = upstream.get(f"{RPC}/read_chapters").respond(200, json=[chapter])
    generator.post(PATH)
    assert bodies(upstream["pages"])[0]["numbers"] == list(numbers)
    assert all(each.request.url.params["source_id"] == SOURCE["id"] for each in chapters.calls)
    assert ("Book: One" in str(bodies(upstream["model"]))) == ("chapter" in config)


def test_a_long_source_is_read_in_a_hundred_pages(generator: TestClient, upstream: respx.Router) -> None:
    upstream.get("/rest/v1/labs").respond(200, json=[LAB | {"source": SOURCE | {"page_count": 5000}}])
    generator.post(PATH)
    assert len(bodies(upstream["pages"])[0]["numbers"]) == 100


def test_blank_pages_are_nothing_to_read_and_cost_nothing(generator: TestClient, upstream: respx.Router) -> None:
    upstream["pages"].respond(200, json=[{"number": 2, "text": " "}])
    problem(generator.post(PATH), 409, "nothing_to_read")
    assert not upstream["model"].calls
    assert bodies(upstream["settle"]) == [{"reservation": "the-reservation", "used": 0}]


def test_the_model_is_told_what_was_wrong_with_each_try(generator: TestClient, upstream: respx.Router) -> None:
    wordy = "x" * (MAX_CHARACTERS + 1000)
    faulty = {"questions": [QUESTION | {"answer": 2}] * 30}
    upstream["model"].mock(side_effect=[written(wordy), written(faulty), written(QUIZ)])
    steps = told(generator.post(PATH))
    assert steps[-1]["status"] == "in_progress"
    first, second, third = (body["messages"] for body in bodies(upstream["model"]))
    assert [len(first), len(second), len(third)] == [2, 4, 6]
    assert third[:4] == second
    assert (second[2]["role"], len(second[2]["content"])) == ("assistant", MAX_CHARACTERS)
    complaint = third[5]["content"]
    assert complaint.count("the index of a choice") == 20, "no more than helps"
    assert bodies(upstream["settle"])[0]["used"] > 84


def test_a_model_that_says_nothing_is_asked_again_and_at_last_given_up(
    generator: TestClient, upstream: respx.Router
) -> None:
    upstream["model"].mock(return_value=written(""))
    assert told(generator.post(PATH))[-1] == {"status": "failed", "failure": "content_malformed"}
    asked = bodies(upstream["model"])
    assert len(asked) == TRIES
    assert asked[1]["messages"][2]["content"] == "(nothing)"
    assert not upstream["finish"].calls


def test_a_complaint_is_short(generator: TestClient, upstream: respx.Router) -> None:
    strange = {"questions": [QUESTION | {"question": f"{number} " * 1000, "page": 7} for number in range(25)] * 2}
    upstream["model"].mock(side_effect=[written("{" + '"a' * 9000), written(strange), written(QUIZ)])
    generator.post(PATH)
    assert len(bodies(upstream["model"])[2]["messages"][5]["content"]) < MAX_COMPLAINT + 200


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("owner", 204)])
def test_a_viewer_stops_nothing(author: TestClient, upstream: respx.Router, role: str, status: int) -> None:
    upstream.patch("/rest/v1/labs").respond(200, json=[])
    upstream.get("/rest/v1/labs").respond(200, json=[{"workspace_id": "w", "status": "pending", "progress": None}])
    upstream.get("/rest/v1/my_workspaces").respond(200, json=[{"role": role}])
    assert author.post(f"{PATH}/stop").status_code == status
