"""Generation: who may ask for it, what is refused before a lab is claimed, and what is given back then."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx
from fastapi.testclient import TestClient

from tests.conftest import USER_ID, make_app
from tests.routes.exchange import last_request, problem, raised
from tests.tokens import JWT_SECRET, mint

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
def author(upstream: respx.Router) -> Iterator[TestClient]:
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
    upstream.patch("/rest/v1/labs").respond(200, json=[{"id": LAB_ID}])
    assert author.post(f"{PATH}/stop").status_code == 204
    asked = last_request(upstream)
    assert json.loads(asked.content) == {"status": "pending"}
    assert dict(asked.url.params) == {"id": f"eq.{LAB_ID}", "status": "eq.generating", "select": "id"}


def test_a_lab_that_is_not_being_generated_has_nothing_to_follow(author: TestClient, upstream: respx.Router) -> None:
    upstream.get("/rest/v1/labs").respond(200, json=[{"workspace_id": "w", "status": "failed", "progress": None}])
    assert author.get(f"{PATH}/stream").status_code == 204
