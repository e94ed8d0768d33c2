"""The client of Judge0, against a double that answers as Judge0's source says.

What it imitates of judge0/judge0: submissions_controller.rb (201 with `{token}`, `wait not allowed`, `queue is full`,
404, fields), languages_controller.rb, sessions_controller.rb (401 without a body), status.rb, submission.rb (422 by
field), base64_service.rb (lines of 60 characters), isolate_job.rb (internal errors).
"""

import asyncio
import base64
from typing import Any

import httpx
import pytest
import respx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.config import Settings
from app.services import runner as client_of_judge0
from app.services.runner import ENDINGS, FAILED_POLLS, MAX_ANSWER_BYTES, Ending, Outcome, Runner, RunnerError
from tests.conftest import server

STATUSES = {
    1: "In Queue",
    2: "Processing",
    3: "Accepted",
    4: "Wrong Answer",
    5: "Time Limit Exceeded",
    6: "Compilation Error",
    7: "Runtime Error (SIGSEGV)",
    8: "Runtime Error (SIGXFSZ)",
    9: "Runtime Error (SIGFPE)",
    10: "Runtime Error (SIGABRT)",
    11: "Runtime Error (NZEC)",
    12: "Runtime Error (Other)",
    13: "Internal Error",
    14: "Exec Format Error",
}


def encode64(text: bytes | None) -> str | None:
    """As Ruby's Base64.encode64: a line end after every 60 characters."""
    if text is None:
        return None
    whole = base64.b64encode(text).decode()
    return "".join(whole[place : place + 60] + "\n" for place in range(0, len(whole), 60))


class Judge0:
    """One instance. Its attributes say how it answers."""

    def __init__(self) -> None:
        self.languages: Any = [
            {"id": 50, "name": "C (GCC 9.2.0)"},
            {"id": 70, "name": "Python (2.7.17)"},
            {"id": 71, "name": "Python (3.8.1)"},
            {"id": 10, "name": "Python for ML (3.12.3)"},
        ]
        self.token: str | None = None
        self.statuses = [1, 2, 3]
        self.failures: list[int] = []
        """Of the questions to come: with which status each fails; 0 is answered."""
        self.full = False
        self.stdout: bytes | None = b"out"
        self.message: bytes | None = None
        self.received: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.app = Starlette(
            routes=[
                Route("/languages", self.show_languages),
                Route("/submissions", self.create, methods=["POST"]),
                Route("/submissions/{token}", self.show),
            ]
        )

    def refusal(self, request: Request) -> Response | None:
        self.asked.append(f"{request.method} {request.url.path}")
        if self.token and request.headers.get("X-Auth-Token") != self.token:
            return Response(status_code=401)
        return None

    async def show_languages(self, request: Request) -> Response:
        return self.refusal(request) or JSONResponse(self.languages)

    async def create(self, request: Request) -> Response:
        if refused := self.refusal(request):
            return refused
        if request.query_params.get("wait") == "true":
            return JSONResponse({"error": "wait not allowed"}, 400)
        if self.full:
            return JSONResponse({"error": "queue is full"}, 503, {"Retry-After": "3"})
        body = await request.json()
        if body["language_id"] not in [language["id"] for language in self.languages]:
            wrong = f"language with id {body['language_id']} doesn't exist"
            return JSONResponse({"language_id": [wrong]}, 422)
        self.received.append(body)
        return JSONResponse({"token": "d85cd024-1548-4165-96c7-7bc88673f194"}, 201)

    async def show(self, request: Request) -> Response:
        if refused := self.refusal(request):
            return refused
        if self.failures and (failure := self.failures.pop(0)):
            return Response("<html>", failure)
        number = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        fields = {
            "status": {"id": number, "description": STATUSES[number]},
            "stdout": encode64(self.stdout),
            "time": "0.012",
            "wall_time": "0.25",
            "message": encode64(self.message),
        }
        return JSONResponse({name: fields[name] for name in request.query_params["fields"].split(",")})


@pytest.fixture
def judge() -> Judge0:
    return Judge0()


def run(judge: Judge0, *, token: str | None = None, times: int = 1) -> Outcome:
    async def run() -> Outcome:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(judge.app), base_url="http://judge0.test") as client:
            runner = Runner(client, token)
            async with asyncio.timeout(10):
                for _ in range(times):
                    outcome = await runner.run("print(1)", "é", cpu_seconds=5, wall_seconds=10, memory_kib=128_000)
                return outcome

    return asyncio.run(run())


def test_a_program_is_sent_in_base64_and_polled_for(judge: Judge0) -> None:
    judge.stdout = b"\xff" * 500
    assert run(judge) == Outcome(Ending.EXIT, b"\xff" * 500, 0.25)
    assert judge.received == [
        {
            "source_code": base64.b64encode(b"print(1)").decode(),
            "stdin": base64.b64encode("é".encode()).decode(),
            "language_id": 71,
            "cpu_time_limit": 5,
            "wall_time_limit": 10,
            "memory_limit": 128_000,
        }
    ]
    assert [asked.partition(" ")[0] for asked in judge.asked] == ["GET", "POST", "GET", "GET", "GET"]


@pytest.mark.parametrize("number", STATUSES)
def test_every_status_of_judge0_means_something(judge: Judge0, number: int) -> None:
    judge.statuses = [number, 3]
    judge.message = b"Cannot run."
    if number in {13, 14}:
        with pytest.raises(RunnerError, match=f"status {number}: Cannot run."):
            run(judge)
    else:
        assert run(judge).ending is ENDINGS.get(number, Ending.EXIT)


def test_the_newest_python_is_chosen_by_name_and_asked_for_once(judge: Judge0) -> None:
    judge.languages.append({"id": 100, "name": "Python (3.12.5)"})
    run(judge, times=3)
    assert {body["language_id"] for body in judge.received} == {100}
    assert judge.asked.count("GET /languages") == 1


def test_an_instance_whose_ids_have_changed_is_asked_again(judge: Judge0) -> None:
    class Changing(Judge0):
        async def create(self, request: Request) -> Response:
            answer = await super().create(request)
            self.languages = [{"id": len(self.received) + 200, "name": "Python (3.13.0)"}]
            return answer

    changing = Changing()
    run(changing, times=3)
    assert [body["language_id"] for body in changing.received] == [71, 201, 202]


@pytest.mark.parametrize("languages", [[], [{"id": 70, "name": "Python (2.7.17)"}], {"error": "x"}, [5, {"id": "a"}]])
def test_without_python_it_cannot_be_used(judge: Judge0, languages: Any) -> None:
    judge.languages = languages
    with pytest.raises(RunnerError):
        run(judge)


def test_a_full_queue_says_when_to_come_again(judge: Judge0) -> None:
    judge.full = True
    with pytest.raises(RunnerError, match="queue is full") as refused:
        run(judge)
    assert refused.value.retry_after == 3


def test_the_token_is_sent(judge: Judge0) -> None:
    judge.token = "secret"
    assert run(judge, token="secret").ending is Ending.EXIT
    with pytest.raises(RunnerError, match="401"):
        run(judge, token="other")


def test_a_question_that_fails_is_asked_again_a_few_times(judge: Judge0) -> None:
    judge.failures = [500, 502, 503]
    assert run(judge).ending is Ending.EXIT
    judge.failures = [500] * 4
    with pytest.raises(RunnerError, match="500"):
        run(judge)


def test_only_questions_that_fail_in_a_row_count(judge: Judge0) -> None:
    judge.failures = [502] * (FAILED_POLLS - 1) + [0] + [502] * (FAILED_POLLS - 1)
    assert run(judge).ending == Ending.EXIT


def test_a_lost_submission_is_an_error(judge: Judge0) -> None:
    judge.failures = [404]
    with pytest.raises(RunnerError, match="404"):
        run(judge)


def test_the_callers_deadline_ends_it(judge: Judge0) -> None:
    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(judge.app), base_url="http://judge0.test") as client:
            async with asyncio.timeout(0.2):
                await Runner(client).run("", "", cpu_seconds=5, wall_seconds=10, memory_kib=128_000)

    judge.statuses = [2]
    with pytest.raises(TimeoutError):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        *((content, "with 201") for content in (b"", b"[]", b'{"token": "../x"}', b'{"token": 5}', b"<html>")),
        (b" " * MAX_ANSWER_BYTES + b'{"token": "a"}', "more than"),
    ],
)
def test_an_answer_that_is_no_judge0s_is_an_error(content: bytes, told: str) -> None:
    async def run() -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path == "/languages":
                return httpx.Response(200, stream=httpx.ByteStream(b'[{"id": 1, "name": "Python (3.9)"}]'))
            return httpx.Response(201, stream=httpx.ByteStream(content))

        async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://judge0.test") as client:
            await Runner(client).run("", "", cpu_seconds=5, wall_seconds=10, memory_kib=128_000)

    with pytest.raises(RunnerError, match=told):
        asyncio.run(run())


def test_questions_become_rarer_only_so_far(judge: Judge0, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_of_judge0, "FIRST_POLL", 0.001)
    monkeypatch.setattr(client_of_judge0, "SLOWEST_POLL", 0.001)
    judge.statuses = [2] * 30 + [3]
    assert run(judge).ending is Ending.EXIT


def test_a_run_that_takes_too_long_is_an_error(judge: Judge0) -> None:
    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(judge.app), base_url="http://judge0.test") as client:
            await Runner(client, seconds=0.2).run("", "", cpu_seconds=5, wall_seconds=10, memory_kib=128_000)

    judge.statuses = [2]
    with pytest.raises(RunnerError, match="no result within"):
        asyncio.run(run())


def test_without_an_address_there_is_none() -> None:
    runner = Runner.of(Settings(RUNNER_URL=None))
    with pytest.raises(RunnerError, match="RUNNER_URL is not set"):
        asyncio.run(runner.run("", "", cpu_seconds=5, wall_seconds=10, memory_kib=128_000))


def test_as_many_are_asked_at_once_as_runs_may_be(upstream: respx.Router) -> None:
    both = asyncio.Barrier(2)

    async def answer(request: httpx.Request) -> httpx.Response:
        await both.wait()
        return httpx.Response(200, json=[{"id": 71, "name": "Python (3.8.1)"}])

    upstream.get("/languages").mock(side_effect=answer)

    async def check() -> None:
        async with asyncio.timeout(5), Runner.of(Settings(RUNNER_URL=server.url, MAX_RUNS=2)) as runner:
            await asyncio.gather(runner.check(), runner.check())

    asyncio.run(check())


def test_a_runner_that_is_not_there_is_an_error() -> None:
    async def run() -> None:
        async with httpx.AsyncClient(base_url="http://127.0.0.1:9") as client:
            await Runner(client).run("", "", cpu_seconds=5, wall_seconds=10, memory_kib=128_000)

    with pytest.raises(RunnerError, match="cannot be reached"):
        asyncio.run(run())


def test_a_runner_is_asked_anew_whether_it_could_run_something(judge: Judge0) -> None:
    async def check() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(judge.app), base_url="http://judge0.test") as client:
            runner = Runner(client)
            await runner.check()
            judge.languages = []
            await runner.check()

    with pytest.raises(RunnerError, match="has no Python"):
        asyncio.run(check())
    assert judge.asked == ["GET /languages"] * 2


def test_an_instance_that_refuses_a_language_of_its_own_is_asked_once(judge: Judge0) -> None:
    class Refusing(Judge0):
        async def create(self, request: Request) -> Response:
            self.asked.append("POST")
            return JSONResponse({"language_id": ["language with id 71 doesn't exist"]}, 422)

    refusing = Refusing()
    with pytest.raises(RunnerError, match="422"):
        run(refusing)
    assert refusing.asked == ["GET /languages", "POST"]


def test_the_list_of_languages_is_read_anew_after_a_while(judge: Judge0, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_of_judge0, "LANGUAGES_SECONDS", 0.0)
    run(judge, times=2)
    assert judge.asked.count("GET /languages") == 2
