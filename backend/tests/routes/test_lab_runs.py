"""What labs do beyond the five operations: run, start over, be downloaded, give out their solution."""

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from hashlib import md5
from typing import Any

import httpx
import pytest
import respx
from fastapi.testclient import TestClient

from app.answers import PIECE_BYTES
from app.labs import LAB_TYPES
from tests.conftest import USER_ID, make_app, server
from tests.routes.exchange import last_body, last_request, problem, raised
from tests.routes.route_table import RUN
from tests.routes.test_labs import PATH, ROW
from tests.tokens import JWT_SECRET, mint

CONTENT = {
    "instructions": "Write `double(x)`.",
    "starter_code": "def double(x):\n    ...\n",
    "tests": "from solution import double\ndef test_a(): assert double(2) == 4\n",
    "language": "python",
}
LAB = ROW | {"generated_content": CONTENT}
SUBMISSION = "5c2e1d0e-0000-4000-8000-000000000001"


@pytest.fixture
def learner(upstream: respx.Router) -> Iterator[TestClient]:
    """A client of a gateway whose runner is a Judge0 on the same router."""
    app = make_app(SUPABASE_JWT_SECRET=JWT_SECRET, RUNNER_URL=f"{server.url}/judge0", RUNNER_TOKEN="runner-token")
    with TestClient(app, headers={"Authorization": f"Bearer {mint(str(USER_ID))}"}) as client:
        yield client


class Judge:
    """Answers as Judge0 does, of a run whose lines are these. The nonce is read from what is submitted, as the
    program itself does."""

    def __init__(self, upstream: respx.Router, *lines: str, status: int = 3) -> None:
        self.lines = lines
        self.status = status
        self.stdin: dict[str, Any] = {}
        self.languages = upstream.get("/judge0/languages").respond(200, json=[{"id": 7, "name": "Python (3.11.3)"}])
        self.submissions = upstream.post("/judge0/submissions").mock(side_effect=self.submit)
        upstream.get(f"/judge0/submissions/{SUBMISSION}").mock(side_effect=self.show)

    def submit(self, request: httpx.Request) -> httpx.Response:
        self.stdin = json.loads(base64.b64decode(json.loads(request.content)["stdin"]))
        return httpx.Response(201, json={"token": SUBMISSION})

    def show(self, request: httpx.Request) -> httpx.Response:
        stdout = "".join(f"\n{self.stdin['nonce']} {line}\n" for line in self.lines)
        answer = {"status": {"id": self.status}, "stdout": base64.b64encode(stdout.encode()).decode(), "time": "0.5"}
        return httpx.Response(200, json=answer)


class TestRun:
    def test_the_code_runs_against_the_labs_tests_and_the_result_is_kept(
        self, learner: TestClient, upstream: respx.Router
    ) -> None:
        judge = Judge(upstream, "loaded 0 -  ", "test 0 pass  ", "end 0 -  ")
        upstream.get("/rest/v1/labs").respond(200, json=LAB)
        upstream.post("/rest/v1/rpc/record_run").respond(200, json=RUN | {"workspace_id": "x", "lab_id": "y"})
        response = learner.post(f"{PATH}/run", json={"code": "def double(x): return 2 * x"})
        assert (response.status_code, response.json()) == (200, RUN)
        assert (judge.stdin["code"], judge.stdin["tests"]) == ("def double(x): return 2 * x", CONTENT["tests"])
        kept = last_body(upstream)
        assert (kept["lab_id"], kept["code"]) == (ROW["id"], "def double(x): return 2 * x")
        assert kept["tests_md5"] == md5(CONTENT["tests"].encode(), usedforsecurity=False).hexdigest()
        assert kept["result"] == {
            "status": "pass",
            "message": "1 of 1 tests passed.",
            "tests": [{"name": "test_a", "status": "pass", "message": "", "output": ""}],
            "output": "",
            "seconds": 0.5,
        }

    def test_the_runner_is_given_its_own_token_and_not_the_users(
        self, learner: TestClient, upstream: respx.Router
    ) -> None:
        judge = Judge(upstream, status=5)
        upstream.get("/rest/v1/labs").respond(200, json=LAB)
        upstream.post("/rest/v1/rpc/record_run").respond(200, json=RUN)
        learner.post(f"{PATH}/run", json={"code": ""})
        headers = judge.submissions.calls.last.request.headers
        assert headers["x-auth-token"] == "runner-token"
        assert "authorization" not in headers
        assert "never ends?" in last_body(upstream)["result"]["message"]

    def test_without_a_runner_it_is_unavailable_and_nothing_is_recorded(
        self, client: TestClient, upstream: respx.Router
    ) -> None:
        upstream.get("/rest/v1/labs").respond(200, json=LAB)
        response = client.post(f"{PATH}/run", json={"code": ""})
        problem(response, 503, "runner_unavailable")
        assert response.headers["retry-after"] == "5"
        assert len(upstream.calls) == 1

    def test_a_busy_runner_says_when_to_come_again(self, learner: TestClient, upstream: respx.Router) -> None:
        judge = Judge(upstream)
        judge.submissions.mock(side_effect=None)
        judge.submissions.respond(503, json={"error": "queue is full"}, headers={"Retry-After": "7"})
        upstream.get("/rest/v1/labs").respond(200, json=LAB)
        response = learner.post(f"{PATH}/run", json={"code": ""})
        problem(response, 503, "runner_unavailable")
        assert response.headers["retry-after"] == "7"

    @pytest.mark.parametrize(
        ("lab", "code"),
        [(ROW | {"type": "quiz_lab"}, "wrong_lab_type"), (ROW | {"generated_content": None}, "lab_not_ready")],
    )
    def test_what_has_no_tests_does_not_run(
        self, client: TestClient, upstream: respx.Router, lab: dict[str, Any], code: str
    ) -> None:
        upstream.get("/rest/v1/labs").respond(200, json=lab)
        problem(client.post(f"{PATH}/run", json={"code": ""}), 409, code)
        assert len(upstream.calls) == 1

    def test_tests_that_cannot_be_used_are_a_result(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/labs").respond(200, json=LAB | {"generated_content": CONTENT | {"tests": "def f(:"}})
        upstream.post("/rest/v1/rpc/record_run").respond(200, json=RUN)
        client.post(f"{PATH}/run", json={"code": ""})
        result = last_body(upstream)["result"]
        assert (result["status"], result["tests"]) == ("error", [])
        assert "not valid Python in line 1" in result["message"]

    @pytest.mark.parametrize("body", [{}, {"code": None}, {"code": "\0"}, {"code": "é" * 32769}, {"code": 1}])
    def test_an_invalid_body_is_refused(self, client: TestClient, upstream: respx.Router, body: Any) -> None:
        problem(client.post(f"{PATH}/run", json=body), 422, "invalid_request")
        assert not upstream.calls

    def test_any_legal_code_fits_into_a_body_however_it_is_written(
        self, client: TestClient, upstream: respx.Router
    ) -> None:
        upstream.get("/rest/v1/labs").respond(200, json=LAB | {"generated_content": {"tests": ""}})
        upstream.post("/rest/v1/rpc/record_run").respond(200, json=RUN)
        body = '{"code": "' + "\\u0061" * 65536 + '"}'
        headers = {"Content-Type": "application/json"}
        assert client.post(f"{PATH}/run", content=body, headers=headers).status_code == 200
        problem(client.post(f"{PATH}/run", content=body + " " * 1100, headers=headers), 413, "body_too_large")


def test_runs_are_listed_with_the_newest_first(client: TestClient, upstream: respx.Router) -> None:
    runs = [RUN, RUN | {"code": "x" * 2 * PIECE_BYTES}]  # more than is answered in one piece
    upstream.get("/rest/v1/lab_runs").respond(200, json=runs)
    assert client.get(f"{PATH}/runs").json() == runs
    params = last_request(upstream).url.params
    assert (params["lab_id"], params["order"]) == (f"eq.{ROW['id']}", "created_at.desc,id.desc")


def test_a_lab_without_content_cannot_start_over(client: TestClient, upstream: respx.Router) -> None:
    upstream.post("/rest/v1/rpc/reset_lab").mock(return_value=raised(409, "lab_not_ready"))
    problem(client.post(f"{PATH}/reset"), 409, "lab_not_ready")


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        (raised(409, "solution_hidden"), 409, "solution_hidden"),
        (raised(404, "no_solution"), 404, "no_solution"),
        (httpx.Response(200, text="x = 1"), 502, "bad_upstream"),
        (httpx.Response(200, json={"secret": 1}), 502, "bad_upstream"),
    ],
)
def test_a_solution_that_is_not_given_out_says_why(
    client: TestClient, upstream: respx.Router, said: httpx.Response, status: int, code: str
) -> None:
    upstream.get("/rest/v1/rpc/lab_solution").mock(return_value=said)
    problem(client.get(f"{PATH}/solution"), status, code)


class TestDownload:
    def test_a_code_lab_is_a_zip_with_the_learners_draft(self, client: TestClient, upstream: respx.Router) -> None:
        upstream.get("/rest/v1/labs").respond(
            200, json=LAB | {"title": 'Räng "x"\n', "user_state": {"code": "draft = 1\n"}}
        )
        response = client.get(f"{PATH}/download")
        assert (response.status_code, response.headers["content-type"]) == (200, "application/zip")
        assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''R%C3%A4ng%20%22x%22%0A.zip"
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            assert archive.read("solution.py") == b"draft = 1\n"
            assert archive.read("instructions.md").decode() == CONTENT["instructions"]

    def test_flashcards_are_text_for_anki(self, client: TestClient, upstream: respx.Router) -> None:
        cards = {"cards": [{"front": "f", "back": "b"}]}
        upstream.get("/rest/v1/labs").respond(
            200, json=ROW | {"type": "flashcard_lab", "title": None, "generated_content": cards}
        )
        response = client.get(f"{PATH}/download")
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert response.headers["content-disposition"].endswith("flashcard_lab.txt")
        assert response.text.startswith("#separator:tab\n")

    @pytest.mark.parametrize(
        ("lab", "code"),
        [
            (ROW | {"type": "quiz_lab"}, "wrong_lab_type"),
            (ROW | {"type": "essay_lab"}, "wrong_lab_type"),
            (ROW | {"generated_content": None}, "lab_not_ready"),
            (ROW | {"generated_content": {"tests": 1}}, "lab_not_ready"),
        ],
    )
    def test_what_is_no_file_is_refused(
        self, client: TestClient, upstream: respx.Router, lab: dict[str, Any], code: str
    ) -> None:
        upstream.get("/rest/v1/labs").respond(200, json=lab)
        problem(client.get(f"{PATH}/download"), 409, code)


@pytest.mark.parametrize("name", [known.content.__name__ for known in LAB_TYPES.values()])
def test_the_content_of_each_type_has_a_schema_with_an_example(client: TestClient, name: str) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert schemas[name]["examples"]
    assert {"$ref": f"#/components/schemas/{name}"} in schemas["Lab"]["properties"]["generated_content"]["anyOf"]
